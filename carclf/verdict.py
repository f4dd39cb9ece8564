"""Probabilities and labels -> the scores, tables and pictures of an evaluation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carclf import metrics
from triptych import calibration, report, run

_SHOWN = 25


def judge(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    names: Sequence[str],
    k: int,
    to: Path,
) -> dict[str, Any]:
    """Write per_class.csv, confusion.png and calibration.png into `to`; print and return scores.

    `probabilities` [N, C], `labels` [N] positions, `classes` and `names` of length C. Shares are in
    [0, 1]; means over classes leave out those without pictures.
    """
    counts = metrics.confusion(probabilities, labels)
    table = metrics.per_class(counts, list(names))
    table.insert(0, "Category", list(classes))
    table.to_csv(to / "per_class.csv", index=False, float_format="%.4f")
    report.confusion(counts, names, to / "confusion.png")
    reliability = calibration.reliability(
        probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    )
    error = calibration.error(reliability)
    report.reliability(reliability, error, to / "calibration.png")
    accuracy = metrics.accuracy(probabilities, labels)
    low, high = calibration.interval(accuracy, len(labels))
    with_pictures = table[table["pictures"] > 0]
    scores = {
        "pictures": len(labels),
        "accuracy": accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        f"top_{k}": metrics.top_k(probabilities, labels, k),
        "mean_recall": float(with_pictures["recall"].mean()),
        "mean_f1": float(with_pictures["f1"].mean()),
        "mean_confidence": float(probabilities.max(axis=1).mean()),
        "calibration_error": error,
    }
    _show(with_pictures)
    print(
        f"\naccuracy {accuracy:.4f} of {len(labels)} pictures (95 % interval {low:.3f}..{high:.3f})"
        f"\nright among the {k} most probable: {scores[f'top_{k}']:.4f}"
        f"\nmean confidence {scores['mean_confidence']:.4f}, expected calibration error {error:.4f}"
    )
    return scores


def write_predictions(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    paths: Sequence[Path],
    to: Path,
) -> None:
    """Write a csv: Id, Category (true), answer, then the probability of every class."""
    answers = probabilities.argmax(axis=1)
    rows = [
        (path.name, classes[label], classes[answer], *map("{:.6f}".format, row))
        for path, label, answer, row in zip(paths, labels, answers, probabilities, strict=True)
    ]
    run.write_rows(to, ("Id", "Category", "answer", *classes), rows)


def _show(table: pd.DataFrame) -> None:
    """Print the classes, the one with the lowest F1 first."""
    weakest = table.sort_values("f1", kind="stable").head(_SHOWN)
    print(weakest.to_string(index=False, float_format="{:.3f}".format, na_rep="-"))
    if len(table) > len(weakest):
        print(f"the {len(weakest)} weakest of {len(table)} classes; all are in per_class.csv")

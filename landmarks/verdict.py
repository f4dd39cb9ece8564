"""Predicted and true points -> the scores, tables and pictures of an evaluation."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from landmarks import metrics, portraits
from landmarks.predictor import Answers
from landmarks.submission import all_points
from triptych import run

Subsets = Mapping[str, Sequence[int]]

IBUG_POINTS = 68
IBUG_EYES = (36, 45)
IBUG_SUBSETS: Subsets = {
    "jaw": range(17),
    "brows": range(17, 27),
    "nose": range(27, 36),
    "eyes": range(36, 48),
    "mouth": range(48, 68),
}
_TYPICAL = 12


@dataclass(frozen=True)
class Judged:
    """Points of R pictures found and known, and what every picture's error is divided by.

    `true` [R, N, 2] and the `answers` in pixels of the original pictures; `normaliser` [R] in
    pixels, `measure` says what it is.
    """

    paths: Sequence[Path]
    true: np.ndarray
    answers: Answers
    normaliser: np.ndarray
    measure: str

    @property
    def mse(self) -> np.ndarray:
        """[R]: every picture's mean squared error, in pixels squared."""
        return metrics.mse_per_picture(self.answers.points, self.true)

    @property
    def nme(self) -> np.ndarray:
        """[R]: every picture's mean distance of the points, as a share of the normaliser."""
        return metrics.nme(self.answers.points, self.true, self.normaliser)


def default_pair(count: int) -> tuple[int, int] | None:
    """The outer eye corners where there are `count` = 68 points, iBUG's; else None."""
    return IBUG_EYES if count == IBUG_POINTS else None


def normaliser(
    true: np.ndarray, sizes: np.ndarray, paths: Sequence[Path], pair: tuple[int, int] | None
) -> tuple[np.ndarray, str]:
    """What the errors of each of `true` [R, N, 2] are divided by [R], in pixels, and its name.

    That is the distance of two points, or with None the root of the area of the points' box. A
    single point has neither: there it is the shorter of `sizes` [R, 2], the picture's sides.

    Raises:
        ValueError: there is no such point, or the length is 0 (names the picture).
    """
    count = true.shape[1]
    if pair is None:
        lengths, measure = metrics.box(true), "root of the box's area"
        if count == 1:
            lengths, measure = sizes.min(axis=1).astype(np.float64), "the picture's shorter side"
    else:
        lengths, measure = metrics.pair(true, *pair), f"distance of points {pair[0]} and {pair[1]}"
        if count == IBUG_POINTS and pair == IBUG_EYES:
            measure += ", the outer eye corners"
    if (zero := lengths == 0).any():
        raise ValueError(
            f"{paths[int(zero.argmax())]}: its errors cannot be divided by 0, {measure}"
        )
    return lengths, measure


def read_subsets(path: Path | None, count: int) -> Subsets:
    """Names of parts of the face and their points; without a file iBUG's where there are 68.

    Raises:
        ValueError: the file is no JSON of {"name": [indices]}, or there is no such point.
    """
    if path is None:
        return IBUG_SUBSETS if count == IBUG_POINTS else {}
    try:
        subsets = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(subsets, dict):
        raise ValueError(f'{path} must be {{"name": [points]}}; received: {str(subsets)[:60]}')
    for name, indices in subsets.items():
        is_list = isinstance(indices, list) and len(indices) > 0
        if not is_list or any(type(i) is not int or not 0 <= i < count for i in indices):
            raise ValueError(
                f"{path}: {name!r} must be a list of points in 0..{count - 1}; received: {indices}"
            )
    return subsets


def judge(judged: Judged, threshold: float, subsets: Subsets, to: Path) -> dict[str, Any]:
    """Write the tables and curves into `to`; print and return the scores.

    Writes subsets.csv, per_point.csv, predictions.csv, mean_face.png and ced.png. A picture fails
    with an NME over `threshold`. Beside the `subsets` of points stand thirds of the pictures, by
    the size of the face.
    """
    nme = judged.nme
    points = {name: np.array(indices) for name, indices in subsets.items()}
    found, true, lengths = judged.answers.points, judged.true, judged.normaliser
    table = metrics.by_subset(found, true, lengths, points, _thirds(true), threshold)
    table.to_csv(to / "subsets.csv", index=False, float_format="%.5f")
    _write_points(judged, to / "per_point.csv")
    _write_predictions(judged, to / "predictions.csv")
    scores: dict[str, Any] = {
        "pictures": len(nme),
        "normaliser": judged.measure,
        "threshold": threshold,
        "mse": metrics.mse(found, true),
        "nme": float(nme.mean()),
        "failures": metrics.failure_rate(nme, threshold),
        "auc": metrics.auc(nme, threshold),
        "subsets": table.to_dict("records"),
    }
    portraits.mean_face(
        judged.paths,
        true,
        metrics.per_point(found, true, lengths),
        judged.measure,
        to / "mean_face.png",
    )
    portraits.error_curve(
        nme, threshold, scores["failures"], scores["auc"], judged.measure, to / "ced.png"
    )
    print(table.to_string(index=False, float_format="{:.4f}".format))
    print(
        f"\nMSE {scores['mse']:.4f} px^2 of {len(nme)} pictures"
        f"\nNME {scores['nme']:.3%}, failures (over {threshold:.0%}) {scores['failures']:.2%}, "
        f"area under the error curve {scores['auc']:.4f}"
        f"\nerrors are divided by: {judged.measure}"
    )
    if judged.answers.spread is not None:
        scores["spread"] = certainty(judged, judged.answers.spread)
        said = (f"{name.replace('_', ' ')} {v:.3f}" for name, v in scores["spread"].items())
        print(f"spread: {', '.join(said)}")
    return scores


def certainty(judged: Judged, spread: np.ndarray) -> dict[str, float]:
    """How well `spread` [R, N] (pixels) tells the errors: rank correlations, and MSE of halves.

    The halves are those of the pictures with the smaller and the larger mean spread.
    """
    errors = metrics.errors(judged.answers.points, judged.true)
    order = np.argsort(spread.mean(axis=1), kind="stable")
    half = (len(order) + 1) // 2
    return {
        "correlation_of_points": _rank_correlation(spread.ravel(), errors.ravel()),
        "correlation_of_pictures": _rank_correlation(spread.mean(axis=1), errors.mean(axis=1)),
        "mse_certain_half": float(judged.mse[order[:half]].mean()),
        "mse_uncertain_half": float(judged.mse[order[-half:]].mean()),
    }


def show_faces(judged: Judged, most: int, to: Path) -> None:
    """Write worst.png, at most `most` faces, and typical.png, the best and those in the middle."""
    order = np.argsort(-judged.nme, kind="stable")
    middle = max(0, len(order) // 2 - _TYPICAL // 4)
    best = order[::-1][: _TYPICAL // 2]
    typical = dict.fromkeys([*best.tolist(), *order[middle:][: _TYPICAL // 2].tolist()])
    colours = f"of {len(order)} pictures; red: predicted, green: true"
    for chosen, title, name in (
        (
            order[:most].tolist(),
            f"the {min(most, len(order))} largest errors {colours}",
            "worst.png",
        ),
        (list(typical) if most else [], f"the best and the median {colours}", "typical.png"),
    ):
        portraits.faces(
            [judged.paths[i] for i in chosen],
            judged.answers.points[chosen],
            judged.true[chosen],
            [f"NME {judged.nme[i]:.1%}, MSE {judged.mse[i]:.2f} px²" for i in chosen],
            title,
            to / name,
        )


def _thirds(true: np.ndarray) -> dict[str, np.ndarray]:
    """Positions of the smaller, middle and larger faces, by the area of the points' box."""
    if len(true) < 3:
        return {}
    size = np.ptp(true, axis=1).prod(axis=1)
    names = ("small faces", "medium faces", "large faces")
    parts = np.array_split(np.argsort(size, kind="stable"), 3)
    return dict(zip(names, parts, strict=True))


def _write_points(judged: Judged, to: Path) -> None:
    found, true = judged.answers.points, judged.true
    table = {
        "index": np.arange(true.shape[1]),
        "error_px": metrics.per_point(found, true),
        "nme": metrics.per_point(found, true, judged.normaliser),
    }
    pd.DataFrame(table).to_csv(to, index=False, float_format="%.5f")


def _write_predictions(judged: Judged, to: Path) -> None:
    columns, rows = all_points(judged.paths, judged.answers.points, judged.answers.spread)
    errors = zip(judged.mse, judged.nme, strict=True)
    scored = [
        (name, f"{mse:.4f}", f"{nme:.5f}", *values)
        for (name, *values), (mse, nme) in zip(rows, errors, strict=True)
    ]
    run.write_rows(to, (columns[0], "mse", "nme", *columns[1:]), scored)


def _rank_correlation(left: np.ndarray, right: np.ndarray) -> float:
    """Spearman's; 0 where one of them is the same everywhere."""
    ranks = [pd.Series(values).rank().to_numpy() for values in (left, right)]
    if min(np.ptp(rank) for rank in ranks) == 0:
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])

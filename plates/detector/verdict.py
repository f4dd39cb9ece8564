"""Plates found and the true ones -> the scores, tables and pictures of an evaluation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from plates import geometry
from plates.detector import portraits, scores
from plates.detector.records import Problem, Sample
from plates.detector.scores import Scored
from plates.photographs import Source, batches, decoded
from triptych import calibration, run
from triptych.images import decode

CORNERS = ("x0", "y0", "x1", "y1", "x2", "y2", "x3", "y3")
_WIDTHS = (0, 40, 80, 160, np.inf)  # pixels
_SHOWN = ["kind", "iou", "ap", "precision", "recall", "f1", "mean_iou", "corner_error"]

T = TypeVar("T")


def ask(
    samples: Sequence[Sample], find: Callable[[list[np.ndarray]], list[list[T]]]
) -> tuple[list[Sample], list[list[T]], list[Problem]]:
    """What `find` finds in the photographs: samples that can be judged, answers, and remarks.

    A photograph that cannot be read is left out with a remark, and so is a label where no plate can
    be (`geometry.problem`). `find` gets a few pictures [H, W, 3] uint8 RGB at a time.
    """
    by_name = {sample.name: sample for sample in samples}
    unreadable: dict[str, str] = {}
    judged: list[Sample] = []
    answers: list[list[T]] = []
    problems: list[Problem] = []
    sources = [Source(sample.path, sample.name) for sample in samples]
    for batch in batches(decoded(sources, unreadable)):
        answers += find([image for _, image in batch])
        for source, image in batch:
            sample = by_name[source.name]
            height, width = image.shape[:2]
            reasons = [geometry.problem(quad, height, width) for quad in sample.quads]
            kept = [i for i, reason in enumerate(reasons) if not reason]
            corners = tuple(sample.quads[i] for i in kept)
            texts = tuple(sample.texts[i] for i in kept)
            judged.append(replace(sample, quads=corners, texts=texts))
            problems += [
                Problem(f"{sample.path}, box {number}", f"left out: {reason}")
                for number, reason in enumerate(reasons, start=1)
                if reason
            ]
    problems += [Problem(name, reason) for name, reason in unreadable.items()]
    return judged, answers, problems


def quads(samples: Sequence[Sample]) -> list[list[np.ndarray]]:
    """The true quads [4, 2] of every photograph."""
    return [[geometry.quad(corners) for corners in sample.quads] for sample in samples]


@dataclass(frozen=True)
class Judged:
    """P photographs, and the plates found in each, whatever their scores."""

    samples: Sequence[Sample]
    found: Sequence[Sequence[Scored]]
    least: float
    """Plates with at least this score count as found."""

    def kept(self) -> list[list[Scored]]:
        """The plates that count as found, the surest first."""
        return [
            sorted((p for p in some if p.score >= self.least), key=lambda p: -p.score)
            for some in self.found
        ]

    def pairs(self) -> scores.Matched:
        """What each of the `kept` plates is, those that are found loosely included."""
        (told,) = scores.matched(
            self.kept(), quads(self.samples), "label", [(scores.FOUND, scores.TOUCHED)]
        )
        return told


def judge(judged: Judged, to: Path) -> dict[str, Any]:
    """Write tables and the curve into `to`; print and return the scores.

    Writes scores.csv, detections.csv (all plates found, those under the threshold too), plates.csv
    (all true plates, the missed ones too), by_width.csv, by_source.csv and curve.png.

    Raises:
        ValueError: no photograph has a plate.
    """
    true = quads(judged.samples)
    rows = scores.summary(judged.found, true, judged.least)
    table = pd.DataFrame(rows)
    best = pd.json_normalize([row["best"] or {} for row in rows]).add_prefix("best_")
    flat = pd.concat([table.drop(columns="best"), best], axis=1)
    flat.to_csv(to / "scores.csv", index=False, float_format="%.5f")
    write_detections([s.name for s in judged.samples], judged.found, true, to / "detections.csv")
    plates = _plates(judged)
    plates.to_csv(to / "plates.csv", index=False, float_format="%.5f")
    parts = {"width": _by(plates, _bands(plates["width"])), "source": _by(plates, plates["source"])}
    for name, part in parts.items():
        part.to_csv(to / f"by_{name}.csv", index=False, float_format="%.5f")
    here = dict(zip(scores.LEVELS, scores.matched(judged.found, true, "label"), strict=True))
    portraits.curves(here, judged.least, to / "curve.png")
    _show(table, parts)
    return {
        "photographs": len(judged.samples),
        "plates": len(plates),
        "threshold": judged.least,
        "scores": rows,
        **{f"by_{name}": _rows(part) for name, part in parts.items()},
    }


def write_detections(
    names: Sequence[str],
    found: Sequence[Sequence[Scored]],
    true: Sequence[Sequence[np.ndarray]],
    to: Path,
) -> None:
    """Write a csv of all plates found: file, corners, score, and the IoU with the true plate.

    It is compared as a "label" (`scores`), and empty for what is no plate at all.
    """
    (told,) = scores.matched(found, true, "label", [(scores.FOUND, scores.TOUCHED)])
    rows = []
    for photograph, place, iou in zip(told.photograph, told.place, told.iou, strict=True):
        plate = found[photograph][place]
        corners = [f"{value:.2f}" for value in np.ravel(plate.corners)]
        shown = "" if np.isnan(iou) else f"{iou:.4f}"
        rows.append((names[photograph], *corners, f"{plate.score:.5f}", shown))
    run.write_rows(to, ("file", *CORNERS, "score", "iou"), rows)


def show_worst(judged: Judged, most: int, to: Path) -> None:
    """Write worst.png: `portraits.worst`, at most `most` plates of each kind."""
    names = [sample.name for sample in judged.samples]
    portraits.worst(
        lambda i: decode(judged.samples[i].path),
        names,
        quads(judged.samples),
        judged.kept(),
        judged.pairs(),
        most,
        to / "worst.png",
    )


def _plates(judged: Judged) -> pd.DataFrame:
    """A row for each true plate; iou, score and corner_error are NaN where it was missed."""
    kept, told = judged.kept(), judged.pairs()
    which = {
        (p, t): i
        for i, (p, t) in enumerate(zip(told.photograph, told.truth, strict=True))
        if t >= 0
    }
    rows = []
    for p, (sample, some) in enumerate(zip(judged.samples, quads(judged.samples), strict=True)):
        for t, quad in enumerate(some):
            i = which.get((p, t))
            rows.append(
                {
                    "file": sample.name,
                    **dict(zip(CORNERS, quad.ravel().tolist(), strict=True)),
                    "width": geometry.sides(quad)[0],
                    "source": sample.source or "unknown",
                    "score": np.nan if i is None else kept[p][told.place[i]].score,
                    "iou": np.nan if i is None else told.iou[i],
                    "corner_error": np.nan if i is None else 100 * told.corners_off[i],
                }
            )
    return pd.DataFrame(rows)


def _bands(width: pd.Series) -> pd.Series:
    """Names of the bands of the plates' widths."""
    names = [f"{low}-{high}" if high < np.inf else f"{low}+" for low, high in pairwise(_WIDTHS)]
    return pd.cut(width, list(_WIDTHS), right=False, labels=names)


def _by(plates: pd.DataFrame, part: pd.Series) -> pd.DataFrame:
    """Recall at IoU 0.5, mean IoU and corner error of each part of the true plates."""
    rows = []
    for name, some in plates.groupby(part, observed=True):
        good = some[some["iou"] >= scores.FOUND]
        rows.append(
            {
                "part": str(name),
                "plates": len(some),
                "recall": len(good) / len(some),
                "mean_iou": None if good.empty else float(good["iou"].mean()),
                "corner_error": None if good.empty else float(good["corner_error"].mean()),
            }
        )
    return pd.DataFrame(rows)


def _rows(part: pd.DataFrame) -> list[dict[str, Any]]:
    """For json, which has no NaN."""
    known = part.astype(object).where(part.notna(), None)
    return [dict(zip(known.columns, row, strict=True)) for row in known.to_numpy().tolist()]


def _show(table: pd.DataFrame, parts: dict[str, pd.DataFrame]) -> None:
    """Print the scores, the parts first."""
    named = [part.assign(part=f"{name} " + part["part"]) for name, part in parts.items()]
    print(pd.concat(named).to_string(index=False, float_format="{:.4f}".format))
    print(f"\n{table[_SHOWN].to_string(index=False, float_format='{:.4f}'.format)}")
    print("polygon: quads as they are; box: their bounding boxes; label: boxes where the label is")
    print("an upright rectangle; corner_error: per cent of the plate's width")
    (row,) = table[(table["kind"] == "label") & (table["iou"] == scores.FOUND)].to_dict("records")
    plates = int(parts["width"]["plates"].sum())
    low, high = calibration.interval(row["recall"], plates)
    print(f"recall {row['recall']:.4f} of {plates} plates, 95 % interval {low:.3f}..{high:.3f}")
    if best := row["best"]:
        print(
            f"the best f1 at IoU 0.5, {best['f1']:.4f}, is at a score of {best['threshold']:.3f}: "
            f"precision {best['precision']:.4f}, recall {best['recall']:.4f}"
        )

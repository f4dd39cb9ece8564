"""What a detector is judged by, from true quads and plates found.

Three ways to compare a plate found with a true one (`Kind`), since most labels are upright boxes
around plates that may be turned:

- "polygon": quads as they are; a quad found to the pixel is off from an upright label.
- "box": the bounding boxes of both.
- "label": boxes where the label is an upright rectangle, polygons where it is not.

Figures of different kinds cannot be compared. Plates that the data do not label count as false.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol, get_args

import numpy as np
import pandas as pd

from plates import geometry

Kind = Literal["polygon", "box", "label"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LEVELS = (0.4, 0.5, 0.75)
"""The IoU from which a plate counts as found."""
FOUND, TOUCHED = 0.5, 0.1
"""IoU of a plate found well, and of one found loosely: what overlaps less is not about it."""


class Scored(Protocol):
    """A plate found: a quad float64 [4, 2] in pixels and a score 0..1."""

    @property
    def corners(self) -> np.ndarray:
        """Quad [4, 2]."""

    @property
    def score(self) -> float:
        """0..1."""


def as_box(corners: np.ndarray) -> np.ndarray:
    """The bounding box of points [N, 2] as a quad [4, 2]."""
    left, top, right, bottom = geometry.bounds(corners)
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def compared(found: np.ndarray, true: np.ndarray, kind: Kind) -> tuple[np.ndarray, np.ndarray]:
    """The two quads [4, 2] as they are held against each other: as they are, or their boxes."""
    upright = kind == "label" and np.array_equal(true, as_box(true))
    return (as_box(found), as_box(true)) if kind == "box" or upright else (found, true)


def overlaps(found: Sequence[np.ndarray], true: Sequence[np.ndarray], kind: Kind) -> np.ndarray:
    """IoU [F, T], 0..1, of every quad found and every true one."""
    table = np.zeros((len(found), len(true)))
    for i, one in enumerate(found):
        for j, other in enumerate(true):
            table[i, j] = geometry.polygon_iou(*compared(one, other, kind))
    return table


def match(overlap: np.ndarray, *levels: float) -> np.ndarray:
    """Which true plate each found one [F] is, -1: none, by COCO's rule.

    Rows of `overlap` [F, T] (`overlaps`) come with the best score first. Each takes, of the true
    plates that are left, the one that it overlaps most, if by a level or more. Of several levels
    the first is for all, the next for those that are left, and so on.
    """
    left = np.array(overlap, np.float64)
    taken = np.full(len(left), -1)
    for least in levels:
        for i, row in enumerate(left):
            if taken[i] < 0 and row.size and row.max() >= least:
                taken[i] = row.argmax()
                left[:, taken[i]] = -1
    return taken


@dataclass(frozen=True)
class Matched:
    """D plates found in some photographs, the best score first in each, and what they are.

    `photograph`, `place` [D]: which photograph's, and the number there; `score` [D]; `truth` [D]:
    the number of the true plate there, -1: none; `iou` and `corners_off` [D]: IoU with it, and the
    mean distance of the corners as a share of its width, NaN where there is none. `total`: how many
    true plates there are.
    """

    photograph: np.ndarray
    place: np.ndarray
    score: np.ndarray
    truth: np.ndarray
    iou: np.ndarray
    corners_off: np.ndarray
    total: int

    @property
    def hit(self) -> np.ndarray:
        """bool [D]: whether it is a true plate."""
        return self.truth >= 0

    @cached_property
    def curve(self) -> pd.DataFrame:
        """`curve` of these."""
        return curve(self.score, self.hit, self.total)


def matched(
    found: Sequence[Sequence[Scored]],
    true: Sequence[Sequence[np.ndarray]],
    kind: Kind,
    levels: Sequence[float | tuple[float, ...]] = LEVELS,
) -> list[Matched]:
    """Plates `found` in P photographs against the `true` quads there, at each of `levels` of IoU.

    Several levels in one are those of `match`, as (FOUND, TOUCHED).

    Raises:
        ValueError: not as many photographs in both, or a score is NaN.
    """
    if len(found) != len(true):
        raise ValueError(
            f"`found` and `true` must be as many; received: {len(found)} and {len(true)}"
        )
    rows: list[list[tuple[float, ...]]] = [[] for _ in levels]
    for photograph, (plates, quads) in enumerate(zip(found, true, strict=True)):
        scores = np.array([plate.score for plate in plates], np.float64)
        if np.isnan(scores).any():
            raise ValueError(f"a score must be a number; received: NaN in photograph {photograph}")
        order = np.argsort(-scores, kind="stable").tolist()
        table = overlaps([plates[i].corners for i in order], quads, kind)
        for level, into in zip(levels, rows, strict=True):
            taken = match(table, *np.atleast_1d(level).tolist())
            for i, (place, truth) in enumerate(zip(order, taken, strict=True)):
                iou = off = np.nan
                if truth >= 0:
                    iou = table[i, truth]
                    off = _off(*compared(plates[place].corners, quads[truth], kind))
                into.append((photograph, place, scores[place], truth, iou, off))
    total = sum(map(len, true))
    return [_columns(into, total) for into in rows]


def _columns(rows: list[tuple[float, ...]], total: int) -> Matched:
    photograph, place, score, truth, iou, off = np.array(rows, np.float64).reshape(-1, 6).T
    whole = {"photograph": photograph, "place": place, "truth": truth}
    named = {name: column.astype(int) for name, column in whole.items()}
    return Matched(**named, score=score, iou=iou, corners_off=off, total=total)


def _off(found: np.ndarray, true: np.ndarray) -> float:
    """Mean distance of the four corners as a share of the true plate's width."""
    return float(np.hypot(*(found - true).T).mean() / geometry.sides(true)[0])


def curve(score: np.ndarray, hit: np.ndarray, total: int) -> pd.DataFrame:
    """Recall and precision as the least score falls.

    `score` and `hit` [D] are those of the plates found, `total` is how many there are to find.
    Columns: threshold, recall, precision, f1; a row for each score that occurs, the highest first.

    Raises:
        ValueError: `total` is not positive.
    """
    if total <= 0:
        raise ValueError(f"`total` must be positive; received: total={total}")
    order = np.argsort(-score, kind="stable")
    threshold, hits = score[order], np.cumsum(hit[order])
    # Plates of one score are let through together.
    last = np.flatnonzero(np.append(threshold[1:] != threshold[:-1], len(threshold) > 0))
    hits, told = hits[last], last + 1
    return pd.DataFrame(
        {
            "threshold": threshold[last],
            "recall": hits / total,
            "precision": hits / told,
            "f1": 2 * hits / (total + told),
        }
    )


def average_precision(curve: pd.DataFrame) -> float:
    """Area under the envelope of precision over recall, in [0, 1], all points taken.

    As in PASCAL VOC since 2010 (Everingham et al. 2015, "The PASCAL visual object classes
    challenge: a retrospective"): the precision at a recall is the best at that recall or more.
    """
    envelope = np.maximum.accumulate(curve["precision"].to_numpy()[::-1])[::-1]
    return float((np.diff(curve["recall"], prepend=0.0) * envelope).sum())


def at(matched: Matched, threshold: float) -> dict[str, float | None]:
    """What one threshold of the score gives: precision, recall, f1, mean IoU and corner error.

    `corner_error` is the mean distance of the corners in per cent of the plate's width. It and
    `mean_iou` are of the plates that count as found, None without any; `precision` is None where
    nothing is found.
    """
    kept = matched.score >= threshold
    hit = kept & matched.hit
    told, hits = int(kept.sum()), int(hit.sum())
    return {
        "threshold": threshold,
        "precision": hits / told if told else None,
        "recall": hits / matched.total,
        "f1": 2 * hits / (told + matched.total),
        "mean_iou": float(matched.iou[hit].mean()) if hits else None,
        "corner_error": 100 * float(matched.corners_off[hit].mean()) if hits else None,
    }


def best(matched: Matched) -> float | None:
    """The threshold with the highest f1, of equal ones the highest; None where nothing is found.

    It is chosen on the very photographs it is judged on, so on others expect a little less.
    """
    if matched.curve.empty:
        return None
    return float(matched.curve["threshold"].iloc[int(matched.curve["f1"].argmax())])


def summary(
    found: Sequence[Sequence[Scored]], true: Sequence[Sequence[np.ndarray]], threshold: float
) -> list[dict[str, Any]]:
    """A row for each kind and level: kind, iou, ap, those of `at` `threshold`, and `best`.

    The last is a dict of `at` for the threshold with the best f1, or None. Average precision is
    over all plates found, whatever the threshold.

    Raises:
        ValueError: there is no true plate, or as `matched`.
    """
    if not any(len(quads) for quads in true):
        raise ValueError(f"none of the {len(true)} photographs has a plate to be found")
    rows = []
    for kind in KINDS:
        for level, one in zip(LEVELS, matched(found, true, kind), strict=True):
            highest = best(one)
            rows.append(
                {
                    "kind": kind,
                    "iou": level,
                    "ap": average_precision(one.curve),
                    **at(one, threshold),
                    "best": None if highest is None else at(one, highest),
                }
            )
    return rows

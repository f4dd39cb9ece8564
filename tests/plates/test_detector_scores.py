"""`plates.detector.scores` against tables worked by hand and a second way to the same figures."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates.detector import scores


@dataclass(frozen=True)
class Plate:
    """A plate found."""

    corners: np.ndarray
    score: float


def box(left: float, top: float = 0.0, width: float = 100, height: float = 20) -> np.ndarray:
    right, bottom = left + width, top + height
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def turned(corners: np.ndarray, degrees: float) -> np.ndarray:
    """About its middle."""
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = corners.mean(axis=0)
    return (corners - middle) @ matrix.T + middle


def test_each_true_plate_is_found_once_by_the_surest() -> None:
    """The second takes what is left; the third overlaps a taken plate alone."""
    overlap = np.array([[0.6, 0.7, 0.0], [0.5, 0.9, 0.0], [0.0, 0.8, 0.1]])
    assert scores.match(overlap, 0.5).tolist() == [1, 0, -1]
    assert scores.match(overlap, 0.75).tolist() == [-1, 1, -1]
    # What is found well goes first, however sure a loose one is.
    assert scores.match(overlap, 0.75, 0.5).tolist() == [0, 1, -1]
    assert scores.match(overlap, 0.75, 0.1).tolist() == [0, 1, 2]
    assert scores.match(np.zeros((2, 0)), 0.5).tolist() == [-1, -1]
    assert scores.match(np.zeros((0, 2)), 0.5).tolist() == []


def test_polygons_boxes_and_labels() -> None:
    """A plate of 100 x 20 turned by 10 degrees, found to the pixel."""
    flat = box(50, 50)
    true = turned(flat, 10)
    label = scores.as_box(true)
    # Its box is 100 cos + 20 sin wide and 100 sin + 20 cos high.
    share = 2000 / (101.9537 * 37.0609)
    wanted: dict[scores.Kind, tuple[float, float]] = {
        "polygon": (1, share),
        "box": (1, 1),
        "label": (1, 1),
    }
    for kind, ious in wanted.items():
        found = scores.overlaps([true], [true, label], kind)
        assert found.tolist() == [pytest.approx(ious, abs=1e-4)]
    # A polygon that is no upright box is held against the polygon.
    assert scores.overlaps([label], [true], "label")[0, 0] == pytest.approx(share, abs=1e-4)


def test_average_precision_by_hand() -> None:
    """Right, wrong, right, right, wrong, of four: precisions 1, 1/2, 2/3, 3/4, 3/5."""
    score = np.array([0.6, 0.9, 0.8, 0.7, 0.5])
    hit = np.array([True, True, False, True, False])
    curve = scores.curve(score, hit, total=4)
    assert curve["threshold"].tolist() == [0.9, 0.8, 0.7, 0.6, 0.5]
    assert curve["recall"].tolist() == [0.25, 0.25, 0.5, 0.75, 0.75]
    assert curve["precision"].tolist() == pytest.approx([1, 1 / 2, 2 / 3, 3 / 4, 3 / 5])
    # The envelope is 1 up to a recall of 1/4, and 3/4 up to 3/4.
    assert scores.average_precision(curve) == pytest.approx(0.25 + 0.5 * 0.75)
    # Of one score, all at once: their order says nothing.
    together = scores.curve(np.full(5, 0.5), hit, total=4)
    assert together.to_numpy().tolist() == [[0.5, 0.75, 0.6, pytest.approx(2 / 3)]]
    nothing = scores.curve(np.empty(0), np.empty(0, bool), total=4)
    assert scores.average_precision(nothing) == 0
    with pytest.raises(ValueError, match="`total` must be positive; received: total=0"):
        scores.curve(score, hit, total=0)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=12),
    st.integers(0, 4),
)
def test_average_precision_by_brute_force(rows: list[tuple[int, bool]], missed: int) -> None:
    """The mean over all true plates of the best precision with that many found or more."""
    total = sum(hit for _, hit in rows) + missed or 1
    points = []
    for threshold in {score for score, _ in rows}:
        kept = [hit for score, hit in rows if score >= threshold]
        points.append((sum(kept), sum(kept) / len(kept)))
    wanted = sum(
        max((precision for hits, precision in points if hits >= number), default=0)
        for number in range(1, total + 1)
    )
    score, hit = np.array(rows).reshape(-1, 2).T
    curve = scores.curve(score.astype(float), hit.astype(bool), total)
    assert scores.average_precision(curve) == pytest.approx(wanted / total)


def test_two_photographs_by_hand() -> None:
    """Two plates in the first, one found exactly and one 20 px off; the second has a false one."""
    true = [[box(0), box(200)], [box(0)]]
    found = [[Plate(box(220), 0.7), Plate(box(0), 0.9)], [Plate(box(0, top=100), 0.8)]]
    low, middle, high = scores.matched(found, true, "polygon")
    assert low.photograph.tolist() == [0, 0, 1]
    assert low.place.tolist() == [1, 0, 0]  # the best score first
    assert low.truth.tolist() == middle.truth.tolist() == [0, 1, -1]
    assert high.truth.tolist() == [0, -1, -1]
    # 80 of 120 pixels are common, and each corner is a fifth of the width off.
    assert low.iou.tolist() == pytest.approx([1, 2 / 3, np.nan], nan_ok=True)
    assert low.corners_off.tolist() == pytest.approx([0, 0.2, np.nan], nan_ok=True)
    assert scores.at(low, 0.5) == {
        "threshold": 0.5,
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
        "mean_iou": pytest.approx(5 / 6),
        "corner_error": pytest.approx(10),
    }
    # All three: 2 * 2 / 6; the first alone: 2 / 4.
    assert scores.best(low) == 0.7
    assert scores.best(high) == 0.9
    nothing = scores.at(low, 0.95)
    assert (nothing["precision"], nothing["recall"], nothing["mean_iou"]) == (None, 0, None)
    with pytest.raises(ValueError, match="must be as many; received: 2 and 1"):
        scores.matched(found, true[:1], "box")
    with pytest.raises(ValueError, match="NaN in photograph 0"):
        scores.matched([[Plate(box(0), np.nan)]], [[]], "box")


def test_summary() -> None:
    """An upright label around a turned plate: found as a box, and not as a polygon."""
    plate = turned(box(50, 50), 30)
    table = pd.DataFrame(scores.summary([[Plate(plate, 0.6)]], [[scores.as_box(plate)]], 0.5))
    assert table["kind"].tolist() == [kind for kind in scores.KINDS for _ in scores.LEVELS]
    assert table["iou"].tolist() == 3 * list(scores.LEVELS)
    assert table["ap"].tolist() == [0] * 3 + [1] * 6
    assert table["best"].iloc[-1]["threshold"] == 0.6
    empty = scores.summary([[]], [[plate]], 0.5)
    assert [row["best"] for row in empty] == [None] * 9
    with pytest.raises(ValueError, match="none of the 1 photographs has a plate"):
        scores.summary([[Plate(plate, 0.6)]], [[]], 0.5)

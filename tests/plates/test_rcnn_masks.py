"""Masks of plates by hand, and the way back to their corners."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from plates import geometry
from plates.detector.rcnn import SIDE
from plates.detector.rcnn.masks import grown, targets
from plates.detector.rcnn.reading import read

BOX = np.array([0.0, 0, SIDE, SIDE])


def _mask(box: object, quad: object) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(targets(np.array(box, float), np.array(quad, float))))


def test_grown_by_hand() -> None:
    wide = ops.convert_to_numpy(grown(np.array([[10.0, 20, 50, 40]])))
    np.testing.assert_allclose(wide, [[5, 17.5, 55, 42.5]])


def test_cells_are_covered_by_hand() -> None:
    """Columns 4..23 and rows 4..19 of cells as large as a pixel."""
    mask = _mask(BOX, [(4, 4), (24, 4), (24, 20), (4, 20)])
    expected = np.zeros((SIDE, SIDE))
    expected[4:20, 4:24] = 1
    np.testing.assert_allclose(mask, expected, atol=1e-6)
    mask = _mask(BOX, [(4.25, 4), (24, 4), (24, 20), (4.25, 20)])
    np.testing.assert_allclose(mask[4:20, 4], 0.75, atol=1e-6)


def test_of_a_box_of_any_size_and_place() -> None:
    quad = np.array([(4.0, 4), (24, 4), (24, 20), (4, 20)])
    moved = _mask(BOX * (2, 3, 2, 3) + (7, 5, 7, 5), quad * (2, 3) + (7, 5))
    np.testing.assert_allclose(moved, _mask(BOX, quad), atol=1e-5)


def test_no_box_no_mask() -> None:
    assert not _mask([5, 5, 5, 5], [(0, 0), (9, 0), (9, 9), (0, 9)]).any()
    assert np.isfinite(_mask([0, 0, 0, 0], [(0, 0)] * 4)).all()
    assert not _mask(BOX, [(40, 40), (60, 40), (60, 50), (40, 50)]).any()


@settings(max_examples=30)
@given(
    angle=st.floats(-0.35, 0.35),
    wide=st.floats(30, 300),
    ratio=st.floats(1.2, 5),
    middle=st.tuples(st.floats(0, 500), st.floats(0, 500)),
)
def test_there_and_back(
    angle: float, wide: float, ratio: float, middle: tuple[float, float]
) -> None:
    """A plate's mask, read, has its corners to a fraction of a cell."""
    half = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (wide / 2, wide / ratio / 2)
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    quad = half @ turn + middle  # pixels, whole numbers at their centres
    low, high = quad.min(0) + 0.5, quad.max(0) + 0.5
    box = np.asarray(ops.convert_to_numpy(grown(np.concatenate([low, high])[None])))[0]
    mask = _mask(box, quad + 0.5)
    (plate,) = read(np.concatenate([box, [0.9], mask.ravel()])[None], 0.5)
    assert plate.score == pytest.approx(0.9)
    assert geometry.polygon_iou(plate.corners, quad) > 0.93
    cell = (box[2:] - box[:2]).max() / SIDE
    assert np.abs(plate.corners - quad).max() < 1.5 * cell


def test_what_is_no_plate_is_left_out() -> None:
    mask = _mask(BOX, [(4, 4), (24, 4), (24, 20), (4, 20)]).ravel()
    rows = np.array(
        [
            [*BOX, 0.4, *mask],  # not sure enough
            [0, 0, 0, 0, 0.9, *mask],  # no area
            [*BOX, 0.9, *np.zeros(SIDE * SIDE)],  # nothing drawn
            [*BOX, np.nan, *mask],
            [*BOX, 0.8, *mask],
            [*(BOX + 40), 0.95, *mask],
        ]
    )
    assert [plate.score for plate in read(rows, 0.5)] == [pytest.approx(0.95), pytest.approx(0.8)]
    assert read(np.zeros((3, 5 + SIDE * SIDE)), 0.0) == []
    with pytest.raises(ValueError, match=r"`rows` must be \[K, 789\]; received: shape=\[2, 5\]"):
        read(np.zeros((2, 5)), 0.5)
    with pytest.raises(ValueError, match="`least` must be in"):
        read(rows, 2)

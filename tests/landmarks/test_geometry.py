"""Affine maps by hand, against cv2, and as properties."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landmarks.geometry import (
    Affine,
    centre_crop,
    crop_box,
    identity,
    mirror,
    resized,
    shift,
    turn,
)

SIZES = st.integers(1, 10_000)
SIDES = st.integers(16, 1024)


def corners(height: int, width: int) -> np.ndarray:
    """The four corners of the picture, its centre, and a point well outside."""
    x, y = width - 0.5, height - 0.5
    return np.array([[-0.5, -0.5], [x, -0.5], [-0.5, y], [x, y], [x / 2, y / 2], [-2 * x, 3 * y]])


@settings(max_examples=40)
@given(SIZES, SIZES, SIDES)
def test_points_leave_and_return(height: int, width: int, side: int) -> None:
    there = centre_crop(height, width, side)
    points = corners(height, width)
    back = there.inverse()(there(points))
    np.testing.assert_allclose(back, points, rtol=0, atol=1e-3)


@settings(max_examples=40)
@given(SIZES, SIZES, SIDES, st.floats(-180, 180), st.floats(0.3, 3), st.booleans())
def test_augmented_points_return(
    height: int, width: int, side: int, degrees: float, scale: float, flip: bool
) -> None:
    middle = (side - 1) / 2
    there = centre_crop(height, width, side).then(turn(degrees, scale, (middle, middle)))
    there = there.then(shift(side / 9, -side / 7))
    there = there.then(mirror(side)) if flip else there
    points = corners(height, width)
    np.testing.assert_allclose(there.inverse()(there(points)), points, rtol=0, atol=1e-3)
    expected = scale * side / min(height, width)
    assert there.scale == pytest.approx(expected, rel=1e-9)


@settings(max_examples=40)
@given(SIZES, SIZES, SIDES)
def test_crop_takes_the_square_to_the_whole(height: int, width: int, side: int) -> None:
    left, top, right, bottom = crop_box(height, width)
    assert right - left == bottom - top == min(height, width)
    assert (left, top) == (width - right, height - bottom)
    there = centre_crop(height, width, side)
    box = np.array([[left, top], [right, bottom]]) - 0.5
    whole = np.array([[0, 0], [side, side]]) - 0.5
    np.testing.assert_allclose(there(box), whole, rtol=0, atol=1e-6)


def test_centre_crop_by_hand() -> None:
    """100 x 301: the square is 100.5 .. 200.5, and each pixel becomes half a one."""
    assert crop_box(100, 301) == (100.5, 0, 200.5, 100)
    there = centre_crop(100, 301, 50)
    np.testing.assert_allclose(there([[150, 49.5], [100, -0.5]]), [[24.5, 24.5], [-0.5, -0.5]])
    assert there.scale == pytest.approx(0.5)


def test_order_of_maps() -> None:
    first, second = shift(10, 0), mirror(100)
    np.testing.assert_allclose(first.then(second)([3, 4]), [86, 4])
    np.testing.assert_allclose(second.then(first)([3, 4]), [106, 4])
    np.testing.assert_array_equal(identity()([3, 4]), [3, 4])
    assert first([[[1, 2]] * 3] * 5).shape == (5, 3, 2)
    assert first(np.array([1, 2], np.int16)).dtype == np.float64


@settings(max_examples=40)
@given(st.floats(-720, 720), st.floats(0.01, 100), st.floats(-500, 500), st.floats(-500, 500))
def test_turn_is_that_of_cv2(degrees: float, scale: float, x: float, y: float) -> None:
    theirs = cv2.getRotationMatrix2D((x, y), degrees, scale)
    ours = turn(degrees, scale, (x, y))
    np.testing.assert_allclose(ours.matrix, theirs, rtol=1e-6, atol=1e-2)
    np.testing.assert_allclose(ours([x, y]), [x, y], rtol=0, atol=1e-6)


def test_turn_by_hand() -> None:
    """Counter-clockwise as seen: what is right of the middle goes up."""
    np.testing.assert_allclose(turn(90, 2, (5, 5))([6, 5]), [5, 3])


def test_resized_keeps_corners_and_mirror_edges() -> None:
    wide = resized((10, 20), (5, 80))
    np.testing.assert_allclose(wide([-0.5, -0.5]), [-0.5, -0.5])
    np.testing.assert_allclose(wide([19.5, 9.5]), [79.5, 4.5])
    np.testing.assert_allclose(mirror(20)([-0.5, 3.0]), [19.5, 3])


def test_a_map_cannot_be_changed_afterwards() -> None:
    matrix = np.eye(2, 3)
    there = Affine(matrix)
    matrix[0, 2] = 9
    assert there([0, 0]).tolist() == [0, 0]
    with pytest.raises(ValueError, match="read-only"):
        there.matrix[0, 2] = 9


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"`side` must be positive; received: side=0"):
        centre_crop(10, 10, 0)
    with pytest.raises(ValueError, match="received: height=0, width=7"):
        crop_box(0, 7)
    with pytest.raises(ValueError, match="sides must be positive"):
        resized((10, 10), (0, 4))
    with pytest.raises(ValueError, match="received: width=-1"):
        mirror(-1)
    with pytest.raises(ValueError, match="received: scale=0"):
        turn(10, 0, (0, 0))
    with pytest.raises(ValueError, match="received: scale=nan"):
        turn(10, math.nan, (0, 0))
    with pytest.raises(ValueError, match=r"`matrix` must be \[2, 3\] and finite"):
        Affine(np.eye(3))
    with pytest.raises(ValueError, match="finite"):
        shift(math.inf, 0)
    with pytest.raises(ValueError, match="no way back"):
        Affine(np.array([[1.0, 2, 0], [2, 4, 0]])).inverse()
    with pytest.raises(ValueError, match=r"received: shape=\(3,\)"):
        identity()([1, 2, 3])

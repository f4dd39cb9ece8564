"""Quads by hand and as properties: order, faults, margins, homographies, overlap."""

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates import geometry

PLATE = np.array([[10.0, 20], [110, 22], [108, 50], [12, 47]])
COORDINATES = st.floats(-40, 40)


def turned(quad: np.ndarray, degrees: float) -> np.ndarray:
    """Clockwise as seen."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return quad @ np.array([[cos, sin], [-sin, cos]])


@pytest.mark.parametrize("degrees", [-44, -20, 0, 7, 44])
def test_any_order_of_the_corners_is_put_right(degrees: float) -> None:
    """Both windings, every first corner, and the crossed ones: all 24 orders."""
    flat = np.array([[0.0, 0], [60, 0], [60, 40], [0, 40]])
    for quad in (PLATE, flat) if abs(degrees) < 44 else (flat,):
        right = turned(quad, degrees)
        for order in itertools.permutations(range(4)):
            np.testing.assert_array_equal(geometry.reading_order(right[list(order)]), right)


def test_beyond_45_degrees_a_quarter_turn_is_taken_away() -> None:
    flat = np.array([[0.0, 0], [60, 0], [60, 20], [0, 20]])
    np.testing.assert_array_equal(
        geometry.reading_order(turned(flat, 50)), np.roll(turned(flat, 50), 1, axis=0)
    )
    np.testing.assert_allclose(
        geometry.reading_order(turned(flat, 180)), np.roll(turned(flat, 180), 2, axis=0)
    )


@pytest.mark.parametrize("bad", [[[0, 0]] * 3, [[0, 0, 0]] * 4, "box", None, [[1, 2], [3]] * 2])
def test_four_points_are_needed(bad: object) -> None:
    with pytest.raises(ValueError, match="must be four points x, y; received: "):
        geometry.reading_order(bad)  # type: ignore[arg-type]


def test_sizes() -> None:
    assert geometry.area([[0, 0], [4, 0], [4, 3], [0, 3]]) == 12
    assert geometry.area([[0, 3], [4, 3], [4, 0], [0, 0]]) == 12
    assert geometry.area([[0, 0], [4, 0], [0, 3]]) == 6
    width, height = geometry.sides(np.array([[0.0, 0], [10, 0], [10, 6], [4, 6]]))
    assert width == 8
    assert height == pytest.approx((6 + math.hypot(4, 6)) / 2)
    assert geometry.bounds(PLATE) == (10, 20, 110, 50)


@pytest.mark.parametrize(
    ("quad", "reason"),
    [
        (PLATE, ""),
        (PLATE[::-1], ""),
        (PLATE[[0, 2, 1, 3]], "its sides cross"),
        (PLATE[[0, 1, 3, 2]], "its sides cross"),
        ([[0, 0], [40, 0], [10, 5], [0, 40]], "it is not convex"),
        ([[0, 0], [40, 0], [40, 20], [20, 10]], "three corners lie on a line"),
        ([[0, 0], [40, 0], [40, 1], [0, 1]], "a side is 1 pixels long"),
        ([[5, 5]] * 4, "a side is 0 pixels long"),
        ([[0, 0], [40, 0], [80, 0.1], [20, 0.1]], "its area is 5 square pixels"),
        ([[0, 0], [math.nan, 0], [40, 20], [0, 20]], "a corner is not finite"),
        ([[0, 0], [math.inf, 0], [40, 20], [0, 20]], "a corner is not finite"),
        (PLATE + np.array([90, 0]), ""),
        (PLATE + np.array([140, 0]), r"only \d\d% of it lie in the picture of 200 x 100 pixels"),
        (PLATE + np.array([200, 0]), "it lies outside the picture of 200 x 100 pixels"),
        (PLATE - [0, 90], "it lies outside the picture of 200 x 100 pixels"),
    ],
)
def test_problems(quad: object, reason: str) -> None:
    assert re.fullmatch(reason, geometry.problem(np.array(quad, float), 100, 200))


def test_margin() -> None:
    box = np.array([[10, 20], [110, 20], [110, 40], [10, 40]])
    grown = geometry.expand(box, 0.1)
    np.testing.assert_allclose(grown, [[0, 18], [120, 18], [120, 42], [0, 42]])
    np.testing.assert_allclose(geometry.expand(grown, -0.1 / 1.2), box)
    np.testing.assert_allclose(geometry.expand(turned(box, 30), 0.1), turned(grown, 30))
    with pytest.raises(ValueError, match=r"over -0\.5; received: margin=-0\.5"):
        geometry.expand(box, -0.5)


@settings(max_examples=50)
@given(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=4, max_size=4))
def test_homography_takes_corners_to_corners(moves: list[tuple[float, float]]) -> None:
    old = np.array([[0.0, 0], [640, 0], [640, 480], [0, 480]])
    new = np.array([[500.0, 300], [800, 320], [790, 450], [510, 440]]) + np.array(moves)
    there = geometry.homography(old, new)
    np.testing.assert_allclose(geometry.apply(there, old), new, atol=1e-6)
    points = np.array([[[320.0, 240]], [[10, 470]]])
    back = geometry.apply(geometry.homography(new, old), geometry.apply(there, points))
    np.testing.assert_allclose(back, points, atol=1e-5)
    # A straight line stays one.
    a, b, c = geometry.apply(there, [[0, 0], [320, 240], [640, 480]])
    assert abs((b - a)[0] * (c - a)[1] - (b - a)[1] * (c - a)[0]) < 1e-4


def test_no_homography_of_a_line() -> None:
    with pytest.raises(ValueError, match="three corners lie on a line"):
        geometry.homography([[0, 0], [1, 0], [2, 0], [3, 0]], PLATE)


def raster(quad: np.ndarray) -> np.ndarray:
    """Which of the points 0.4 pixels apart lie in a convex clockwise quad."""
    x, y = np.meshgrid(np.arange(-50, 50, 0.4), np.arange(-50, 50, 0.4))
    sides = zip(quad, np.roll(quad, -1, axis=0), strict=True)
    return np.all([(q - p)[0] * (y - p[1]) - (q - p)[1] * (x - p[0]) > 0 for p, q in sides], axis=0)


@settings(max_examples=10)
@given(st.floats(0, 360), st.floats(-25, 25), st.floats(-25, 25))
def test_overlap_is_that_of_counted_points(degrees: float, dx: float, dy: float) -> None:
    a = np.array([[-20.0, -8], [20, -10], [18, 9], [-21, 7]])
    b = turned(a, degrees) + np.array([dx, dy])
    both, one = raster(a) & raster(b), raster(a) | raster(b)
    expected = both.sum() / one.sum()
    assert geometry.polygon_iou(a, b) == pytest.approx(expected, abs=0.02)
    assert geometry.polygon_iou(b[::-1], a) == pytest.approx(expected, abs=0.02)


def test_overlap_by_hand() -> None:
    a = np.array([[0, 0], [4, 0], [4, 2], [0, 2]])
    assert geometry.polygon_iou(a, a) == 1
    assert geometry.polygon_iou(a, a + np.array([2, 0])) == pytest.approx(4 / 12)
    assert geometry.polygon_iou(a, a + np.array([4, 0])) == 0
    assert geometry.polygon_iou(a, a + np.array([9, 0])) == 0
    assert geometry.polygon_iou(a * 0, a * 0) == 0
    assert geometry.inside(a - 0.5, 2, 3) == pytest.approx(0.75)

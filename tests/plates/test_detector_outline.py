"""The quad around an outline: tight where it has four sides, and around every point."""

from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plates import geometry
from plates.detector.outline import enclosing

corner = st.tuples(st.floats(-1, 1), st.floats(-1, 1))


@settings(max_examples=40)
@given(st.tuples(corner, corner, corner, corner), st.lists(st.floats(0, 1), max_size=8))
def test_a_quad_with_points_on_its_sides_stays(moves: Any, places: list[float]) -> None:
    corners = np.array([[0, 0], [9, 0], [9, 5], [0, 5]]) + np.array(moves)
    sides = np.roll(corners, -1, axis=0) - corners
    between = [corners[i % 4] + share * sides[i % 4] for i, share in enumerate(places)]
    found = enclosing(np.array([*corners, *between]))
    np.testing.assert_allclose(geometry.reading_order(found), corners, atol=0.05)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=4, max_size=20))
def test_every_point_is_in_the_quad(given_points: list[tuple[int, int]]) -> None:
    points = np.array(given_points, float)
    try:
        found = enclosing(points)
    except ValueError:
        assume(False)
    sides = np.roll(found, -1, axis=0) - found
    away = points[:, None] - found
    depth = sides[:, 0] * away[..., 1] - sides[:, 1] * away[..., 0]
    assert (depth / np.hypot(*sides.T) > -0.01).all()


def test_cut_corners_are_made_whole() -> None:
    """An octagon, the rectangle 0..40 x 0..20 with corners cut off by 2 pixels."""
    x, y = [2, 38, 40, 40, 38, 2, 0, 0], [0, 0, 2, 18, 20, 20, 18, 2]
    found = geometry.reading_order(enclosing(np.stack([x, y], 1).astype(float)))
    np.testing.assert_allclose(found, [[0, 0], [40, 0], [40, 20], [0, 20]], atol=1e-9)

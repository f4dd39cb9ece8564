"""What the maps should be: areas and Gaussians worked by hand."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates import geometry
from plates.detector import targets


def rectangle(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def test_areas_by_hand() -> None:
    # In cells of 4 pixels, the first of which reaches from -0.5 to 3.5: x 0.5..3.25, y 1..2.75.
    quad = rectangle(1.5, 3.5, 12.5, 10.5)
    plate, core = targets.masks(quad[None], (16, 20), 4).transpose(2, 0, 1)
    across = np.array([0.5, 1, 1, 0.25, 0])
    np.testing.assert_allclose(plate, np.outer([0, 1, 0.75, 0], across), atol=1e-6)
    # The shortest side is 1.75 cells, so the core is 0.4375 smaller all round: 0.9375..2.8125.
    across = np.array([0.0625, 1, 0.8125, 0, 0])
    np.testing.assert_allclose(core, np.outer([0, 0.5625, 0.3125, 0], across), atol=1e-6)
    assert targets.masks(np.zeros((0, 4, 2)), (16, 20), 4).shape == (4, 5, 2)


@settings(max_examples=8)
@given(st.floats(0, 360), st.floats(-10, 70), st.floats(-10, 50), st.floats(0.5, 2))
def test_areas_are_those_of_counted_points(degrees: float, x: float, y: float, end: float) -> None:
    flat = np.array([[-20, -6], [20, -6 * end], [20, 6 * end], [-20, 6]])
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    quad = flat @ turn + (x, y)
    fine = 4
    points = np.stack(np.meshgrid(np.arange(80 * fine), np.arange(48 * fine)), axis=-1)
    inside = np.ones(points.shape[:2], bool)
    for a, b in zip(quad, np.roll(quad, -1, axis=0), strict=True):
        from_a = (points + 0.5) / fine - 0.5 - a
        inside &= (b - a)[0] * from_a[..., 1] - (b - a)[1] * from_a[..., 0] > 0
    expected = inside.reshape(12, 4 * fine, 20, 4 * fine).mean(axis=(1, 3))
    found = targets.masks(quad[None], (48, 80), 4)[..., 0]
    np.testing.assert_allclose(found, expected, atol=0.1)
    assert abs(found.sum() - expected.sum()) < 0.3


def test_cores_of_touching_plates_lie_apart() -> None:
    quads = np.stack([rectangle(8, 8, 47, 23), rectangle(48, 8, 90, 23)])
    plates, cores = targets.masks(quads, (32, 96), 4).transpose(2, 0, 1)
    assert cv2.connectedComponents((plates > 0.5).astype(np.uint8))[0] == 2
    assert cv2.connectedComponents((cores > 0.1).astype(np.uint8))[0] == 3
    assert plates.max() == 1


def test_core() -> None:
    quad = rectangle(0, 0, 40, 12)
    np.testing.assert_allclose(targets.core(quad), rectangle(3, 3, 37, 9))
    narrow = np.array([[0.0, 0], [40, 5], [40, 11], [0, 20]])
    inner = targets.core(narrow)
    assert not geometry.defect(inner)
    within = geometry.area(geometry.intersection(inner, narrow))
    assert within == pytest.approx(geometry.area(inner))


def test_centres_by_hand() -> None:
    # 10 x 2.5 cells around (9.9, 3.6), so in column 9, row 3; spreads are 1 and 0.5 cells.
    quad = (rectangle(4.9, 2.35, 14.9, 4.85)) * 4 - 0.5
    target = targets.corners(quad[None], (32, 80), 4)
    heat, offsets, weight = target[..., 0], target[..., 1:9], target[..., 9]
    assert heat[3, 9] == heat.max() == 1
    np.testing.assert_allclose(heat[3, 7:12], np.exp([-2, -0.5, 0, -0.5, -2]))
    np.testing.assert_allclose(heat[5, 9], np.exp(-8))
    # The centre of column 9, row 3 is at (9.5, 3.5).
    expected = [-4.6, -1.15, 5.4, -1.15, 5.4, 1.35, -4.6, 1.35]
    np.testing.assert_allclose(offsets[3, 9], expected, atol=1e-5)
    assert sorted(zip(*np.nonzero(weight), strict=True)) == [(3, 8), (3, 9), (3, 10)]
    assert weight.sum() == pytest.approx(1)
    centres = np.stack(np.meshgrid(np.arange(20), np.arange(8)), axis=-1) + 0.5
    corners = (offsets.reshape(8, 20, 4, 2) + centres[:, :, None]) * 4 - 0.5
    np.testing.assert_allclose(corners, np.broadcast_to(quad, corners.shape), atol=1e-4)


def test_of_two_centres_the_nearer_counts() -> None:
    quads = np.stack([rectangle(4, 8, 43, 19), rectangle(44, 8, 83, 19)])
    both = targets.corners(quads, (32, 96), 4)
    alone = [targets.corners(quad[None], (32, 96), 4) for quad in quads]
    np.testing.assert_array_equal(both[..., 0], np.maximum(alone[0], alone[1])[..., 0])
    np.testing.assert_array_equal(both[:, :10], alone[0][:, :10])
    np.testing.assert_array_equal(both[:, 16:], alone[1][:, 16:])
    assert both[..., 9].sum() == pytest.approx(2)
    again = targets.corners(quads[[0, 0]], (32, 96), 4)
    np.testing.assert_allclose(again, alone[0], atol=1e-6)


def test_no_centre_outside() -> None:
    assert not targets.corners(np.zeros((0, 4, 2)), (32, 96), 4).any()
    assert not targets.corners(rectangle(-30, 8, 20, 19)[None], (32, 96), 4).any()


def test_errors() -> None:
    quads = np.zeros((1, 4, 2))
    for target in (targets.masks, targets.corners):
        with pytest.raises(ValueError, match=r"of `stride`; received: size=\(30, 96\), stride=4"):
            target(quads, (30, 96), 4)
        with pytest.raises(ValueError, match=r"must be \[N, 4, 2\]; received: shape=\[4, 2\]"):
            target(quads[0], (32, 96), 4)

"""Plates from maps: they come back as they went in, apart, whole, and sure of themselves."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates import geometry
from plates.detector import decode, targets
from plates.detector.plate import Plate

SIZE, STRIDE = (192, 320), 4
TURNS, SHARES = st.floats(-25, 25), st.floats(-0.15, 0.15)


def plate(
    width: float,
    height: float,
    degrees: float = 0.0,
    slant: float = 0.0,
    taper: float = 0.0,
    middle: tuple[float, float] = (160.0, 96.0),
) -> np.ndarray:
    """A quad, pixels: `slant` is sideways a height, `taper` of the height at its ends."""
    x, y = np.array([[-0.5, 0.5, 0.5, -0.5], [-0.5, -0.5, 0.5, 0.5]])
    flat = np.stack([x * width + slant * y * height, y * height * (1 + 2 * taper * x)], axis=1)
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return flat @ turn + middle


def blurred(maps: np.ndarray) -> np.ndarray:
    """About what a model makes of a sharp edge."""
    return cv2.GaussianBlur(maps, (0, 0), 0.5)


@settings(max_examples=40)
@given(st.floats(33, 160), st.floats(1.2, 5), TURNS, SHARES, SHARES, st.floats(0, 4))
def test_round_trip_of_masks(
    width: float, aspect: float, degrees: float, slant: float, taper: float, at: float
) -> None:
    height = min(max(width / aspect, 13), 70)
    quad = plate(width, height, degrees, slant, taper, (158 + at, 98 - at / 3))
    maps = targets.masks(quad[None], SIZE, STRIDE)
    for shown in (maps, blurred(maps)):
        (found,) = decode.from_masks(shown, STRIDE, 0.5)
        assert geometry.polygon_iou(found.corners, quad) > 0.9
        assert found.score > 0.9
        # Reading order: each corner is nearest to its own.
        away = np.hypot(*(found.corners[:, None] - quad).transpose(2, 0, 1))
        assert away.argmin(axis=1).tolist() == [0, 1, 2, 3]


def test_large_plates_are_exact_to_a_pixel() -> None:
    quad = plate(140, 40, 12, 0.1, 0.1)
    (found,) = decode.from_masks(blurred(targets.masks(quad[None], SIZE, STRIDE)), STRIDE, 0.5)
    assert np.hypot(*(found.corners - quad).T).max() < 1


@settings(max_examples=25)
@given(st.floats(20, 32), st.floats(7, 12), st.floats(-8, 8), st.floats(0, 4), st.floats(0, 4))
def test_small_plates_are_found(
    width: float, height: float, degrees: float, x: float, y: float
) -> None:
    quad = plate(width, height, degrees, middle=(160 + x, 96 + y))
    (found,) = decode.from_masks(targets.masks(quad[None], SIZE, STRIDE), STRIDE, 0.3)
    assert geometry.polygon_iou(found.corners, quad) > 0.7


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (36, 13)])
def test_touching_plates_stay_apart(width: float, height: float, beside: bool) -> None:
    step = np.array([width + 1, 0.0]) if beside else np.array([0.0, height + 1])
    angle = np.radians(7)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    one = plate(width, height, 7, middle=(90, 60))
    quads = np.stack([one, one + step @ turn])
    found = decode.from_masks(blurred(targets.masks(quads, SIZE, STRIDE)), STRIDE, 0.3)
    assert len(found) == 2
    for quad in quads:
        assert max(geometry.polygon_iou(quad, other.corners) for other in found) > 0.85


def test_what_the_model_doubts() -> None:
    quads = np.stack([plate(80, 24, middle=(60, 40)), plate(60, 16, 10, middle=(220, 140))])
    maps = blurred(targets.masks(quads, SIZE, STRIDE))
    maps[:, 40:] *= 0.3
    sure, doubted = decode.from_masks(maps, STRIDE, 0.1)
    assert (sure.score, doubted.score) == pytest.approx((1, 0.3), abs=0.03)
    assert geometry.polygon_iou(doubted.corners, quads[1]) > 0.85
    assert len(decode.from_masks(maps, STRIDE, 0.5)) == 1


def test_spots_holes_and_stains() -> None:
    quad = plate(120, 36)
    maps = blurred(targets.masks(quad[None], SIZE, STRIDE))
    maps[2, 2] = 1  # a single cell
    maps[22:26, 37:41] = 0.2  # a hole, which breaks neither mask nor core
    maps[19:24, 50, 1] = 0.1  # a core in two parts, the right one weak
    maps[19:29, 51:, 1] *= 0.3
    (found,) = decode.from_masks(maps, STRIDE, 0.2)
    assert geometry.polygon_iou(found.corners, quad) > 0.93


def test_plates_that_the_canvas_cuts_off() -> None:
    quad = plate(80, 24, middle=(0, 100))
    (found,) = decode.from_masks(targets.masks(quad[None], SIZE, STRIDE), STRIDE, 0.5)
    np.testing.assert_allclose(geometry.bounds(found.corners), (-0.5, 88, 40, 112), atol=0.5)
    everywhere = np.ones((5, 7, 2), np.float32)
    (found,) = decode.from_masks(everywhere, STRIDE, 0.5)
    np.testing.assert_allclose(geometry.bounds(found.corners), (-0.5, -0.5, 27.5, 19.5), atol=1e-4)


def test_nothing() -> None:
    assert decode.from_masks(np.zeros((48, 80, 2), np.float32), STRIDE, 0.0) == []
    assert decode.from_masks(np.ones((1, 1, 2), np.float32), STRIDE, 0.5) == []
    assert decode.from_corners(np.zeros((48, 80, 9), np.float32), STRIDE, 0.1) == []


@settings(max_examples=25)
@given(st.floats(12, 160), st.floats(1.2, 5), TURNS, SHARES, SHARES)
def test_round_trip_of_corners(
    width: float, aspect: float, degrees: float, slant: float, taper: float
) -> None:
    quads = np.stack(
        [
            plate(width, max(width / aspect, 6), degrees, slant, taper, (100, 96)),
            plate(40, 12, middle=(290, 20)),
        ]
    )
    target = targets.corners(quads, SIZE, STRIDE)
    target[5, 74, 0] = 0.9  # a rival of the second one, two cells away
    found = decode.from_corners(target[..., :9], STRIDE, 0.3)
    assert [one.score for one in found] == [1, 1]
    for quad in quads:
        assert min(np.abs(one.corners - quad).max() for one in found) < 1e-3


def test_corners_that_make_no_plate() -> None:
    maps = np.zeros((8, 8, 9), np.float32)
    maps[2, 2, 0] = maps[5, 5, 0] = 0.9
    maps[5, 5, 1:] = [-2, -1, 2, -1, np.nan, 1, -2, 1]
    assert decode.from_corners(maps, STRIDE, 0.3) == []
    maps[5, 5, 1:] = [2, 1, -2, 1, -2, -1, 2, -1]  # upside down
    (found,) = decode.from_corners(maps, STRIDE, 0.3)
    np.testing.assert_allclose(found.corners[[0, 2]], [[13.5, 17.5], [29.5, 25.5]])


@settings(max_examples=16)
@given(st.integers(0, 999), st.floats(0.05, 1), st.floats(0.8, 2), st.sampled_from([2, 9]))
def test_least_cuts_the_list_and_changes_nothing_else(
    seed: int, least: float, smooth: float, channels: int
) -> None:
    """On hills of any height, which hang together at some levels and not at others."""
    noise = np.random.default_rng(seed).normal(size=(14, 20, channels)).astype(np.float32)
    hills = cv2.GaussianBlur(noise, (0, 0), smooth)
    maps = (0.35 + 0.3 * hills / hills.std()).clip(0, 1)
    decoded: Callable[[np.ndarray, int, float], list[Plate]] = decode.from_masks
    if channels == 9:
        maps[..., 1:] += [-4, -2, 3, -2, 3, 1, -4, 1]
        decoded = decode.from_corners
    whole, cut = decoded(maps, STRIDE, 0.05), decoded(maps, STRIDE, least)
    assert whole
    kept = [one for one in whole if one.score >= least]
    assert [one.score for one in cut] == [one.score for one in kept]
    for one, other in zip(cut, kept, strict=True):
        np.testing.assert_array_equal(one.corners, other.corners)


def test_errors() -> None:
    maps = np.zeros((8, 8, 2), np.float32)
    with pytest.raises(ValueError, match=r"maps must be \[h, w, 9\]; received: shape=\[8, 8, 2\]"):
        decode.from_corners(maps, STRIDE, 0.3)
    with pytest.raises(ValueError, match="`stride` must be positive; received: stride=0"):
        decode.from_masks(maps, 0, 0.3)
    with pytest.raises(ValueError, match=r"`least` must be in 0\.\.1; received: least=2"):
        decode.from_masks(maps, STRIDE, 2)

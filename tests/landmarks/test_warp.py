"""Picture and points agree: a drawn dot is found where the point says."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landmarks.geometry import Affine, centre_crop, crop_box, identity, mirror, shift, turn
from landmarks.warp import crop, warp


def dot(height: int, width: int, point: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian dot of 200 at `point` = (x, y) on black, [height, width, 3] uint8."""
    x, y = np.arange(width) - point[0], np.arange(height)[:, None] - point[1]
    values = 200 * np.exp(-(x**2 + y**2) / (2 * sigma**2))
    return np.repeat(np.rint(values).astype(np.uint8)[..., None], 3, axis=2)


def centroid(image: np.ndarray) -> np.ndarray:
    """(x, y) of the light's centre."""
    light = image[..., 0].astype(np.float64)
    y, x = np.indices(light.shape)
    return np.array([(light * x).sum(), (light * y).sum()]) / light.sum()


@st.composite
def pictures(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """(picture with a dot, where it is, side of the crop); the dot is whole in the crop."""
    height, width = draw(st.integers(40, 400)), draw(st.integers(40, 400))
    side = draw(st.sampled_from([32, 96, 128, 224]))
    # Two pixels wide at least, before and after, so that its centre is sharp in both.
    sigma = max(2, 2 * min(height, width) / side)
    left, top, right, bottom = crop_box(height, width)
    at = st.floats(0.3, 0.7)
    point = np.array([left + (right - left) * draw(at), top + (bottom - top) * draw(at)])
    return dot(height, width, point, sigma), point, side


@given(pictures())
@settings(max_examples=25)
def test_crop_takes_dot_where_it_takes_the_point(case: tuple[np.ndarray, np.ndarray, int]) -> None:
    image, point, side = case
    expected = centre_crop(image.shape[0], image.shape[1], side)(point)
    if np.abs(expected - side / 2).max() > side / 2 - 8:
        return
    np.testing.assert_allclose(centroid(crop(image, side)), expected, rtol=0, atol=0.06)


@given(pictures(), st.floats(-40, 40), st.floats(0.7, 1.3), st.booleans())
@settings(max_examples=40)
def test_warp_takes_dot_where_it_takes_the_point(
    case: tuple[np.ndarray, np.ndarray, int], degrees: float, scale: float, flip: bool
) -> None:
    image, point, side = case
    middle = (side - 1) / 2
    there = centre_crop(image.shape[0], image.shape[1], side)
    there = there.then(turn(degrees, scale, (middle, middle)))
    there = there.then(mirror(side)) if flip else there
    made = warp(image, there, side, cv2.BORDER_CONSTANT)
    np.testing.assert_allclose(centroid(made), there(point), rtol=0, atol=0.06)


@pytest.mark.parametrize("shape", [(210, 176), (83, 74), (400, 300), (90, 333)])
def test_both_ways_to_crop_show_the_same(shape: tuple[int, int]) -> None:
    """Training warps and evaluation crops: no shift and no other sharpness between them."""
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    blurred = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), min(shape) / 60)
    image = cv2.normalize(blurred, blurred, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    one, two = crop(image, 96).astype(int), warp(image, centre_crop(*shape, 96), 96).astype(int)
    a_pixel_off = np.abs(one - np.roll(two, 1, axis=1)).mean()
    assert np.abs(one - two).mean() < 0.15 * a_pixel_off


@pytest.mark.parametrize("degrees", [0, 20])
def test_shrinking_does_not_alias(degrees: float) -> None:
    """A board of single black and white pixels is grey from afar."""
    board = np.indices((700, 900)).sum(axis=0) % 2 * np.uint8(255)
    image = np.repeat(board.astype(np.uint8)[..., None], 3, axis=2)
    there = centre_crop(700, 900, 64).then(turn(degrees, 1, (31.5, 31.5)))
    assert np.abs(warp(image, there, 64).astype(int) - 127).max() <= 12
    assert np.abs(crop(image, 64).astype(int) - 127).max() <= 12


def test_pixels_by_hand() -> None:
    image = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    np.testing.assert_array_equal(warp(image, identity(), 8), image)
    np.testing.assert_array_equal(crop(image, 8), image)
    np.testing.assert_array_equal(warp(image, mirror(8), 8), image[:, ::-1])
    np.testing.assert_array_equal(warp(image, turn(90, 1, (3.5, 3.5)), 8), np.rot90(image))
    # Reflected without repeating the edge: the column left of column 0 is column 1.
    moved = warp(image, shift(2, 0), 8)
    np.testing.assert_array_equal(moved, image[:, [2, 1, 0, 1, 2, 3, 4, 5]])
    black = warp(image, shift(2, 0), 8, cv2.BORDER_CONSTANT)
    assert black[:, :2].max() == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (5, 1), (3000, 2)])
def test_pictures_smaller_than_the_crop(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), (10, 200, 90), np.uint8)
    for made in (crop(image, 16), warp(image, centre_crop(*shape, 16), 16)):
        np.testing.assert_array_equal(made, np.full((16, 16, 3), (10, 200, 90)))


def test_refusals() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match=r"`side` must be positive; received: side=0"):
        crop(image, 0)
    with pytest.raises(ValueError, match=r"must be uint8 \[H, W, 3\]; received: uint8 \[8, 8\]"):
        crop(image[..., 0], 4)
    with pytest.raises(ValueError, match="received: float64"):
        warp(image.astype(float), identity(), 4)
    with pytest.raises(ValueError, match=r"received: uint8 \[0, 8, 3\]"):
        warp(image[:0], identity(), 4)
    with pytest.raises(ValueError, match="no way back"):
        warp(image, Affine(np.zeros((2, 3))), 4)

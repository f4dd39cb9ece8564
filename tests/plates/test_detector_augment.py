"""The augmenter: deterministic, and the quads go where the plates go."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from plates import geometry
from plates.detector.augment import LEAST_WIDTH, REACH, Augmenter, move, settle
from plates.detector.letterbox import GREY

QUADS = np.array(
    [
        [[40, 30], [90, 34], [88, 52], [38, 48]],
        [[130, 80], [190, 80], [190, 100], [130, 100]],
    ],
    float,
)
STRENGTHS = ["none", "light", "medium", "strong"]


def street() -> np.ndarray:
    """120 x 240 pixels: noise, and white plates."""
    image = np.random.default_rng(0).integers(0, 90, (120, 240, 3), np.uint8)
    for quad in QUADS:
        cv2.fillConvexPoly(image, quad.astype(np.int32), (255, 255, 255))
    return image


@pytest.mark.parametrize("strength", STRENGTHS)
def test_same_seed_same_picture_in_any_thread(strength: str) -> None:
    augment = Augmenter(128, strength)  # type: ignore[arg-type]
    seeds = [(0, 1, i) for i in range(6)]
    here = [augment(street(), QUADS, seed) for seed in seeds]
    with ThreadPoolExecutor(3) as pool:
        there = list(pool.map(lambda seed: augment(street(), QUADS, seed), seeds))
    for (canvas, quads), (again, moved) in zip(here, there, strict=True):
        assert canvas.shape == (128, 128, 3)
        assert canvas.dtype == np.uint8
        np.testing.assert_array_equal(canvas, again)
        np.testing.assert_array_equal(quads, moved)
    assert (strength == "none") == bool((here[0][0] == here[1][0]).all())


def test_none_is_the_letterbox() -> None:
    canvas, quads = Augmenter(120, "none")(street(), QUADS, (0,))
    np.testing.assert_allclose(quads, (QUADS + 0.5) / 2 - 0.5)
    assert (canvas[60:] == GREY).all()
    assert not (canvas[:60] == GREY).all()


def area_mask(quads: np.ndarray, side: int) -> np.ndarray:
    """Pixels whose centres lie in a quad, bool [side, side]."""
    points = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1)
    inside = np.zeros((side, side), bool)
    for quad in quads:
        along = np.roll(quad, -1, axis=0) - quad
        away = points[:, :, None] - quad
        inside |= (along[:, 0] * away[..., 1] - along[:, 1] * away[..., 0] >= 0).all(axis=-1)
    return inside


@pytest.mark.parametrize("strength", STRENGTHS[1:])
def test_quads_go_where_the_plates_go(strength: str) -> None:
    seen = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        canvas, quads = move(street(), QUADS, 160, REACH[strength], rng)
        white, wanted = canvas.min(axis=2) > 170, area_mask(quads, 160)
        seen += bool(wanted.any())
        # A pixel of the rim more or less: white plates of a few pixels are drawn to the pixel.
        grown = cv2.dilate(wanted.astype(np.uint8), np.ones((3, 3))) > 0
        shrunk = cv2.erode(wanted.astype(np.uint8), np.ones((5, 5))) > 0
        assert not (white & ~grown).any()
        assert white[shrunk].all()
        # Reading order stays: nothing is mirrored.
        for quad in quads:
            np.testing.assert_allclose(geometry.reading_order(quad), quad)
    assert seen >= 6


def test_most_pictures_keep_a_plate_and_sizes_vary() -> None:
    augment = Augmenter(128, "medium")
    found = [augment(street(), QUADS, (i,))[1] for i in range(40)]
    assert sum(len(quads) > 0 for quads in found) >= 34
    widths = [geometry.sides(quad)[0] for quads in found for quad in quads]
    assert max(widths) > 2 * min(widths)
    assert min(widths) >= LEAST_WIDTH


def test_half_plates_are_painted_over() -> None:
    """A quarter of one plate is left at the border; another is kept whole, right beside it."""
    canvas = np.zeros((64, 64, 3), np.uint8)
    quads = np.array(
        [
            [[-30.5, 9.5], [9.5, 9.5], [9.5, 19.5], [-30.5, 19.5]],
            [[10, 10], [50, 10], [50, 19], [10, 19]],
            [[20, 40], [25, 40], [25, 43], [20, 43]],
            [[1e7, 1e7], [2e7, 1e7], [2e7, 2e7], [1e7, 2e7]],
        ]
    )
    painted, kept = settle(canvas, quads)
    np.testing.assert_array_equal(kept, quads[1:2])
    grey = (painted == GREY).all(axis=2)
    assert grey[10:20, :10].all()
    assert grey[40:44, 20:26].all()
    assert not grey[10:20, 10:51].any()
    assert grey.sum() < 220
    assert not canvas.any()


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 900, 3), (700, 20, 3)])
def test_any_shape_without_plates(shape: tuple[int, int, int]) -> None:
    for strength in STRENGTHS:
        augment = Augmenter(32, strength)  # type: ignore[arg-type]
        canvas, quads = augment(np.full(shape, 77, np.uint8), np.empty((0, 4, 2)), (0,))
        assert (canvas.shape, quads.shape) == ((32, 32, 3), (0, 4, 2))


def test_bad_settings() -> None:
    with pytest.raises(ValueError, match="`side` must be positive; received: side=0"):
        Augmenter(0, "none")
    with pytest.raises(ValueError, match=r"`strength` must be in .*; received: strength=wild"):
        Augmenter(32, "wild")  # type: ignore[arg-type]

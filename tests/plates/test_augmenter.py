"""Crops that hold every plate, and changes that leave every plate legible."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates import geometry
from plates.augmenter import PICKS, change, crop


def rectangle(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


@settings(max_examples=40)
@given(
    size=st.tuples(st.integers(1, 700), st.integers(1, 700)),
    places=st.lists(
        st.tuples(*[st.floats(-0.2, 1.1)] * 2, *[st.floats(0.01, 0.5)] * 2), max_size=3
    ),
    seed=st.integers(0, 2**32),
)
def test_a_crop_holds_all_that_the_picture_shows_of_the_plates(
    size: tuple[int, int], places: list[tuple[float, float, float, float]], seed: int
) -> None:
    height, width = size
    quads = [
        rectangle(x * width, y * height, (x + w) * width, (y + h) * height) for x, y, w, h in places
    ]
    rng = np.random.default_rng(seed)
    (top, bottom), (left, right) = crop(rng, size, quads)
    assert 0 <= top < bottom <= height
    assert 0 <= left < right <= width
    for quad in quads:
        seen = geometry.inside(quad, height, width)
        moved = quad - (left, top)
        assert geometry.inside(moved, bottom - top, right - left) == pytest.approx(seen)
    lengths = np.array([bottom - top, right - left])
    if not quads:
        assert (lengths >= np.minimum(size, 128)).all() or max(size) > 2 * min(size)
        assert lengths.max() <= 2 * lengths.min()


def test_a_crop_stays_in_shape_by_hand() -> None:
    """A panorama of 4000 x 200 pixels: at most 400 are cut, unless plates stand farther apart."""
    near, far = rectangle(1990, 90, 2010, 100), rectangle(3890, 90, 3910, 100)
    for seed in range(20):
        (top, bottom), (left, right) = crop(np.random.default_rng(seed), (200, 4000), [near])
        assert 128 <= bottom - top <= 200
        assert 128 <= right - left <= 2 * (bottom - top)
        (top, bottom), (left, right) = crop(np.random.default_rng(seed), (200, 4000), [near, far])
        assert (top, bottom) == (0, 200)
        assert (left, right) == (1990, 3911)
    borders = [
        crop(np.random.default_rng(s), (600, 800), [near - (1600, 0)])[1, 0] for s in range(99)
    ]
    assert min(borders) < 30
    assert max(borders) > 250


@pytest.mark.parametrize("name", PICKS)
def test_each_pick_changes_a_copy_by_its_seed(name: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    before = image.copy()
    made, again = (PICKS[name](np.random.default_rng(5), image, []) for _ in range(2))
    assert np.array_equal(image, before)
    assert np.array_equal(made, again)
    assert made.shape == image.shape
    assert made.dtype == np.uint8
    assert not np.array_equal(made, image)


def test_what_picks_make_by_hand() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:] = (100, 200, 40)
    rng = np.random.default_rng(0)
    # 0.299 * 100 + 0.587 * 200 + 0.114 * 40; 0.393 * 100 + 0.769 * 200 + 0.189 * 40 and so on.
    assert PICKS["gray"](rng, image, [])[0, 0].tolist() == [152, 152, 152]
    assert PICKS["sepia"](rng, image, [])[0, 0].tolist() == [201, 179, 139]
    assert np.array_equal(PICKS["blur"](rng, image, []), image)
    salted = PICKS["salt and pepper"](rng, image, [])
    changed = (salted != image).any(-1)
    assert {tuple(pixel) for pixel in salted[changed].tolist()} == {(0, 0, 0), (255, 255, 255)}
    assert changed.mean() <= 0.02


def test_a_cutout_is_never_over_a_plate() -> None:
    image = np.full((100, 200, 3), 255, np.uint8)
    plates = [rectangle(20, 30, 99.5, 60.5), rectangle(-10, 80, 5, 200)]
    cut = np.zeros((100, 200), bool)
    for seed in range(60):
        cut |= (PICKS["cutout"](np.random.default_rng(seed), image, plates) != 255).any(-1)
    assert not cut[30:62, 20:101].any()
    assert not cut[80:, :6].any()
    assert cut.mean() > 0.5
    everywhere = [rectangle(-1, -1, 300, 300)]
    assert np.array_equal(PICKS["cutout"](np.random.default_rng(0), image, everywhere), image)


def test_as_many_picks_as_asked() -> None:
    image = np.full((40, 60, 3), (10, 120, 230), np.uint8)
    assert change(np.random.default_rng(0), image, 0, []) is image
    assert len(PICKS) == 6
    # Gray and sepia among them: all six leave no trace of the blue.
    all_six = change(np.random.default_rng(1), image, 6, [])
    assert np.median(all_six[..., 2]) < 200

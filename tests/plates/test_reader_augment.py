"""The augmenter: deterministic, of one size, never so strong that a plate leaves the picture."""

import numpy as np
import pytest

from plates.reader.augment import Augmenter, move


def _bar() -> np.ndarray:
    image = np.zeros((50, 200, 3), np.uint8)
    image[10:40, 20:180] = 255
    return image


@pytest.mark.parametrize("strength", ["none", "light", "medium", "strong"])
def test_same_seed_same_picture(strength: str) -> None:
    augment = Augmenter((64, 192), strength)  # type: ignore[arg-type]
    first, again = augment(_bar(), (0, 1, 2)), augment(_bar(), (0, 1, 2))
    assert first.shape == (64, 192, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    other = augment(_bar(), (0, 1, 3))
    assert (strength == "none") == bool((first == other).all())


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 900, 3), (700, 20, 3)])
def test_any_shape(shape: tuple[int, int, int]) -> None:
    image = np.full(shape, 77, np.uint8)
    assert Augmenter((32, 96), "strong")(image, (0,)).shape == (32, 96, 3)


def test_no_character_leaves_the_picture() -> None:
    """Crops are cut tightly: the outermost characters stand next to the edge, and must stay."""
    image = np.zeros((50, 200, 3), np.uint8)
    for band in (slice(10, 24), slice(176, 190)):
        image[5:45, band] = 255
    kept = []
    for seed in range(100):
        moved = move(image, (64, 192), "medium", np.random.default_rng(seed))[..., 0] > 127
        kept += [half.mean() / image[:, :100, 0].mean() * 255 for half in np.split(moved, 2, 1)]
    assert min(kept) > 0.5
    assert 0.75 < np.mean(kept) < 1
    assert np.std(kept) > 0.03

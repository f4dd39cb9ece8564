"""Augmentation: the same from the same seed, and mixing by hand."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carclf.augment import Augmenter, mixer, random_crop
from carclf.config import Strength
from triptych.images import resize

STRENGTHS = get_args(Strength)
IMAGES = [np.random.default_rng(i).integers(0, 256, (50, 70, 3), np.uint8) for i in range(4)]


@pytest.mark.parametrize("strength", STRENGTHS)
def test_depends_on_picture_and_seed_alone(strength: Strength) -> None:
    """Neither on what was asked before nor on the thread."""
    jobs = [(IMAGES[i % 4], (7, i % 3, i)) for i in range(24)]
    one = Augmenter((40, 48), strength)
    want = [one(*job) for job in jobs]
    assert all(image.shape == (40, 48, 3) and image.dtype == np.uint8 for image in want)
    again = Augmenter((40, 48), strength)
    backwards = [again(*job) for job in reversed(jobs)]
    with ThreadPoolExecutor(4) as pool:
        threads = list(pool.map(lambda job: one(*job), jobs))
    for a, b, c in zip(want, reversed(backwards), threads, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_each_seed_gives_another_picture_and_keeps_the_original(strength: Strength) -> None:
    augmenter, image = Augmenter((40, 48), strength), IMAGES[0].copy()
    made = {augmenter(image, (7, 0, i)).tobytes() for i in range(12)}
    # "light" is a flip and a crop, of which a small picture has not so many.
    assert len(made) >= 10 if strength != "none" else len(made) == 1
    np.testing.assert_array_equal(image, IMAGES[0])


def test_none_only_resizes() -> None:
    got = Augmenter((40, 48), "none")(IMAGES[0], (1,))
    np.testing.assert_array_equal(got, resize(IMAGES[0], (40, 48)))


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_tiny_and_long_pictures(size: tuple[int, int], strength: Strength) -> None:
    augmenter = Augmenter((32, 32), strength)
    for seed in range(5):
        assert augmenter(np.zeros((*size, 3), np.uint8), (seed,)).shape == (32, 32, 3)


@given(
    height=st.integers(20, 200),
    width=st.integers(20, 200),
    smallest=st.sampled_from([0.35, 0.5, 0.7]),
    seed=st.integers(0, 999),
)
def test_crop_is_a_large_part_of_the_picture(
    height: int, width: int, smallest: float, seed: int
) -> None:
    image = np.arange(height * width * 3, dtype=np.uint32).reshape(height, width, 3)
    crop = random_crop(image, np.random.default_rng(seed), smallest)
    h, w = crop.shape[:2]
    assert h * w >= 0.9 * smallest * height * width
    # The shape is at most a quarter off the picture's own, but for rounding.
    assert 0.7 <= (h / w) / (height / width) <= 1.4
    top, left = divmod(int(crop[0, 0, 0]) // 3, width)
    np.testing.assert_array_equal(crop, image[top : top + h, left : left + w])


BATCH: tuple[np.ndarray, ...] = (
    np.stack([np.full((10, 10, 3), value, np.uint8) for value in (0, 100, 200)]),
    np.eye(3, dtype=np.float32),
    np.array([1.0, 2.0, 4.0], np.float32),
)


class Chosen:
    """Draws what the test says: share, partners, the corner of the box, which kind."""

    def __init__(self, share: float, kind: int = 0) -> None:
        self.share = share
        self.kinds = [kind]

    def beta(self, a: float, b: float) -> float:
        assert a == b
        return self.share

    def permutation(self, count: int) -> np.ndarray:
        return np.array([1, 2, 0])[:count]

    def integers(self, high: int) -> int:
        return self.kinds.pop() if self.kinds else high - 1


def mixed(mixup: float, cutmix: float, share: float, kind: int = 0) -> tuple[np.ndarray, ...]:
    mix = mixer(mixup, cutmix)
    assert mix is not None
    rng: Any = Chosen(share, kind)
    return mix(rng, BATCH)


def test_mixup_by_hand() -> None:
    """A quarter of each picture and three of the next."""
    images, targets, weights = mixed(0.2, 0, 0.25)
    assert images.dtype == np.uint8
    assert targets.dtype == weights.dtype == np.float32
    assert images[:, 0, 0, 0].tolist() == [75, 175, 50]
    np.testing.assert_allclose(targets, [[0.25, 0.75, 0], [0, 0.25, 0.75], [0.75, 0, 0.25]])
    np.testing.assert_allclose(weights, [0.25 + 1.5, 0.5 + 3, 1 + 0.75])


def test_mixup_rounds() -> None:
    images, *_ = mixed(0.2, 0, 0.996)
    assert images[:, 0, 0, 0].tolist() == [0, 100, 199]  # 0.4, 100.4, 199.2


def test_cutmix_by_hand() -> None:
    """Share 0.7: a box of sqrt(0.3) = 0.548 of the sides, 5 x 5 of 10 x 10 pixels."""
    images, targets, weights = mixed(0, 1.0, 0.7)
    np.testing.assert_array_equal(images[0, :5], 0)
    np.testing.assert_array_equal(images[0, 5:, 5:], 100)
    np.testing.assert_array_equal(images[0, 5:, :5], 0)
    assert (images[0] == 100).mean() == 0.25
    # The share of the pixels counts, not the share that was drawn.
    np.testing.assert_allclose(targets, [[0.75, 0.25, 0], [0, 0.75, 0.25], [0.25, 0, 0.75]])
    np.testing.assert_allclose(weights, [0.75 + 0.5, 1.5 + 1, 3 + 0.25])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_cutmix_of_all_and_of_nothing(share: float) -> None:
    images, targets, _ = mixed(0, 1.0, share)
    assert images[0, 0, 0, 0] == 100 * (1 - share)
    assert targets[0].tolist() == [share, 1 - share, 0]


def test_both_take_turns() -> None:
    blended, cut = mixed(0.2, 1.0, 0.75, kind=0)[0], mixed(0.2, 1.0, 0.75, kind=1)[0]
    assert set(blended[0].ravel()) == {25}
    assert set(cut[0].ravel()) == {0, 100}
    assert mixer(0, 0) is None


@given(seed=st.integers(0, 99), mixup=st.floats(0.01, 5), cutmix=st.floats(0.01, 5))
def test_mixing_keeps_sums(seed: int, mixup: float, cutmix: float) -> None:
    mix = mixer(mixup, cutmix)
    assert mix is not None
    before = [a.copy() for a in BATCH]
    images, targets, weights = mix(np.random.default_rng(seed), BATCH)
    assert images.shape == BATCH[0].shape
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(weights.sum(), 7, rtol=1e-5)
    assert weights.min() >= 1 - 1e-5
    for a, b in zip(before, BATCH, strict=True):
        np.testing.assert_array_equal(a, b)

"""Which pictures look alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych import lookalikes


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(40, 200, (count, 16, 16)).astype(np.uint8)


def test_films_are_groups_and_pictures_of_their_own_are_not() -> None:
    """Brightness and contrast do not make another picture, other faces do."""
    pictures = noise(6)
    pictures[3] = pictures[0] + 20
    pictures[4] = pictures[1] // 2
    groups = lookalikes.groups(pictures, 0.9)
    assert groups[0] == groups[3]
    assert groups[1] == groups[4]
    assert len(set(groups)) == 4


def test_pairs_of_pairs_are_one_group() -> None:
    first, last = noise(2).astype(float)
    steps = [first + (last - first) * share for share in np.linspace(0, 1, 7)]
    pictures = np.stack(steps).astype(np.uint8)
    assert np.corrcoef(pictures[0].ravel(), pictures[-1].ravel()).ravel()[1] < 0.5
    assert len(set(lookalikes.groups(pictures, 0.9))) == 1


def test_flat_pictures_resemble_none() -> None:
    pictures = np.concatenate([np.full((3, 16, 16), 127, np.uint8), noise(2)])
    assert len(set(lookalikes.groups(pictures, 0.01))) >= 4
    assert len(set(lookalikes.groups(pictures[:3], 0.01))) == 3


@given(st.integers(1, 40), st.integers(0, 9))
def test_blocks_change_nothing(block: int, seed: int) -> None:
    """Pairs are found within and across the blocks that are compared at a time."""
    pictures = noise(40, seed)
    pairs = np.random.default_rng(seed).permutation(40).reshape(20, 2)
    pictures[pairs[:, 1]] = pictures[pairs[:, 0]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookalikes, "_BLOCK", block)
        groups = lookalikes.groups(pictures, 0.99)
    assert len(set(groups)) == 20
    np.testing.assert_array_equal(groups[pairs[:, 0]], groups[pairs[:, 1]])


def test_like_is_as_groups_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, others = noise(5), noise(3, seed=1)
    pictures[1] = others[2] // 2 + 30
    pictures[3] = others[0]
    pictures[4] = 90
    for block in (1, 2, 2048):
        monkeypatch.setattr(lookalikes, "_BLOCK", block)
        assert lookalikes.like(pictures, others, 0.9).tolist() == [False, True, False, True, False]
    assert lookalikes.like(pictures, others[:0], 0.9).tolist() == [False] * 5
    assert lookalikes.like(pictures[:0], others, 0.9).tolist() == []


def test_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookalikes, "MOST", 3)
    with pytest.raises(ValueError, match="at most 3 pictures can be compared; received: 4"):
        lookalikes.groups(noise(4), 0.9)

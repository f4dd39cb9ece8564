"""Which texts are near each other: quick ways find what comparing every pair finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates import groups
from plates.text import distance
from triptych.lookalikes import components


@settings(max_examples=60)
@given(st.lists(st.text("AB1", min_size=4, max_size=8), max_size=12))
def test_one_apart_is_found_by_any_pair(words: list[str]) -> None:
    """The quick way through the places of a text joins what comparing every pair joins."""
    names = list(dict.fromkeys(words))
    quick = components(len(names), groups.one_apart(names))
    pairs = [
        (i, j)
        for i, a in enumerate(names)
        for j, b in enumerate(names)
        if min(len(a), len(b)) >= 5 and distance(a, b) <= 1
    ]
    slow = components(len(names), np.array(pairs, np.int64).reshape(-1, 2))
    np.testing.assert_array_equal(quick, slow)


@settings(max_examples=60)
@given(st.lists(st.text("AB1", max_size=8), max_size=6), st.lists(st.text("AB1", max_size=8)))
def test_near(words: list[str], others: list[str]) -> None:
    """Equal; or one apart from five characters on, or two from seven; "" is near nothing."""

    def close(a: str, b: str, most: int) -> bool:
        apart, shorter = distance(a, b), min(len(a), len(b))
        least = [1, 5, 7][apart] if apart <= most else 99
        return shorter >= least

    for most in (0, 1, 2):
        want = {a for a in words if any(close(a, b, most) for b in others)}
        assert groups.near(words, others, most) == want


@pytest.mark.parametrize("block", [1, 7])
def test_blocks_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    words = ["".join(rng.choice(list("AB12"), 7)) for _ in range(60)]
    whole = groups.two_apart(words)
    monkeypatch.setattr(groups, "_BLOCK", block)
    parts = groups.two_apart(words)
    np.testing.assert_array_equal(components(60, whole), components(60, parts))

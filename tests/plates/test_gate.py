"""The one rule by which a plate is told: values by hand, and what must hold for all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plates import gate
from plates.reader.decode import Reading

SHARES = st.floats(0, 1)


def reading(weakest: float, text: str = "AB") -> Reading:
    return Reading(text, (1.0, weakest), weakest / 2) if text else Reading("", (), weakest)


@pytest.mark.parametrize(
    ("score", "weakest", "kept"),
    [
        (0.45, 0.50, True),  # 1 + 1
        (0.45, 0.49, False),
        (0.90, 0.00, True),  # 2 + 0
        (0.89, 0.00, False),
        (0.10, 0.90, True),  # 0.222 + 1.8
        (0.10, 0.88, False),  # 0.222 + 1.76
        (0.00, 1.00, True),
    ],
)
def test_by_hand(score: float, weakest: float, kept: bool) -> None:
    assert gate.keeps(score, reading(weakest), 0.45, 0.5) == kept


def test_a_sure_nothing_speaks_against_a_plate() -> None:
    assert not gate.keeps(1.0, reading(0.9, ""), 0.45, 0.5)  # 2.22 - 1.8
    assert gate.keeps(1.0, reading(0.1, ""), 0.45, 0.5)  # 2.22 - 0.2
    assert not gate.keeps(0.9, reading(0.1, ""), 0.45, 0.5)


@given(SHARES, SHARES, SHARES, SHARES)
def test_surer_is_never_worse_and_the_floor_holds(s: float, w: float, a: float, b: float) -> None:
    if gate.keeps(s, reading(w), a, b):
        assert gate.keeps((1 + s) / 2, reading(w), a, b)
        assert gate.keeps(s, reading((1 + w) / 2), a, b)
        assert s >= gate.floor(a, b) - 1e-9
    assert gate.keeps(s, reading(w), 0, b)
    assert gate.keeps(s, reading(w), a, 0)


def test_limits_are_shares() -> None:
    with pytest.raises(ValueError, match=r"`least_reading` must be in \[0, 1\]; received: least"):
        gate.check(0.5, 1.5)

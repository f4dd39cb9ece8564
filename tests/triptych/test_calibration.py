"""Confidence and intervals against tables worked by hand."""

import numpy as np
import pytest

from triptych import calibration

CONFIDENCE = np.array([0.7, 0.5, 0.8, 0.5, 0.9, 0.6])
RIGHT = np.array([True, False, True, False, True, False])


def test_reliability_by_hand() -> None:
    table = calibration.reliability(CONFIDENCE, RIGHT, bins=2)
    assert table["pictures"].tolist() == [0, 6]
    assert table["confidence"][1] == pytest.approx(4 / 6)
    assert calibration.error(table) == pytest.approx(1 / 6)
    # Thirds: [1/3, 2/3) holds .5 .5 .6, none right; [2/3, 1] holds .7 .8 .9, all right.
    table = calibration.reliability(CONFIDENCE, RIGHT, bins=3)
    assert table["pictures"].tolist() == [0, 3, 3]
    np.testing.assert_allclose(table["accuracy"], [np.nan, 0, 1])
    assert calibration.error(table) == pytest.approx(0.5 * (1.6 / 3) + 0.5 * (0.6 / 3))


def test_certainty_is_in_the_last_bin() -> None:
    table = calibration.reliability(np.array([1.0]), np.array([True]), bins=10)
    assert table["pictures"].tolist() == [0] * 9 + [1]


def test_interval_by_hand() -> None:
    """8 of 10: Wilson's 95 % interval as tables have it; the ends of the scale are not passed."""
    assert calibration.interval(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert calibration.interval(1.0, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert calibration.interval(0.0, 10)[0] == 0
    with pytest.raises(ValueError, match="`count` must be positive"):
        calibration.interval(0.5, 0)

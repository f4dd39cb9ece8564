"""Scores worked by hand."""

import numpy as np
import pytest

from landmarks import metrics

# Three pictures of three points. Each point is off by (3, 4): 5 pixels; by (0, 2); or by nothing.
TRUE = np.array(
    [
        [[0, 0], [10, 0], [10, 40]],
        [[5, 5], [5, 25], [25, 25]],
        [[0, 0], [100, 0], [50, 25]],
    ]
).astype(float)
OFF = np.array(
    [
        [[3, 4], [0, 0], [0, 2]],
        [[0, 0], [0, 0], [0, 0]],
        [[-3, 4], [3, -4], [0, -2]],
    ]
)
PREDICTED = TRUE + OFF
EYES = np.array([10.0, 20, 100])


def test_mse_by_hand() -> None:
    """Squares: 25 + 0 + 4, 0, 25 + 25 + 4; six coordinates a picture."""
    np.testing.assert_allclose(metrics.mse_per_picture(PREDICTED, TRUE), [29 / 6, 0, 54 / 6])
    assert metrics.mse(PREDICTED, TRUE) == pytest.approx(83 / 18)


def test_mse_over_the_asked_points() -> None:
    asked = np.array([[0, 2], [1, 1], [2, 0]])
    assert metrics.mse_asked(PREDICTED, TRUE, asked) == pytest.approx((29 + 0 + 29) / 12)
    every = np.tile(np.arange(3), (3, 1))
    assert metrics.mse_asked(PREDICTED, TRUE, every) == metrics.mse(PREDICTED, TRUE)


def test_whole_numbers_do_not_overflow() -> None:
    """300 squared does not fit in the int16 of the cache."""
    true = np.zeros((1, 1, 2), np.int16)
    far = np.full((1, 1, 2), 300, np.int16)
    assert metrics.mse(far, true) == 90_000
    wide = np.array([[[-30_000, 0], [30_000, 0]]], np.int16)
    assert metrics.pair(wide, 0, 1)[0] == metrics.diagonal(wide)[0] == 60_000


def test_errors_by_hand() -> None:
    np.testing.assert_allclose(metrics.errors(PREDICTED, TRUE), [[5, 0, 2], [0, 0, 0], [5, 5, 2]])
    np.testing.assert_allclose(metrics.per_point(PREDICTED, TRUE), [10 / 3, 5 / 3, 4 / 3])
    np.testing.assert_allclose(
        metrics.per_point(PREDICTED, TRUE, EYES), [0.55 / 3, 0.05 / 3, 0.22 / 3]
    )


def test_nme_by_hand() -> None:
    np.testing.assert_allclose(metrics.pair(TRUE, 0, 1), EYES)
    np.testing.assert_allclose(metrics.nme(PREDICTED, TRUE, EYES), [0.7 / 3, 0, 0.12 / 3])
    np.testing.assert_allclose(metrics.box(TRUE), [20, 20, 50])
    np.testing.assert_allclose(metrics.diagonal(TRUE), np.sqrt([1700, 800, 10_625]))


def test_curve_by_hand() -> None:
    """Errors 0, 0.04, 0.08 and 0.2 up to 0.1: the stair's area is (0.1 + 0.06 + 0.02 + 0) / 4."""
    values = np.array([0.2, 0, 0.08, 0.04])
    assert metrics.failure_rate(values, 0.1) == 0.25
    assert metrics.failure_rate(values, 0.08) == 0.25
    assert metrics.auc(values, 0.1) == pytest.approx(0.18 / 4 / 0.1)
    assert metrics.auc(np.zeros(3), 0.1) == 1
    assert metrics.auc(np.ones(3), 0.1) == 0


def test_auc_is_the_integral_of_the_curve() -> None:
    values = np.random.default_rng(0).gamma(2, 0.03, 200)
    grid = (np.arange(100_000) + 0.5) / 100_000 * 0.1
    curve = np.searchsorted(np.sort(values), grid, side="right") / 200
    assert metrics.auc(values, 0.1) == pytest.approx(curve.mean(), abs=1e-5)


def test_nan_is_a_failure() -> None:
    values = np.array([np.nan, 0.0])
    assert metrics.failure_rate(values, 0.1) == 0.5
    assert metrics.auc(values, 0.1) == 0.5


def test_by_subset() -> None:
    table = metrics.by_subset(
        PREDICTED,
        TRUE,
        EYES,
        points={"mouth": np.array([1, 2])},
        pictures={"dark": np.array([2])},
        threshold=0.05,
    )
    assert table["subset"].tolist() == ["all", "mouth", "dark"]
    assert table["pictures"].tolist() == [3, 3, 1]
    assert table["points"].tolist() == [3, 2, 3]
    np.testing.assert_allclose(table["mse"], [83 / 18, (4 + 0 + 29) / 12, 9])
    np.testing.assert_allclose(table["error"], [19 / 9, 9 / 6, 4])
    np.testing.assert_allclose(table["nme"], [0.82 / 9, (0.2 + 0.07) / 6, 0.04])
    np.testing.assert_allclose(table["failures"], [1 / 3, 1 / 3, 0])
    np.testing.assert_allclose(table["auc"], [(0 + 1 + 0.2) / 3, (0 + 1 + 0.3) / 3, 0.2])
    with pytest.raises(ValueError, match="the subset 'none' is empty"):
        metrics.by_subset(PREDICTED, TRUE, EYES, points={"none": np.array([], int)})


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"received: \[3, 3, 2\] and \[2, 3, 2\]"):
        metrics.mse(PREDICTED, TRUE[:2])
    with pytest.raises(ValueError, match=r"must be positive; received: 0.0 in row 1"):
        metrics.nme(PREDICTED, TRUE, np.array([1, 0.0, 0]))
    with pytest.raises(ValueError, match=r"received: nan in row 2"):
        metrics.per_point(PREDICTED, TRUE, np.array([1, 1, np.nan]))
    with pytest.raises(ValueError, match=r"must be \[3\]; received: shape=\(1,\)"):
        metrics.nme(PREDICTED, TRUE, np.ones(1))
    with pytest.raises(ValueError, match=r"in 0\.\.2; received: 3 in row 1"):
        metrics.mse_asked(PREDICTED, TRUE, np.array([[0], [3], [-1]]))
    with pytest.raises(ValueError, match=r"must be \[3, M\]; received: shape=\(3,\)"):
        metrics.mse_asked(PREDICTED, TRUE, np.array([0, 1, 2]))
    with pytest.raises(ValueError, match=r"in 0\.\.2; received: i=0, j=-1"):
        metrics.pair(TRUE, 0, -1)
    with pytest.raises(ValueError, match="received: threshold=0"):
        metrics.auc(EYES, 0)
    with pytest.raises(ValueError, match=r"R >= 1; received: shape=\(0,\)"):
        metrics.failure_rate(EYES[:0], 0.1)

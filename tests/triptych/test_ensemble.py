import numpy as np
import pytest

from triptych.ensemble import combine

A = np.array([[0.8, 0.2], [0.4, 0.6]])
B = np.array([[0.1, 0.9], [0.5, 0.5]])
C = np.array([[0.3, 0.7], [0.0, 1.0]])


def test_mean_and_median() -> None:
    np.testing.assert_allclose(combine([A, B, C]), [[0.4, 0.6], [0.3, 0.7]])
    np.testing.assert_allclose(combine([A, B, C], "median"), [[0.3, 0.7], [0.4, 0.6]])
    np.testing.assert_array_equal(combine([A]), A)


def test_mean_of_probabilities_is_not_a_vote() -> None:
    """Two of three are for the second class; the mean is for the sure one's."""
    sure = np.array([[0.9, 0.1]])
    doubtful = np.array([[0.45, 0.55]])
    assert combine([sure, doubtful, doubtful]).argmax() == 0


def test_errors() -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        combine([])
    with pytest.raises(ValueError, match=r"one shape; received: \[\(1, 2\), \(2, 2\)\]"):
        combine([A, A[:1]])
    with pytest.raises(ValueError, match="`how` must be 'mean' or 'median'; received: how='max'"):
        combine([A], "max")  # type: ignore[arg-type]

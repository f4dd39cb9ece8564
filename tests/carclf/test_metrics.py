"""Scores against tables worked by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as reference

from carclf import metrics

# Six pictures of three classes; answers 0, 0, 1, 2, 2, 0.
PROBABILITIES = np.array(
    [
        [0.7, 0.2, 0.1],
        [0.5, 0.3, 0.2],
        [0.1, 0.8, 0.1],
        [0.2, 0.3, 0.5],
        [0.0, 0.1, 0.9],
        [0.6, 0.1, 0.3],
    ]
)
LABELS = np.array([0, 1, 1, 1, 2, 2])
COUNTS = np.array([[1, 0, 0], [1, 1, 1], [1, 0, 1]])


def test_scores_by_hand() -> None:
    assert metrics.accuracy(PROBABILITIES, LABELS) == pytest.approx(3 / 6)
    assert metrics.top_k(PROBABILITIES, LABELS, 1) == pytest.approx(3 / 6)
    assert metrics.top_k(PROBABILITIES, LABELS, 2) == 1
    np.testing.assert_array_equal(metrics.confusion(PROBABILITIES, LABELS), COUNTS)


def test_a_tie_is_no_merit() -> None:
    """A model that knows nothing must not be right by the order of the classes."""
    assert metrics.top_k(np.full((2, 4), 0.25), np.array([0, 3]), 3) == 0


@pytest.mark.parametrize("k", [0, 4])
def test_top_k_refuses(k: int) -> None:
    with pytest.raises(ValueError, match=rf"`k` must be in 1\.\.3; received: k={k}"):
        metrics.top_k(PROBABILITIES, LABELS, k)


def test_per_class_by_hand() -> None:
    counts = np.array([[2, 1, 0, 0], [0, 0, 0, 3], [0, 0, 0, 0], [0, 0, 0, 4]])
    table = metrics.per_class(counts, ["a", "b", "c", "d"])
    assert table["pictures"].tolist() == [3, 3, 0, 4]
    np.testing.assert_allclose(table["precision"], [1, 0, np.nan, 4 / 7])
    np.testing.assert_allclose(table["recall"], [2 / 3, 0, np.nan, 1])
    np.testing.assert_allclose(table["f1"], [0.8, 0, np.nan, 8 / 11])
    assert table["mistaken_for"].tolist() == ["b", "d", "", ""]


def test_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(7), size=300)
    # Class 6 has no picture.
    labels = rng.integers(0, 6, 300)
    answers = probabilities.argmax(axis=1)
    classes = np.arange(7)
    for k in (1, 3, 6):
        theirs = reference.top_k_accuracy_score(labels, probabilities, k=k, labels=classes)
        assert metrics.top_k(probabilities, labels, k) == pytest.approx(theirs)
    counts = metrics.confusion(probabilities, labels)
    np.testing.assert_array_equal(
        counts, reference.confusion_matrix(labels, answers, labels=classes)
    )
    precision, recall, f1, pictures = reference.precision_recall_fscore_support(
        labels, answers, labels=classes, zero_division=np.nan
    )
    table = metrics.per_class(counts, list("abcdefg"))
    np.testing.assert_allclose(table["precision"], precision)
    np.testing.assert_allclose(table["recall"], recall)
    np.testing.assert_allclose(table["f1"], f1)
    np.testing.assert_array_equal(table["pictures"], pictures)

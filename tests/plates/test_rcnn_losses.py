"""The losses of Mask R-CNN against sums worked by hand."""

import numpy as np
import pytest
from keras import ops

from plates.detector.rcnn import losses

YES, NO = True, False


def _numbers(values: object) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(values))


def test_entropy_by_hand() -> None:
    """ln 2 for a logit of 0; of the second picture nothing counts, not even what is no number."""
    logits = np.array([[0.0, np.log(3), 50], [np.nan, np.inf, 0]])
    targets = np.array([[1.0, 0, 1], [1, 0, 0]])
    kept = np.array([[YES, YES, NO], [NO, NO, NO]])
    expected = [(np.log(2) + np.log(4)) / 2, 0]
    np.testing.assert_allclose(_numbers(losses.entropy(targets, logits, kept)), expected, rtol=1e-6)


def test_boxes_by_hand() -> None:
    """0.5 * 0.04 / 0.1 = 0.2 inside, 0.3 - 0.05 = 0.25 outside; the sum over three samples."""
    deltas = np.array([[[0, 0, 0, 0], [0.04**0.5 - 0.1, 0.3, 0, -0.3], [9, 9, 9, 9]]])
    targets = np.zeros((1, 3, 4))
    positive = np.array([[NO, YES, NO]])
    found = _numbers(losses.boxes(targets, deltas, positive, 0.1))
    small = 0.5 * 0.1**2 / 0.1  # |d| = beta: both branches agree
    np.testing.assert_allclose(found, [(small + 0.25 + 0.25) / 3], rtol=1e-5)
    assert _numbers(losses.boxes(targets, deltas, positive & False, 0.1)).tolist() == [0]


def test_masks_are_a_mean_over_cells_of_the_positive_ones() -> None:
    logits = np.zeros((1, 2, 2, 2))
    logits[0, 1] = 100
    targets = np.full((1, 2, 2, 2), 0.5)
    found = _numbers(losses.masks(targets, logits, np.array([[YES, NO]])))
    assert found == pytest.approx([np.log(2)])
    found = _numbers(losses.masks(targets, logits, np.array([[YES, YES]])))
    assert found == pytest.approx([(np.log(2) + 50) / 2])


def test_in_float32_from_half() -> None:
    logits = ops.cast([[300.0, -300.0]], "float16")
    found = losses.entropy(ops.cast([[0.0, 1]], "float16"), logits, np.array([[YES, YES]]))
    assert _numbers(found).dtype == np.float32
    assert _numbers(found) == pytest.approx([300])

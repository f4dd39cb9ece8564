"""CTC against hand-worked numbers and PyTorch's."""

import numpy as np
import pytest
import torch

from plates.reader.losses import ctc


def test_hand_worked() -> None:
    """Two columns, blank and A: "A" is AA, A-, -A; the empty text is --."""
    logits = np.log(np.array([[[0.6, 0.4], [0.3, 0.7]]] * 2, np.float32))
    loss = np.asarray(ctc(np.array([[1, 0], [0, 0]], np.int32), logits))
    a = 0.4 * 0.7 + 0.4 * 0.3 + 0.6 * 0.7
    np.testing.assert_allclose(np.exp(-loss), [a, 0.6 * 0.3], rtol=1e-5)


def test_a_repeated_character_needs_a_blank_between() -> None:
    logits = np.log(np.array([[[0.2, 0.8], [0.5, 0.5], [0.1, 0.9]]], np.float32))
    loss = np.asarray(ctc(np.array([[1, 1]], np.int32), logits))
    np.testing.assert_allclose(np.exp(-loss), [0.8 * 0.5 * 0.9], rtol=1e-5)


@pytest.mark.filterwarnings("default")
def test_parity_with_torch() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(8, 24, 12)).astype(np.float32) * 3
    target = np.zeros((8, 9), np.int32)
    for row, length in enumerate(range(1, 9)):
        target[row, :length] = rng.integers(1, 12, length)
    target[7, :8] = 5  # eight times the same: 15 columns at least
    wanted = torch.nn.functional.ctc_loss(
        torch.tensor(logits).log_softmax(-1).transpose(0, 1),
        torch.tensor(target).long(),
        torch.full((8,), 24),
        torch.tensor((target > 0).sum(axis=1)),
        reduction="none",
    )
    np.testing.assert_allclose(np.asarray(ctc(target, logits)), wanted.numpy(), rtol=1e-4)

"""Losses and the error in pixels against hand-worked numbers and PyTorch's."""

import math
from pathlib import Path
from typing import get_args

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from landmarks.config import Loss
from landmarks.losses import PixelMSE, loss, pixel_mse

RNG = np.random.default_rng(0)
TRUE = RNG.uniform(0, 1, (3, 4, 2)).astype(np.float32)
TARGET = np.concatenate([TRUE, np.full((3, 1, 2), [[[50.0]], [[100.0]], [[200.0]]])], axis=1)
TARGET = TARGET.astype(np.float32)
FOUND = (TRUE + RNG.normal(0, 0.02, TRUE.shape)).astype(np.float32)
LOG_SPREAD = RNG.normal(-3.5, 0.3, (3, 4, 1)).astype(np.float32)
WITH_SPREAD = np.concatenate([FOUND, LOG_SPREAD], axis=2)


def value(name: Loss, target: np.ndarray, answer: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(loss(name)(target, answer))


def one(dx: float, dy: float, log_spread: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A face of one point, and an answer `dx`, `dy` hundredths of the side away."""
    target = np.array([[[0.5, 0.5], [80, 80]]], np.float32)
    third = [] if log_spread is None else [log_spread]
    return target, np.array([[[0.5 + dx / 100, 0.5 + dy / 100, *third]]], np.float32)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse", (9 + 0.25) / 2),
        ("l1", (3 + 0.5) / 2),
        ("smooth-l1", (2.5 + 0.125) / 2),
        # Width 4, curvature 0.8: both are in the logarithmic part.
        ("wing", (4 * math.log(1 + 3 / 0.8) + 4 * math.log(1 + 0.5 / 0.8)) / 2),
    ],
)
def test_by_hand(name: Loss, expected: float) -> None:
    assert value(name, *one(3, -0.5)) == pytest.approx([expected], rel=1e-5)


def test_wing_joins_its_two_parts() -> None:
    below, above = (value("wing", *one(x, x))[0] for x in (3.999, 4.001))
    assert above - below == pytest.approx(0.002, rel=0.3)
    far = [value("wing", *one(x, x))[0] for x in (10, 11)]
    assert far[1] - far[0] == pytest.approx(1, rel=1e-4)


def test_against_pytorch() -> None:
    ours, theirs = torch.tensor(100 * FOUND), torch.tensor(100 * TRUE)
    for name, function in (
        ("mse", F.mse_loss),
        ("l1", F.l1_loss),
        ("smooth-l1", F.smooth_l1_loss),
    ):
        want = function(ours, theirs, reduction="none").mean((1, 2))
        got = value(name, TARGET, FOUND)  # type: ignore[arg-type]
        np.testing.assert_allclose(got, want, rtol=1e-4)
    variance = torch.exp(2 * torch.tensor(LOG_SPREAD)).expand(3, 4, 2)
    want = F.gaussian_nll_loss(
        torch.tensor(FOUND), torch.tensor(TRUE), variance, reduction="none", eps=1e-12
    ).mean((1, 2))
    np.testing.assert_allclose(value("gaussian", TARGET, WITH_SPREAD), want, rtol=1e-4)
    density = torch.distributions.Laplace(torch.tensor(FOUND), torch.exp(torch.tensor(LOG_SPREAD)))
    want = -density.log_prob(torch.tensor(TRUE)).mean((1, 2)) - math.log(2)
    np.testing.assert_allclose(value("laplace", TARGET, WITH_SPREAD), want, rtol=1e-4)


@pytest.mark.parametrize(("name", "best"), [("gaussian", 0.05), ("laplace", 0.035)])
def test_the_likeliest_spread(name: Loss, best: float) -> None:
    """Errors of 3 and 4 % (x and y): sigma^2 = (9 + 16) / 2 %^2 by coordinate, b = 3.5 %."""
    sigma = best / math.sqrt(2) if name == "gaussian" else best
    at = [value(name, *one(3, 4, math.log(sigma * f)))[0] for f in (0.97, 1, 1.03)]
    assert at[1] < min(at[0], at[2])


@pytest.mark.parametrize("name", get_args(Loss))
def test_one_number_a_face_and_float32(name: Loss) -> None:
    """The side's length in the target's last row moves no loss; half-precision answers are read."""
    answer = WITH_SPREAD if name in ("gaussian", "laplace") else FOUND
    got = value(name, TARGET, answer)
    assert got.shape == (3,)
    other = TARGET.copy()
    other[:, -1] = 7
    np.testing.assert_array_equal(value(name, other, answer), got)
    assert value(name, TARGET, answer.astype(np.float16)).dtype == np.float32


def test_pixel_mse_by_hand() -> None:
    """3 and 0.5 hundredths of 80 pixels are 2.4 and 0.4 pixels; a spread does not count."""
    want = (2.4**2 + 0.4**2) / 2
    for spread in (None, 9.0):
        assert pixel_mse(*one(3, 0.5, spread)).numpy() == pytest.approx([want], rel=1e-4)


def test_pixel_mse_weights_a_short_batch_by_its_pictures() -> None:
    metric = PixelMSE()
    metric.update_state(TARGET[:2], FOUND[:2])
    metric.update_state(TARGET[2:], FOUND[2:])
    pixels = (FOUND - TRUE) * TARGET[:, -1:]
    assert float(metric.result()) == pytest.approx((pixels**2).mean(), rel=1e-5)
    again = PixelMSE.from_config(metric.get_config())
    assert (again.name, again.dtype) == (metric.name, metric.dtype)


def test_fit_reports_the_same_over_a_short_last_batch() -> None:
    image = keras.Input((4, 2))
    model = keras.Model(image, keras.layers.Identity()(image))
    model.compile(loss=loss("l1"), metrics=[PixelMSE()])
    got = model.evaluate(FOUND, TARGET, batch_size=2, verbose=0, return_dict=True)
    assert got["loss"] == pytest.approx(100 * np.abs(FOUND - TRUE).mean(), rel=1e-4)
    assert got["mse"] == pytest.approx((((FOUND - TRUE) * TARGET[:, -1:]) ** 2).mean(), rel=1e-4)


@pytest.mark.parametrize("name", get_args(Loss))
def test_a_compiled_model_can_be_loaded(name: Loss, tmp_path: Path) -> None:
    width = 3 if name in ("gaussian", "laplace") else 2
    image = keras.Input((4, width))
    model = keras.Model(image, keras.layers.Identity()(image))
    model.compile(loss=loss(name), metrics=[PixelMSE()])
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    answer = WITH_SPREAD[..., :width]
    assert again.evaluate(answer, TARGET, verbose=0) == pytest.approx(
        model.evaluate(answer, TARGET, verbose=0)
    )

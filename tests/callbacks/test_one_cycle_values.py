"""The tables of OneCycle: PyTorch's to 1e-9, fastai's, by hand; and what it refuses."""

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch

from callbacks import OneCycle


def torch_schedule(total: int, max_lr: float, **settings: Any) -> list[tuple[float, float]]:
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=1.0)
    with warnings.catch_warnings():
        # The schedule alone is wanted, so no step of the optimizer comes before it.
        warnings.simplefilter("ignore", UserWarning)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr, total_steps=total, **settings
        )
        values = []
        for step in range(total):
            group = optimizer.param_groups[0]
            values.append((group["lr"], group["betas"][0]))
            if step < total - 1:
                schedule.step()
    return values


@pytest.mark.parametrize("anneal", ["cos", "linear"])
@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize("total", [1, 2, 3, 5, 10, 97])
def test_values_are_those_of_pytorch(total: int, three_phase: bool, anneal: str) -> None:
    shares = (0.03, 0.21, 0.3, 0.45) + ((0.5,) if total != 2 else ()) + ((0.9,) * (not three_phase))
    for share, div, final, high in itertools.product(
        shares, (1.0, 25.0), (10.0, 1e4), (0.85, 0.99)
    ):
        settings: dict[str, Any] = {
            "pct_start": share,
            "three_phase": three_phase,
            "div_factor": div,
            "final_div_factor": final,
            "base_momentum": 0.8,
            "max_momentum": high,
        }
        callback = OneCycle(0.02, anneal=anneal, **settings)
        values = [callback.values(step, total) for step in range(total)]
        expected = torch_schedule(total, 0.02, anneal_strategy=anneal, **settings)
        np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize(("total", "pct_start"), [(20, 0.05), (10, 0.1), (4, 0.25), (2, 0.5)])
def test_a_rise_of_one_batch_starts_at_the_top(
    total: int, pct_start: float, three_phase: bool
) -> None:
    with pytest.raises(ZeroDivisionError):
        torch_schedule(total, 0.02, pct_start=pct_start, three_phase=three_phase)
    callback = OneCycle(0.02, pct_start=pct_start, three_phase=three_phase)
    assert callback.values(0, total) == (0.02, 0.85)
    rates = [callback.values(step, total)[0] for step in range(total)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0.02 / 25 / 1e4)
    if three_phase:  # the fall to the first rate has no batch of its own
        assert rates[1] < 0.02 / 25


def test_three_phases_by_hand() -> None:
    """Ten batches, up in 0..2, down in 2..4, out in 4..9."""
    callback = OneCycle(
        1.0, pct_start=0.3, anneal="linear", div_factor=5, final_div_factor=2, three_phase=True
    )
    rates, momenta = zip(*(callback.values(step, 10) for step in range(10)), strict=True)
    assert rates == pytest.approx([0.2, 0.6, 1.0, 0.6, 0.2, 0.18, 0.16, 0.14, 0.12, 0.1])
    assert momenta == pytest.approx([0.95, 0.9, 0.85, 0.9, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95])


def test_the_preset_is_fastais_curve_a_batch_early() -> None:
    """fastai's two cosines as functions of the share done, which it takes as i / N."""

    def cosine(start: float, end: float, share: float) -> float:
        return start + (1 + np.cos(np.pi * (1 - share))) * (end - start) / 2

    def fastai(share: float) -> tuple[float, float]:
        if share < 0.25:
            return cosine(0.01 / 25, 0.01, share / 0.25), cosine(0.95, 0.85, share / 0.25)
        share = (share - 0.25) / 0.75
        return cosine(0.01, 0.01 / 1e5, share), cosine(0.85, 0.95, share)

    callback = OneCycle.fastai(0.01)
    for step, expected in ((0, 0.0), (99, 0.25), (49, 49 / 99 * 0.25), (249, 0.625), (399, 1.0)):
        expected = 0.25 + 0.75 * (step - 99) / 300 if step > 99 else expected
        assert callback.values(step, 400) == pytest.approx(fastai(expected), rel=1e-9)
    assert OneCycle.fastai(0.01, 400).total_steps == 400


def test_stays_at_the_last_values() -> None:
    callback = OneCycle(0.02)
    assert callback.values(50, 10) == callback.values(9, 10)
    assert callback.values(9, 10) == pytest.approx((0.02 / 25 / 1e4, 0.95))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pct_start", 0.0),
        ("pct_start", 1.2),
        ("anneal", "step"),
        ("max_lr", 0.0),
        ("total_steps", 0),
        ("base_momentum", 0.99),
        ("max_momentum", 1.0),
        ("div_factor", 0.0),
        ("final_div_factor", -1.0),
    ],
)
def test_arguments_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"`{name}` .*received: .*{value}"):
        OneCycle(**{"max_lr": 0.1, name: value})


def test_the_rise_of_three_phases_is_at_most_half() -> None:
    with pytest.raises(ValueError, match=r"at most 0.5 with .*received: pct_start=0.6"):
        OneCycle(0.1, pct_start=0.6, three_phase=True)

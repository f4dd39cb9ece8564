"""EpochTable and StepLR by hand, against PyTorch's schedules, and through `fit`."""

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from callbacks import EpochTable, StepLR

EPOCHS = 60


def torch_rates(make: Callable[[Any], Any], lr: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    with warnings.catch_warnings():
        # The schedule alone is wanted, so no step of the optimizer comes before it.
        warnings.simplefilter("ignore", UserWarning)
        schedule = make(optimizer)
        rates = []
        for _ in range(EPOCHS):
            rates.append(optimizer.param_groups[0]["lr"])
            schedule.step()
    return rates


def rates(callback: Any, first_epoch: int) -> list[float]:
    return [callback.rate(first_epoch + epoch) for epoch in range(EPOCHS)]


RATE, GAMMA = st.floats(1e-4, 1.0), st.floats(0.01, 1.5)


@given(RATE, st.integers(1, 70), GAMMA, st.integers(0, 100))
def test_steps_are_those_of_pytorch(lr: float, size: int, gamma: float, first: int) -> None:
    expected = torch_rates(lambda o: torch.optim.lr_scheduler.StepLR(o, size, gamma), lr)
    np.testing.assert_allclose(rates(StepLR(lr, size, gamma, first), first), expected, rtol=1e-12)


@given(RATE, st.lists(st.integers(0, 70), max_size=8), GAMMA, st.integers(0, 100))
def test_milestones_are_those_of_pytorch(
    lr: float, milestones: list[int], gamma: float, first: int
) -> None:
    """In any order, at epoch 0 and named twice too."""
    expected = torch_rates(lambda o: torch.optim.lr_scheduler.MultiStepLR(o, milestones, gamma), lr)
    callback = EpochTable.multi_step(lr, milestones, gamma, first)
    np.testing.assert_allclose(rates(callback, first), expected, rtol=1e-12)


def test_the_last_row_at_or_before_the_epoch_counts() -> None:
    callback = EpochTable({5: 1e-3, 0: 1e-2, 12: 1e-4})
    assert [callback.rate(epoch) for epoch in (0, 4, 5, 11, 12, 1000)] == [
        *(1e-2, 1e-2, 1e-3),
        *(1e-3, 1e-4, 1e-4),
    ]


def fit(callback: keras.callbacks.Callback, first: int, last: int) -> Any:
    """The logs of a new model, trained from epoch `first` to `last`."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    x, y = np.ones((4, 3), np.float32), np.ones((4, 1), np.float32)
    return model.fit(
        *(x, y), initial_epoch=first, epochs=last, verbose=0, callbacks=[callback]
    ).history


@pytest.mark.parametrize(
    "make",
    [
        lambda first: EpochTable({0: 0.25, 2: 0.125, 4: 0.0625}, first),
        lambda first: EpochTable.multi_step(0.25, [2, 4], 0.5, first),
        lambda first: StepLR(0.25, 2, 0.5, first),
    ],
)
def test_through_fit_and_again_from_the_middle(make: Callable[[int], Any]) -> None:
    """A new object, model and optimizer in epoch 3, as in a resume, have the rates of the whole."""
    expected = [0.25, 0.25, 0.125, 0.125, 0.0625]
    callback = make(0)
    assert fit(callback, 0, 5)["learning_rate"] == expected
    assert fit(callback, 0, 2)["learning_rate"] == expected[:2]
    assert fit(make(0), 3, 5)["learning_rate"] == expected[3:]
    assert fit(make(10), 10, 15)["learning_rate"] == expected
    with pytest.raises(ValueError, match=r"`first_epoch` must not come after .*first_epoch=10, e"):
        fit(make(10), 9, 15)


def test_an_optimizer_with_a_schedule_of_its_own_is_refused_by_keras() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    model.compile(keras.optimizers.SGD(schedule), "mse")
    with pytest.raises(TypeError, match="learning rate is not settable"):
        model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0, callbacks=[StepLR(0.1, 1)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EpochTable({}), r"the first row of `table` must be 0; received: table=\{\}"),
        (lambda: EpochTable({1: 0.1}), "the first row of `table` must be 0"),
        (lambda: EpochTable({0: 0.1, -1: 0.1}), "the first row of `table` must be 0"),
        (lambda: EpochTable({0: -0.1}), "rates in `table` must not be negative; received: .*-0.1"),
        (lambda: EpochTable({0: 0.1}, -1), "`first_epoch` must not be negative; received: -1"),
        (lambda: StepLR(0.0, 1), "`lr` must be positive; received: lr=0.0"),
        (lambda: StepLR(0.1, 0), "`step_size` must be positive; received: step_size=0"),
        (lambda: StepLR(0.1, 1, 0.0), "`gamma` must be positive; received: gamma=0.0"),
    ],
)
def test_arguments(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()

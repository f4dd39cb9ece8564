"""ReduceLROnPlateau against PyTorch's and Keras's, by hand, through `fit`, twice and resumed."""

import json
import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from callbacks import ReduceLROnPlateau

RECORDED = [
    # Falls, stands still, is noisy, falls again.
    [2.303, 1.871, 1.502, 1.377, 1.3761, 1.3762, 1.391, 1.3768, 1.402, 1.1, 1.0999, 1.101, 1.102],
    # Overfits from the third epoch on.
    [0.693, 0.512, 0.488, 0.501, 0.533, 0.561, 0.598, 0.641, 0.702, 0.777, 0.871, 0.99, 1.2],
    # Equal values, a spike that is no number, and loss below zero.
    [0.5, 0.5, 0.5, math.nan, 0.5, math.inf, 0.4, 0.4, -0.1, -0.1, -0.100001, -0.2, math.nan],
]


def rates(callback: keras.callbacks.Callback, values: Sequence[float], lr: float) -> list[float]:
    """The optimizer's rate after each epoch."""
    optimizer = keras.optimizers.SGD(lr)
    callback.set_model(SimpleNamespace(optimizer=optimizer))
    return go_on(callback, values)


def go_on(callback: keras.callbacks.Callback, values: Sequence[float]) -> list[float]:
    callback.on_train_begin()
    after = []
    for epoch, value in enumerate(values):
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {"val_loss": value})
        after.append(float(callback.model.optimizer.learning_rate))
    return after


def torch_rates(values: Sequence[float], lr: float, **kwargs: Any) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **kwargs)
    after = []
    for value in values:
        schedule.step(value)
        after.append(optimizer.param_groups[0]["lr"])
    return after


def check_against_torch(values: Sequence[float], lr: float, **kwargs: Any) -> None:
    callback = ReduceLROnPlateau(initial_lr=lr, **kwargs)
    expected = torch_rates(values, lr, **kwargs)
    held = rates(callback, values, 1.0)
    assert held == [float(np.float32(rate)) for rate in expected]
    # The rate itself is not rounded, however often it has been reduced.
    assert callback.learning_rate == expected[-1]


@pytest.mark.parametrize("values", RECORDED)
@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_recorded_losses_as_in_pytorch(values: list[float], mode: Any, threshold_mode: Any) -> None:
    options = {"mode": mode, "threshold_mode": threshold_mode, "factor": 0.3}
    check_against_torch(values, 0.1, patience=1, **options)
    check_against_torch(values, 0.1, patience=2, cooldown=2, min_lr=0.004, **options)
    check_against_torch(values, 0.1, patience=0, threshold=0.01, eps=0.03, **options)
    # The first reduction is by just `eps`.
    check_against_torch(values, 0.5, patience=0, mode=mode, factor=0.5, eps=0.25)


LOSSES = st.lists(
    st.floats(-4, 4, width=32) | st.sampled_from([0.0, 1.0, 0.9999, math.nan, math.inf, -math.inf]),
    max_size=30,
    min_size=1,
)
ARGUMENTS: dict[str, st.SearchStrategy[Any]] = {
    "mode": st.sampled_from(["min", "max"]),
    "factor": st.floats(0.05, 0.95),
    "patience": st.integers(0, 4),
    "threshold": st.sampled_from([0.0, 1e-4]) | st.floats(0, 1.5),
    "cooldown": st.integers(0, 3),
    "min_lr": st.sampled_from([0.0, 1e-3]) | st.floats(0, 0.2),
}


@given(
    LOSSES,
    st.floats(1e-3, 1.0),
    st.fixed_dictionaries(
        {
            **ARGUMENTS,
            "threshold_mode": st.sampled_from(["rel", "abs"]),
            "eps": st.sampled_from([0.0, 1e-8]) | st.floats(0, 0.1),
        }
    ),
)
def test_any_arguments_as_in_pytorch(values: list[float], lr: float, kwargs: Any) -> None:
    # Beyond float32 the optimizer's rate is 0, and PyTorch's is not.
    kwargs["factor"] = max(kwargs["factor"], (1e-30 / lr) ** (1 / len(values)))
    check_against_torch(values, lr, **kwargs)


def check_against_keras(values: Sequence[float], lr: float, **kwargs: Any) -> None:
    callback = ReduceLROnPlateau(rule="keras", **kwargs)
    reference = keras.callbacks.ReduceLROnPlateau(min_delta=kwargs.pop("threshold", 1e-4), **kwargs)
    # Both have their rate in the optimizer alone, rounded to float32, so they must be equal.
    assert rates(callback, values, lr) == rates(reference, values, lr)
    counts = (reference.wait, reference.cooldown_counter)
    assert (callback.bad_epochs, callback.cooldown_left) == counts


@pytest.mark.parametrize("values", RECORDED)
@pytest.mark.parametrize("mode", ["min", "max"])
def test_recorded_losses_as_in_keras(values: list[float], mode: Any) -> None:
    check_against_keras(values, 0.1, mode=mode, factor=0.3, patience=2)
    check_against_keras(values, 0.1, mode=mode, patience=1, cooldown=2, min_lr=0.004)
    check_against_keras(values, 0.1, mode=mode, patience=3, threshold=0.01)
    # Better by less than float32 can tell.
    closer = [1 - n * 1e-9 for n in range(6)]
    check_against_keras(closer, 0.1, mode=mode, patience=2, threshold=0.0)


@given(
    LOSSES.filter(lambda values: not math.isnan(values[0])),
    st.floats(1e-3, 1.0),
    st.fixed_dictionaries(ARGUMENTS),
)
def test_any_arguments_as_in_keras(values: list[float], lr: float, kwargs: Any) -> None:
    check_against_keras(values, lr, **kwargs)


def test_the_two_rules_differ_by_an_epoch() -> None:
    """By hand: the best is epoch 0, and two bad epochs are borne or the second one reduces."""
    values = [1.0, 1.0, 1.0, 1.0]
    assert rates(ReduceLROnPlateau(factor=0.5, patience=2), values, 0.5) == [0.5, 0.5, 0.5, 0.25]
    keras_rule = ReduceLROnPlateau(factor=0.5, patience=2, rule="keras")
    assert rates(keras_rule, values, 0.5) == [0.5, 0.5, 0.25, 0.25]


@pytest.mark.parametrize("rule", ["pytorch", "keras"])
def test_nan_is_a_bad_epoch_and_never_the_best(rule: Any) -> None:
    callback = ReduceLROnPlateau(factor=0.5, patience=2, rule=rule)
    values = [math.nan, 3.0, 2.0, 1.0, 0.5]
    assert rates(callback, values, 0.5) == [0.5] * 5
    assert callback.best == 0.5
    bad = 3 if rule == "pytorch" else 2
    assert go_on(callback, [math.nan] * bad) == [0.5] * (bad - 1) + [0.25]


def model(lr: Any = 0.5) -> keras.Model:
    made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    # With nothing to learn the loss stays where it is.
    made.set_weights([np.zeros((3, 1)), np.zeros(1)])
    made.compile(keras.optimizers.SGD(lr), "mse")
    return made


X, Y = np.zeros((4, 3), np.float32), np.zeros((4, 1), np.float32)


def fit(made: keras.Model, callbacks: list[Any], epochs: int = 3, first: int = 0) -> Any:
    history = made.fit(
        *(X, Y), initial_epoch=first, epochs=first + epochs, verbose=0, callbacks=callbacks
    )
    return history.history


@pytest.mark.parametrize(("rule", "expected"), [("pytorch", [2, 2, 1]), ("keras", [2, 1, 0.5])])
def test_through_fits_it_remembers_and_logs_the_epochs_rate(rule: Any, expected: Any) -> None:
    made = model()
    callback = ReduceLROnPlateau("loss", 0.5, 1, rule=rule, initial_lr=2.0)
    assert fit(made, [callback])["learning_rate"] == [2, *expected[:2]]
    first = float(made.optimizer.learning_rate)
    assert first == expected[2]
    # The rate of another schedule, left behind before the second fit, is what is reduced.
    made.optimizer.learning_rate = 8.0
    again = fit(made, [callback], 3, 3)["learning_rate"]
    assert again == ([8, 8, 4] if rule == "pytorch" else [8, 4, 2])


@pytest.mark.parametrize("rule", ["pytorch", "keras"])
def test_takes_over_after_a_schedule_that_ended_low(rule: Any) -> None:
    made = model()
    fit(made, [keras.callbacks.LearningRateScheduler(lambda epoch: 2.0**-epoch)], 5)
    assert float(made.optimizer.learning_rate) == 2.0**-4
    kept = ReduceLROnPlateau("loss", 0.5, 1, rule=rule)
    assert fit(made, [kept], 1, 5)["learning_rate"] == [2.0**-4]
    raised = ReduceLROnPlateau("loss", 0.5, 1, rule=rule, initial_lr=1.0)
    assert fit(made, [raised], 1, 6)["learning_rate"] == [1.0]


@pytest.mark.parametrize("rule", ["pytorch", "keras"])
@pytest.mark.parametrize("stop", range(9))
def test_a_resume_goes_on_as_if_nothing_had_been(rule: Any, stop: int) -> None:
    values = [1.0, 1.1, 1.2, 1.2, 1.3, 1.3, 1.2, 0.5, 0.6, math.nan, 0.7]
    options: dict[str, Any] = {"factor": 0.3, "patience": 1, "cooldown": 2, "initial_lr": 0.1}
    whole = ReduceLROnPlateau(rule=rule, **options)
    expected = rates(whole, values, 0.5)
    before = ReduceLROnPlateau(rule=rule, **options)
    rates(before, values[:stop], 0.5)
    after = ReduceLROnPlateau(rule=rule, **options)
    after.set_state(json.loads(json.dumps(before.get_state())))
    after.set_model(before.model)  # whose optimizer came back with the checkpoint
    assert go_on(after, values[stop:]) == expected[stop:]
    assert after.get_state() == whole.get_state()


def test_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match=r"`monitor` must be one of \['loss'\]; received: 'val_l"):
        fit(model(), [ReduceLROnPlateau()])
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    with pytest.raises(ValueError, match="must be a number; received: a LearningRateSchedule"):
        fit(model(schedule), [ReduceLROnPlateau("loss")])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"rule": "torch"}, "`rule` must be one of .*received: rule='torch'"),
        ({"mode": "auto"}, "`mode` must be one of .*received: mode='auto'"),
        ({"threshold_mode": "absolute"}, "`threshold_mode` must be one of .*'absolute'"),
        ({"rule": "keras", "threshold_mode": "rel"}, "`threshold_mode` must not be 'rel'"),
        ({"rule": "keras", "eps": 1e-8}, "`eps` must be None; received: .*eps=1e-08"),
        ({"factor": 1.0}, r"`factor` must be in \(0, 1\); received: factor=1.0"),
        ({"patience": -1}, "`patience` must not be negative; received: patience=-1"),
        ({"threshold": math.nan}, "`threshold` must not be negative; received: threshold=nan"),
        ({"min_lr": -1.0}, "`min_lr` must not be negative"),
        ({"initial_lr": 0.0}, "`initial_lr` must be positive; received: initial_lr=0.0"),
    ],
)
def test_arguments(kwargs: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReduceLROnPlateau(**kwargs)

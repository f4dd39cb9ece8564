"""OneCycle against PyTorch's schedule, by hand, through `fit`, and used twice."""

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import torch

from callbacks import OneCycle


def torch_schedule(total: int, pct_start: float, anneal: str) -> list[tuple[float, float]]:
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=1.0)
    with warnings.catch_warnings():
        # The schedule alone is wanted, so no step of the optimizer comes before it.
        warnings.simplefilter("ignore", UserWarning)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 0.02, total_steps=total, pct_start=pct_start, anneal_strategy=anneal
        )
        values = []
        for step in range(total):
            group = optimizer.param_groups[0]
            values.append((group["lr"], group["betas"][0]))
            if step < total - 1:
                schedule.step()
    return values


@pytest.mark.parametrize("anneal", ["cos", "linear"])
@pytest.mark.parametrize(("total", "pct_start"), [(1, 0.3), (2, 0.3), (10, 0.25), (97, 0.3)])
def test_values_are_those_of_pytorch(total: int, pct_start: float, anneal: str) -> None:
    callback = OneCycle(0.02, pct_start=pct_start, anneal=anneal)
    values = [callback.values(step, total) for step in range(total)]
    np.testing.assert_allclose(
        values, torch_schedule(total, pct_start, anneal), rtol=1e-9, atol=1e-15
    )


@pytest.mark.parametrize(("total", "pct_start"), [(20, 0.05), (10, 0.1), (4, 0.25)])
def test_a_rise_of_one_batch_starts_at_the_top(total: int, pct_start: float) -> None:
    """There PyTorch divides by zero."""
    callback = OneCycle(0.02, pct_start=pct_start)
    assert callback.values(0, total) == (0.02, 0.85)
    rates = [callback.values(step, total)[0] for step in range(total)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0.02 / 25 / 1e4)


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
    ],
)
def test_arguments_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"`{name}` .*received: .*{value}"):
        OneCycle(**{"max_lr": 0.1, name: value})


X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = (X @ np.array([[1.0], [-2.0], [0.5]]) + 0.3).astype(np.float32)


def compiled(optimizer: Any, **kwargs: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, dtype="float32")])
    model.set_weights([np.full((3, 1), 0.1), np.zeros(1)])
    model.compile(optimizer, "mse", **kwargs)
    return model


def fit(model: keras.Model, callback: keras.callbacks.Callback, **kwargs: Any) -> None:
    model.fit(X, Y, batch_size=4, shuffle=False, verbose=0, callbacks=[callback], **kwargs)


def by_hand(
    rule: Callable[..., tuple[np.ndarray, ...]], schedule: OneCycle, steps: int
) -> np.ndarray:
    """Weights [4] of the linear model after `steps` batches of four, in float64."""
    inputs = np.concatenate([X, np.ones((24, 1))], axis=1).astype(np.float64)
    weights = np.array([0.1, 0.1, 0.1, 0.0])
    state = np.zeros((2, 4))
    for step in range(steps):
        rows = slice(step * 4 % 24, step * 4 % 24 + 4)
        error = inputs[rows] @ weights - Y[rows, 0]
        gradient = 2 * inputs[rows].T @ error / 4
        change, state = rule(gradient, state, step + 1, *schedule.values(step, steps))
        weights = weights + change
    return weights


def adam(
    g: np.ndarray, state: np.ndarray, t: int, lr: float, beta: float
) -> tuple[np.ndarray, ...]:
    m = beta * state[0] + (1 - beta) * g
    v = 0.999 * state[1] + 0.001 * g**2
    step = lr * np.sqrt(1 - 0.999**t) / (1 - beta**t) * m / (np.sqrt(v) + 1e-7)
    return -step, np.stack([m, v])


def sgd(g: np.ndarray, state: np.ndarray, t: int, lr: float, beta: float) -> tuple[np.ndarray, ...]:
    m = beta * state[0] - lr * g
    return m, np.stack([m, m])


def nesterov(
    g: np.ndarray, state: np.ndarray, t: int, lr: float, beta: float
) -> tuple[np.ndarray, ...]:
    m = beta * state[0] - lr * g
    return beta * m - lr * g, np.stack([m, m])


def rmsprop(
    g: np.ndarray, state: np.ndarray, t: int, lr: float, beta: float
) -> tuple[np.ndarray, ...]:
    v = 0.9 * state[1] + 0.1 * g**2
    m = beta * state[0] + lr * g / np.sqrt(v + 1e-7)
    return -m, np.stack([m, v])


OPTIMIZERS: dict[str, tuple[Callable[..., Any], Callable[..., tuple[np.ndarray, ...]]]] = {
    "adam": (keras.optimizers.Adam, adam),
    "adamw": (lambda: keras.optimizers.AdamW(weight_decay=0.0), adam),
    "sgd": (lambda: keras.optimizers.SGD(momentum=0.9), sgd),
    "nesterov": (lambda: keras.optimizers.SGD(momentum=0.9, nesterov=True), nesterov),
    "rmsprop": (lambda: keras.optimizers.RMSprop(momentum=0.9), rmsprop),
    "loss scale": (lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), adam),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rate_and_momentum_reach_the_compiled_step(name: str) -> None:
    """A beta_1 that the compiled step holds as a constant fails this by far more than rounding."""
    make, rule = OPTIMIZERS[name]
    schedule = OneCycle(0.02, base_momentum=0.5)
    model = compiled(make(), jit_compile=False)
    fit(model, schedule, epochs=2)
    got = np.concatenate([w.ravel() for w in model.get_weights()])
    np.testing.assert_allclose(got, by_hand(rule, schedule, 12), rtol=1e-4, atol=1e-5)


def test_with_xla_and_with_a_step_compiled_before() -> None:
    schedule = OneCycle(0.02, base_momentum=0.5)
    model = compiled(keras.optimizers.Adam(), jit_compile=True)
    fit(model, keras.callbacks.Callback(), epochs=1)
    model.set_weights([np.full((3, 1), 0.1), np.zeros(1)])
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    fit(model, schedule, epochs=2)
    got = np.concatenate([w.ravel() for w in model.get_weights()])
    np.testing.assert_allclose(got, by_hand(adam, schedule, 12), rtol=1e-4, atol=1e-5)


class Watch(keras.callbacks.Callback):
    """Rate and momentum as the optimizer has them after every batch."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[float, float]] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        optimizer = self.model.optimizer
        self.seen.append((float(optimizer.learning_rate), optimizer.beta_1))


def test_each_fit_is_a_cycle_without_total_steps_and_one_with() -> None:
    model = compiled(keras.optimizers.Adam())
    free, given = OneCycle(0.1), OneCycle(0.1, total_steps=18)
    for callback, expected in (
        (free, [free.values(s, 12) for s in range(12)] + [free.values(s, 6) for s in range(6)]),
        (given, [given.values(s, 18) for s in range(18)]),
    ):
        watch = Watch()
        model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[callback, watch])
        # The second fit's epoch is its third, of which `epochs` counts all.
        model.fit(
            X, Y, batch_size=4, initial_epoch=2, epochs=3, verbose=0, callbacks=[callback, watch]
        )
        np.testing.assert_allclose(watch.seen, expected, rtol=1e-6)
        assert all(isinstance(momentum, float) for _, momentum in watch.seen)


def test_counts_every_batch_of_an_execution() -> None:
    model = compiled(keras.optimizers.Adam(), steps_per_execution=3)
    callback = OneCycle(0.1)
    fit(model, callback, epochs=2)
    assert callback.step == 12


def test_optimizer_is_saved_with_a_number_and_no_new_state(tmp_path: Any) -> None:
    model = compiled(keras.optimizers.Adam())
    fit(model, OneCycle(0.1), epochs=1)
    variables = len(model.optimizer.variables)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.optimizer.beta_1 == pytest.approx(0.95)
    assert len(again.optimizer.variables) == variables == 2 + 2 * 2


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adagrad"])
def test_refuses_an_optimizer_without_momentum(optimizer: str) -> None:
    with pytest.raises(ValueError, match="`cycle_momentum` must be False"):
        fit(compiled(optimizer), OneCycle(0.1))
    fit(compiled(optimizer), OneCycle(0.1, cycle_momentum=False))

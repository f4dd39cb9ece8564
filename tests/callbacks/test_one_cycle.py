"""OneCycle against PyTorch's schedule, by hand, through `fit`, and used twice."""

import itertools
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

from callbacks.one_cycle import OneCycle


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


X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = (X @ np.array([[1.0], [-2.0], [0.5]]) + 0.3).astype(np.float32)


def compiled(optimizer: Any, **kwargs: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, dtype="float32")])
    model.set_weights([np.full((3, 1), 0.1), np.zeros(1)])
    model.compile(optimizer, "mse", **kwargs)
    return model


def fit(model: keras.Model, *callbacks: keras.callbacks.Callback, **kwargs: Any) -> None:
    model.fit(X, Y, batch_size=4, shuffle=False, verbose=0, callbacks=list(callbacks), **kwargs)


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


@pytest.mark.parametrize(
    "make", [keras.optimizers.Nadam, keras.optimizers.Adamax, keras.optimizers.Lamb]
)
def test_the_rest_of_the_adam_family(make: Callable[[], Any]) -> None:
    """Against Keras's own rule, which run as Python takes the number of the moment."""
    schedule = OneCycle(0.02, base_momentum=0.5)
    model, twin = compiled(make()), compiled(make())
    fit(model, schedule, epochs=1)
    inputs = np.concatenate([X, np.ones((24, 1))], axis=1)
    for step in range(6):
        twin.optimizer.learning_rate, twin.optimizer.beta_1 = schedule.values(step, 6)
        rows = slice(step * 4, step * 4 + 4)
        weights = np.concatenate([w.ravel() for w in twin.get_weights()])
        gradient = 2 * inputs[rows].T @ (inputs[rows] @ weights - Y[rows, 0]) / 4
        gradients = [
            keras.ops.convert_to_tensor(part, "float32")
            for part in (gradient[:3, None], gradient[3:])
        ]
        if keras.backend.backend() == "torch":
            with torch.no_grad():
                twin.optimizer.apply(gradients, twin.trainable_variables)
        else:
            twin.optimizer.apply(gradients, twin.trainable_variables)
    for got, expected in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_accumulated_gradients_go_by_batch() -> None:
    """Each second batch changes the weights, at the rate and momentum of that batch."""
    schedule = OneCycle(0.02, base_momentum=0.5)
    model = compiled(keras.optimizers.SGD(momentum=0.9, gradient_accumulation_steps=2))
    fit(model, schedule, epochs=2)
    inputs = np.concatenate([X, np.ones((24, 1))], axis=1).astype(np.float64)
    weights, velocity = np.array([0.1, 0.1, 0.1, 0.0]), np.zeros(4)
    for step in range(1, 12, 2):
        rows = slice((step - 1) * 4 % 24, (step - 1) * 4 % 24 + 8)
        gradient = 2 * inputs[rows].T @ (inputs[rows] @ weights - Y[rows, 0]) / 8
        rate, momentum = schedule.values(step, 12)
        velocity = momentum * velocity - rate * gradient
        weights = weights + velocity
    got = np.concatenate([w.ravel() for w in model.get_weights()])
    np.testing.assert_allclose(got, weights, rtol=1e-4, atol=1e-5)


NOT_TORCH = pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="torch runs the optimizers as Python"
)


@NOT_TORCH
@pytest.mark.parametrize("name", ["adam", "loss scale"])
def test_with_xla_and_with_a_step_compiled_before(name: str) -> None:
    make, rule = OPTIMIZERS[name]
    schedule = OneCycle(0.02, base_momentum=0.5)
    model = compiled(make(), jit_compile=True)
    fresh = model.get_weights()
    model.optimizer.build(model.trainable_variables)
    state = [np.array(variable.numpy()) for variable in model.optimizer.variables]
    fit(model, keras.callbacks.Callback(), epochs=1)
    model.set_weights(fresh)
    for variable, value in zip(model.optimizer.variables, state, strict=True):
        variable.assign(value)
    fit(model, schedule, epochs=2)
    got = np.concatenate([w.ravel() for w in model.get_weights()])
    np.testing.assert_allclose(got, by_hand(rule, schedule, 12), rtol=1e-4, atol=1e-5)


class Remake(keras.callbacks.Callback):
    """What a callback does that unfreezes layers in the middle of training."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.model.make_train_function(force=True)


def test_a_step_that_is_made_anew_during_training() -> None:
    schedule = OneCycle(0.02, base_momentum=0.5)
    model = compiled(keras.optimizers.Adam())
    fit(model, schedule, Remake(), epochs=2)
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


@NOT_TORCH
@pytest.mark.parametrize("steps_per_execution", [3, 4, 10])
def test_counts_every_batch_of_an_execution(steps_per_execution: int) -> None:
    """An epoch of 6 batches, which Keras numbers up to 5, 7 and 9."""
    model = compiled(keras.optimizers.Adam(), steps_per_execution=steps_per_execution)
    callback = OneCycle(0.1)
    fit(model, callback, epochs=2)
    assert callback.step == 12


def test_does_not_count_the_batch_that_the_data_have_not() -> None:
    """Keras begins one more batch where it does not know how many there are."""

    def data() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield from ((X[i : i + 4], Y[i : i + 4]) for i in range(0, 12, 4))

    model = compiled(keras.optimizers.Adam())
    callback = OneCycle(0.1, total_steps=10)
    for _ in range(2):
        model.fit(data(), epochs=1, verbose=0, callbacks=[callback])
    assert callback.step == 6
    with pytest.raises(ValueError, match="`total_steps` must be given"):
        model.fit(data(), epochs=1, verbose=0, callbacks=[OneCycle(0.1)])


@pytest.mark.parametrize("total_steps", [None, 14])
def test_goes_on_in_the_middle_of_an_epoch(total_steps: int | None) -> None:
    """Hooks by hand: two epochs of 5 batches, stopped after the first batch of the second."""

    def run(callback: OneCycle, start: int, stop: int) -> list[tuple[float, float]]:
        model = compiled(keras.optimizers.Adam())
        callback.set_model(model)
        callback.set_params({"epochs": 2, "steps": 5})
        callback.on_train_begin()
        seen = []
        for number in range(start, stop):
            epoch, batch = divmod(number, 5)
            if batch == 0 or number == start:
                callback.on_epoch_begin(epoch)
            callback.on_train_batch_begin(batch)
            seen.append((float(model.optimizer.learning_rate), model.optimizer.beta_1))
            callback.on_train_batch_end(batch)
        return seen

    whole = run(OneCycle(0.1, total_steps), 0, 10)
    stopped = OneCycle(0.1, total_steps)
    before = run(stopped, 0, 6)
    state = json.loads(json.dumps(stopped.get_state()))
    assert state == {"step": 6, "length": total_steps or 10}
    resumed = OneCycle(0.1, total_steps)
    resumed.set_state(state)
    assert before + run(resumed, 6, 10) == whole
    # The next fit is as it would be of an object that was never stopped.
    again = run(resumed, 0, 4)
    assert (again == whole[:4]) == (total_steps is None)
    assert resumed.step == (4 if total_steps is None else 14)


class Saver(keras.callbacks.Callback):
    """Saves after every batch, and notes what the optimizer has to be saved."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.seen: list[tuple[int, type]] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        optimizer = self.model.optimizer
        self.seen.append((len(optimizer.variables), type(optimizer.beta_1)))
        self.model.save(self.path)


def test_optimizer_is_saved_with_a_number_and_no_new_state(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    model = compiled(keras.optimizers.Adam())
    before, after = Saver(path), Saver(path)
    fit(model, before, OneCycle(0.1), after, epochs=1)
    assert before.seen == after.seen == [(2 + 2 * 2, float)] * 6
    again = keras.saving.load_model(path)
    assert again.optimizer.beta_1 == pytest.approx(0.95)
    for got, expected in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(got.numpy(), expected.numpy())


def test_an_interrupt_leaves_nothing_in_the_optimizer(tmp_path: Path) -> None:
    """The data are read inside the step on TensorFlow and JAX."""

    def data() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield from ((X[i : i + 4], Y[i : i + 4]) for i in range(0, 12, 4))
        raise KeyboardInterrupt

    model = compiled(keras.optimizers.Adam(), run_eagerly=keras.backend.backend() == "tensorflow")
    callback = OneCycle(0.1, total_steps=10)
    # TensorFlow has an error of its own for what happens in the data.
    with pytest.raises((KeyboardInterrupt, Exception)):
        model.fit(data(), epochs=1, verbose=0, callbacks=[callback])
    assert len(model.optimizer.variables) == 6
    assert type(model.optimizer.beta_1) is float
    model.save(tmp_path / "model.keras")
    keras.saving.load_model(tmp_path / "model.keras")
    fit(model, keras.callbacks.Callback(), epochs=1)
    assert np.isfinite(model.get_weights()[0]).all()


def test_refuses_a_schedule_as_learning_rate() -> None:
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    for optimizer in (
        keras.optimizers.Adam(schedule),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(schedule)),
    ):
        with pytest.raises(ValueError, match=r"`learning_rate` must be .*received: .*CosineDecay"):
            fit(compiled(optimizer), OneCycle(0.1))


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adagrad"])
def test_refuses_an_optimizer_without_momentum(optimizer: str) -> None:
    with pytest.raises(ValueError, match="`cycle_momentum` must be False"):
        fit(compiled(optimizer), OneCycle(0.1))
    fit(compiled(optimizer), OneCycle(0.1, cycle_momentum=False))

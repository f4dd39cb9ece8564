"""OneCycle through `fit`: steps worked by hand, used twice, gone on with, and beside others."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

from callbacks import OneCycle, Throughput, hyperparameters

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


def test_beside_another_that_stands_in_for_the_step() -> None:
    """In either order, and without the two standing in for each other once more a batch."""
    ends = []
    for pick in (slice(None), slice(None, None, -1)):
        model = compiled(keras.optimizers.Adam())
        fit(model, *[OneCycle(0.02, base_momentum=0.5), Throughput()][pick], epochs=4)
        assert len(list(hyperparameters.wrapped(model.train_function))) <= 3
        ends.append(np.concatenate([w.ravel() for w in model.get_weights()]))
    np.testing.assert_array_equal(ends[0], ends[1])
    alone = compiled(keras.optimizers.Adam())
    fit(alone, OneCycle(0.02, base_momentum=0.5), epochs=4)
    np.testing.assert_array_equal(ends[0], np.concatenate([w.ravel() for w in alone.get_weights()]))


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adagrad"])
def test_refuses_an_optimizer_without_momentum(optimizer: str) -> None:
    with pytest.raises(ValueError, match="`cycle_momentum` must be False"):
        fit(compiled(optimizer), OneCycle(0.1))
    fit(compiled(optimizer), OneCycle(0.1, cycle_momentum=False))

"""Throughput by hand and through `fit`: what it measures, and that it changes nothing."""

import math
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from callbacks import Throughput

NAMES = ["images_per_second", "step_ms", "input_wait"]
IS_TORCH = keras.backend.backend() == "torch"
# Keras allows only one with PyTorch.
EXECUTIONS = [1] if IS_TORCH else [1, 4]

rng = np.random.default_rng(0)
X = rng.normal(size=(22, 3)).astype(np.float32)
Y = rng.normal(size=(22, 1)).astype(np.float32)


def work(meter: Throughput, model: Any, data: Iterator[Any], batches: int) -> dict[str, float]:
    """An epoch as the trainer of the backend has it; returns the logs."""
    logs: dict[str, float] = {}
    meter.on_epoch_begin(0)
    for batch in range(batches):
        given = [next(data)] if IS_TORCH else data
        meter.on_train_batch_begin(batch)
        model.train_function(given)
        meter.on_train_batch_end(batch)
    meter.on_epoch_end(0, logs)
    return logs


@pytest.mark.parametrize("images", [None, 100])
def test_by_hand(monkeypatch: pytest.MonkeyPatch, images: int | None) -> None:
    """A batch comes after 3 s and its step takes 1 s; the first one's takes 50 s more."""
    clock = SimpleNamespace(now=100.0)
    clock.perf_counter = lambda: clock.now
    monkeypatch.setattr("callbacks.throughput.time", clock)

    def load() -> Iterator[Any]:
        while True:
            clock.now += 3
            yield {"picture": np.zeros((8, 3))}, np.zeros(8), None

    def step(data: Any) -> None:
        next(iter(data))
        clock.now += 1

    meter = Throughput(images)
    model = SimpleNamespace(train_function=step)
    meter.set_model(model)
    meter.on_train_begin()
    data = load()
    clock.now += 50
    expected = {"images_per_second": (images or 8) / 4, "step_ms": 4000.0, "input_wait": 0.75}
    assert work(meter, model, data, 5) == pytest.approx(expected)
    clock.now += 70  # validation
    assert work(meter, model, data, 3) == pytest.approx(expected)
    assert [meter.images_per_second, meter.step_ms] == [expected["images_per_second"], 4000.0]
    meter.on_train_begin()
    assert all(math.isnan(value) for value in work(meter, model, data, 1).values())
    assert model.train_function is step


def make(**kwargs: Any) -> keras.Model:
    keras.utils.set_random_seed(1)
    made = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.3), keras.layers.Dense(1)])
    made.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse", **kwargs)
    return made


def assert_same(some: list[Any], others: list[Any]) -> None:
    for one, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("executions", EXECUTIONS)
def test_weights_are_those_of_a_training_without_it(executions: int) -> None:
    """To the bit, with dropout, shuffling, a short last batch, and executions of four and two."""
    seen = []
    for callbacks in ([], [Throughput()]):
        model = make(steps_per_execution=executions)
        options: dict[str, Any] = {"batch_size": 4, "verbose": 0, "callbacks": callbacks}
        history = model.fit(X, Y, epochs=3, **options).history
        seen.append([history["loss"], *model.get_weights()])
        assert [name in history for name in NAMES] == [bool(callbacks)] * 3
    assert_same(*seen)


@pytest.mark.parametrize("executions", EXECUTIONS)
def test_counts_every_image(executions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    meter, sums = Throughput(), []
    monkeypatch.setattr(meter, "on_epoch_end", lambda *_: sums.append(meter._sums[:2]))
    options: dict[str, Any] = {"batch_size": 4, "epochs": 2, "verbose": 0}
    make(steps_per_execution=executions).fit(X, Y, callbacks=[meter], **options)
    # 22 in six batches; at first that of four and that of two are new.
    assert sums == ([[4, 16], [6, 22]] if executions == 1 else [[0, 0], [6, 22]])


class Slow(keras.utils.PyDataset):
    """Batches of four, each of which takes `seconds` to load."""

    def __init__(self, seconds: float, batches: int) -> None:
        super().__init__()
        self.seconds = seconds
        self.batches = batches

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int) -> Any:
        time.sleep(self.seconds)
        return X[:4], Y[:4]


class Wait(keras.layers.Layer):
    """Where the model runs eagerly, a layer that takes 50 ms."""

    def call(self, inputs: Any) -> Any:
        time.sleep(0.05)
        return inputs


def test_tells_slow_data_from_a_slow_step() -> None:
    """In the quietest of a few epochs, for other processes take their time too."""
    meter = Throughput()
    slow_data = make().fit(Slow(0.05, 4), epochs=4, verbose=0, callbacks=[meter]).history
    assert list(slow_data)[-3:] == NAMES
    assert [slow_data[name][-1] for name in NAMES] == [getattr(meter, name) for name in NAMES]
    model = keras.Sequential([keras.Input((3,)), Wait(), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True, jit_compile=False)
    slow_step = model.fit(Slow(0, 4), epochs=4, verbose=0, callbacks=[meter]).history
    assert min(max(slow_data["step_ms"]), *slow_step["step_ms"]) > 45
    assert max(slow_data["input_wait"]) > 0.6
    assert min(slow_step["input_wait"]) < 0.3


def batches(count: int) -> Iterator[Any]:
    for _ in range(count):
        yield X[:4], Y[:4]


@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed")
@pytest.mark.parametrize("executions", EXECUTIONS)
def test_data_that_ends_before_the_epoch(executions: int) -> None:
    seen = []
    for callbacks in ([], [Throughput()]):
        model = make(steps_per_execution=executions)
        with pytest.warns(UserWarning, match="ran out of data"):
            model.fit(batches(6), steps_per_epoch=16, verbose=0, callbacks=callbacks)
        # Without it TensorFlow counts the step that finds no data.
        assert int(model.optimizer.iterations) in ([6] if callbacks else [6, 7])
        seen.append(model.get_weights())
    assert_same(*seen)


class Fail(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        raise RuntimeError("another callback")


class Remake(keras.callbacks.Callback):
    def on_train_begin(self, logs: Any = None) -> None:
        self.model.make_train_function(force=True)


class Broken(keras.layers.Layer):
    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            raise RuntimeError("the step")
        return inputs


def test_the_model_has_its_function_back_whatever_happens() -> None:
    model = make()
    model.make_train_function()
    function = model.train_function
    model.fit(X[:8], Y[:8], batch_size=4, verbose=0, callbacks=[Throughput()])
    assert model.train_function is function
    with pytest.raises(RuntimeError, match="another callback"):
        model.fit(X[:8], Y[:8], batch_size=4, verbose=0, callbacks=[Throughput(), Fail()])
    assert model.train_function is function

    broken = keras.Sequential([keras.Input((3,)), Broken(), keras.layers.Dense(1)])
    broken.compile("sgd", "mse")
    broken.make_train_function()
    function = broken.train_function
    with pytest.raises(RuntimeError, match="the step"):
        broken.fit(X[:8], Y[:8], batch_size=4, verbose=0, callbacks=[Throughput()])
    assert broken.train_function is function


def test_takes_the_function_that_another_callback_has_made_anew() -> None:
    meter = Throughput()
    make().fit(X[:8], Y[:8], batch_size=4, verbose=0, callbacks=[meter, Remake()])
    assert meter.images_per_second > 0


def test_arguments() -> None:
    with pytest.raises(ValueError, match="`images` must be positive; received: images=0"):
        Throughput(0)

"""TimeLimit through `fit`, with a clock that only the work of the test moves."""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from callbacks import TimeLimit

STEPS = 10


class Clock:
    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("callbacks.time_limit.time", SimpleNamespace(monotonic=lambda: made.now))
    return made


class Work(keras.callbacks.Callback):
    """A batch takes 10 s, the first of a fit 60 s, validation 30 s, saving after an epoch 20 s."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.batches: list[int] = []
        self.compiles = True

    def on_train_begin(self, logs: Any = None) -> None:
        self.compiles = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.batches.append(0)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.batches[-1] += 1
        self.clock.now += 60 if self.compiles else 10
        self.compiles = False

    def on_test_end(self, logs: Any = None) -> None:
        self.clock.now += 30

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.clock.now += 20


@pytest.fixture(scope="module")
def model() -> keras.Model:
    made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


def fit(model: keras.Model, callbacks: Any, epochs: int = 100, first: int = 0) -> Any:
    x, y = np.ones((STEPS, 3), np.float32), np.ones((STEPS, 1), np.float32)
    options: dict[str, Any] = {"batch_size": 1, "verbose": 0, "validation_data": (x, y)}
    model.fit(*(x, y), initial_epoch=first, epochs=first + epochs, callbacks=callbacks, **options)


@pytest.mark.parametrize("place", ["first", "last"])
def test_the_last_epochs_end_is_done_in_time(
    model: keras.Model, clock: Clock, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Epochs end after 200, 350 and 500 s; five batches and their end come to 600 s."""
    limit, work = TimeLimit(10), Work(clock)
    fit(model, [limit, work] if place == "first" else [work, limit])
    assert work.batches == [10, 10, 10, 5]
    assert clock.now == 1000 + 600
    assert limit.reached
    assert capsys.readouterr().out == "\nthe time limit of 10 minutes is reached\n"


@pytest.mark.parametrize("place", ["first", "last"])
def test_no_epoch_begins_that_could_not_end(model: keras.Model, clock: Clock, place: str) -> None:
    """After 500 s there is no time for a batch of 10 s and 50 s for the end."""
    limit, work = TimeLimit(559 / 60), Work(clock)
    fit(model, [limit, work] if place == "first" else [work, limit])
    assert work.batches == [10, 10, 10]
    assert limit.reached


def test_a_training_that_is_done_says_whether_there_is_time_for_more(
    model: keras.Model, clock: Clock
) -> None:
    for minutes, reached in ((505 / 60, True), (565 / 60, False)):
        clock.now = 1000
        limit, work = TimeLimit(minutes), Work(clock)
        fit(model, [limit, work], epochs=3)
        assert (clock.now, limit.reached) == (1000 + 500, reached)


def test_the_clock_runs_on_between_fits(model: keras.Model, clock: Clock) -> None:
    limit, work = TimeLimit(20), Work(clock)
    clock.now += 5000  # before the first training nothing counts
    fit(model, [limit, work], epochs=2)
    clock.now += 300
    fit(model, [limit, work], epochs=2, first=2)
    assert not limit.reached
    assert clock.now == 6000 + 350 + 300 + 350
    # 200 s are left: the first batch of a fit takes 60, eight more and the end take the rest.
    fit(model, [limit, work], epochs=2, first=4)
    assert work.batches == [10, 10, 10, 10, 10]
    assert limit.reached
    # Keras looks for the first time after a batch.
    fit(model, [limit, work], epochs=2, first=6)
    assert work.batches[5:] == [1]


def test_time_that_went_by_between_fits_ends_the_next_one(model: keras.Model, clock: Clock) -> None:
    limit, work = TimeLimit(10), Work(clock)
    fit(model, [limit, work], epochs=1)
    clock.now += 350  # leaves 50 of 600 s, which the end of an epoch takes
    fit(model, [limit, work], epochs=2, first=1)
    assert work.batches == [10, 1]


class Fail(keras.callbacks.Callback):
    def on_test_begin(self, logs: Any = None) -> None:
        raise RuntimeError("no validation")


def test_the_time_after_an_error_is_not_an_epochs_end(model: keras.Model, clock: Clock) -> None:
    limit, work = TimeLimit(20), Work(clock)
    with pytest.raises(RuntimeError, match="no validation"):
        fit(model, [limit, work, Fail()])
    clock.now += 300
    # From 450 s on: four epochs to 1100, then as in the other tests.
    fit(model, [limit, work])
    assert work.batches == [10, 10, 10, 10, 10, 5]


def test_in_the_first_epoch_the_end_is_not_known(model: keras.Model, clock: Clock) -> None:
    """Nor is a batch after the first; and an epoch of unknown length is stopped as well."""
    limit, work = TimeLimit(85 / 60), Work(clock)
    callbacks = keras.callbacks.CallbackList(
        [limit, work], model=model, epochs=2, steps=None, add_history=True
    )
    fit(model, callbacks)
    assert work.batches == [3]


def test_by_the_real_clock(model: keras.Model) -> None:
    limit = TimeLimit(1e-6)
    work = Work(Clock())
    fit(model, [limit, work])
    assert work.batches == [1]


@pytest.mark.parametrize("minutes", [0, -1, float("nan")])
def test_arguments(minutes: float) -> None:
    with pytest.raises(ValueError, match=f"`minutes` must be positive; received: .*{minutes}"):
        TimeLimit(minutes)

"""Schedules by name: the callback that each is, and the learning rates that come of it."""

import keras
import numpy as np
import pytest

from callbacks import EpochTable, OneCycle, ReduceLROnPlateau, schedule


class Model:
    """As much of a model as a schedule reads: an optimizer."""

    def __init__(self) -> None:
        self.optimizer = keras.optimizers.SGD(0.4, momentum=0.9)


def begun(callback: keras.callbacks.Callback) -> Model:
    model = Model()
    callback.set_model(model)
    callback.on_train_begin()
    return model


def rates(name: str, lr: float, steps: int) -> tuple[list[float], list[float]]:
    """Learning rate and momentum of each batch of a real fit."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(lr, momentum=0.9), "mse")
    seen: tuple[list[float], list[float]] = ([], [])

    class Record(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
            seen[0].append(float(self.model.optimizer.learning_rate))
            seen[1].append(float(self.model.optimizer.momentum))

    model.fit(
        np.ones((steps, 1)),
        np.ones((steps, 1)),
        batch_size=1,
        verbose=0,
        callbacks=[*schedule(name, lr, steps), Record()],
    )
    return seen


def test_constant_is_none() -> None:
    assert schedule("constant", 0.4, 10) == []


def test_one_cycle_and_cosine() -> None:
    for name, top in (("one-cycle", 0.3), ("cosine", 0.05)):
        seen, momentum = rates(name, 0.4, 100)
        assert max(seen) == pytest.approx(0.4, rel=1e-3)
        assert abs(int(np.argmax(seen)) - 100 * top) <= 1.5
        assert seen[0] == pytest.approx(0.4 / 25, rel=1e-3)
        assert seen[-1] < 1e-4
        cycled = min(momentum) < 0.9
        assert cycled == (name == "one-cycle")


def test_plateau_is_pytorchs_rule_on_what_is_monitored() -> None:
    (callback,) = schedule("plateau", 0.4, 100, monitor="val_mse", patience=1)
    assert isinstance(callback, ReduceLROnPlateau)
    model = begun(callback)
    seen = []
    for epoch, value in enumerate([5.0, 4.0, 4.5, 4.5, 4.5, 4.5]):
        callback.on_epoch_end(epoch, {"val_mse": value, "val_loss": -epoch})
        seen.append(float(model.optimizer.learning_rate))
    # More than one bad epoch: the second one lowers the rate, by the root of a tenth.
    want = [0.4, 0.4, 0.4, 0.4 * 0.1**0.5, 0.4 * 0.1**0.5, 0.04]
    assert seen == pytest.approx(want, rel=1e-5)


def test_table_counts_from_the_stages_first_epoch() -> None:
    (callback,) = schedule("table", 0.4, 100, table={0: 0.4, 2: 0.1}, first_epoch=3)
    assert isinstance(callback, EpochTable)
    assert [callback.rate(epoch) for epoch in (3, 4, 5, 6)] == [0.4, 0.4, 0.1, 0.1]
    (flat,) = schedule("table", 0.4, 100)
    assert isinstance(flat, EpochTable)
    assert flat.rate(9) == 0.4


def test_an_unknown_name() -> None:
    message = r"`name` must be one of one-cycle, cosine, plateau, table, constant; received: name="
    with pytest.raises(ValueError, match=message):
        schedule("step", 0.4, 100)


@pytest.mark.parametrize("name", ["one-cycle", "cosine"])
def test_each_call_makes_its_own(name: str) -> None:
    first, second = (schedule(name, 0.4, 10)[0] for _ in range(2))
    assert isinstance(first, OneCycle)
    assert first is not second
    assert isinstance(second, OneCycle)

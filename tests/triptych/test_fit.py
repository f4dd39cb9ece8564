"""Phases: what each starts from, what lives through all of them, and how a bad loss ends one."""

import csv
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from callbacks import BestModel, Log
from triptych.fit import Phase, fit

X = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
Y = (X.sum(axis=1, keepdims=True) + 1).astype(np.float32)


class Watch(keras.callbacks.Callback):
    """What a callback sees, and the model's weights where an epoch begins."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.weights: list[list[np.ndarray]] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.calls.append("begin")

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.calls.append(str(epoch))
        self.weights.append(self.model.get_weights())


def model() -> keras.Model:
    layers = [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)]
    return keras.Sequential(layers)


def phase(name: str, rate: float, *, epochs: int = 1, frozen: bool = False, **kwargs: Any) -> Phase:
    def compile(model: keras.Model) -> None:
        model.layers[0].trainable = not frozen
        model.compile(keras.optimizers.Adam(rate), "mse", run_eagerly=True)

    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
    return Phase(name, epochs, 4, data.repeat().skip, data, compile, **kwargs)


def run(phases: Sequence[Phase], folder: Path) -> tuple[keras.Model, Watch, list[dict[str, str]]]:
    keras.utils.set_random_seed(0)
    trained, log = model(), Watch()
    best = folder / "model.keras"
    fit(trained, phases, best=best, callbacks=[BestModel(best), Log(folder / "h.csv"), log])
    with (folder / "h.csv").open(newline="") as file:
        return trained, log, list(csv.DictReader(file))


def test_each_phase_starts_from_the_best_so_far(tmp_path: Path) -> None:
    """The second phase runs off; the third, which learns nothing, shows where it started.

    The frozen layer gives the phases' optimizers different state, all of which is in the file.
    """
    phases = [
        phase("good", 0.05, epochs=2, frozen=True),
        phase("worse", 30.0, epochs=2),
        phase("still", 1e-12),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        _, log, history = run(phases, tmp_path)
    losses = [float(row["val_loss"]) for row in history]
    assert losses[1] < losses[0]
    assert min(losses[2:4]) > 10 * losses[1]
    assert losses[4] == pytest.approx(losses[1], rel=1e-5)
    best = keras.saving.load_model(tmp_path / "model.keras").get_weights()
    for start in (log.weights[2], log.weights[4]):
        for got, want in zip(start, best, strict=True):
            np.testing.assert_array_equal(got, want)
    # Epochs are numbered through.
    assert log.calls == ["begin", "0", "1", "begin", "2", "3", "begin", "4"]
    assert [row["epoch"] for row in history] == ["1", "2", "3", "4", "5"]


def test_what_is_frozen_stays(tmp_path: Path) -> None:
    trained, log, _ = run([phase("head", 0.1, frozen=True), phase("all", 0.1)], tmp_path)
    first, second = log.weights
    np.testing.assert_array_equal(first[0], second[0])
    assert (first[2] != second[2]).all()
    assert (trained.get_weights()[0] != second[0]).all()


def test_callbacks_of_a_phase_are_made_for_it(tmp_path: Path) -> None:
    made: list[Watch] = []

    def own() -> list[Watch]:
        made.append(Watch())
        return [made[-1]]

    run([phase("a", 0.1, callbacks=own), phase("b", 0.1, callbacks=own)], tmp_path)
    assert [log.calls for log in made] == [["begin", "0"], ["begin", "1"]]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_it_and_keeps_the_best(bad: float, tmp_path: Path) -> None:
    targets = np.concatenate([Y, Y, Y, Y])
    targets[25] = bad  # in the seventh batch, the third of the second epoch
    broken = tf.data.Dataset.from_tensor_slices((np.tile(X, (4, 1)), targets)).batch(4)
    second = phase("second", 0.01, epochs=2)
    second = Phase("second", 2, 4, broken.skip, second.validation, second.compile)
    with pytest.raises(ValueError, match="not finite in stage second, epoch 3, batch 3"):
        run([phase("first", 0.01), second], tmp_path)
    weights = keras.saving.load_model(tmp_path / "model.keras").get_weights()
    assert all(np.isfinite(w).all() for w in weights)
    with (tmp_path / "h.csv").open() as file:
        assert len(file.readlines()) == 1 + 2

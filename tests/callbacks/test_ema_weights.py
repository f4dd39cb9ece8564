"""EMAWeights by hand: what is validated, saved, left behind, gone on with; in which order."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from callbacks import BestModel, EMAWeights

X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, -1.0]], np.float32)
Y = np.array([[1.0], [-1.0], [2.0], [0.5]], np.float32)


def model(**options: Any) -> keras.Model:
    layers = [keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="zeros")]
    made = keras.Sequential(layers)
    made.compile(keras.optimizers.SGD(0.1), "mse", **options)
    return made


def fit(made: keras.Model, callbacks: list[Any], **options: Any) -> dict[str, list[float]]:
    options = {"epochs": 2, "validation_data": (X, Y)} | options
    return made.fit(
        X, Y, batch_size=1, shuffle=False, verbose=0, callbacks=callbacks, **options
    ).history


def by_hand(steps: int, momentum: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Weights (two and the bias) and their average after each of `steps` batches of one."""
    weights = average = np.zeros(3)
    both: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for step in range(steps):
        row = np.append(X[step % 4], 1.0)
        weights = weights - 0.1 * 2 * row * (row @ weights - Y[step % 4, 0])
        m = min(momentum, (2 + step) / (11 + step))
        average = m * average + (1 - m) * weights
        both[0].append(weights)
        both[1].append(average)
    return both


def flat(made: keras.Model) -> np.ndarray:
    return np.concatenate([w.ravel() for w in made.get_weights()])


def loss(weights: np.ndarray) -> float:
    return float(((np.hstack([X, np.ones((4, 1))]) @ weights - Y[:, 0]) ** 2).mean())


class Watch(keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.begin: list[np.ndarray] = []
        self.last: list[np.ndarray] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.begin.append(flat(self.model))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.last.append(flat(self.model))


@pytest.mark.parametrize("momentum", [0.3, 0.999])
@pytest.mark.parametrize("validated", [True, False])
def test_by_hand(momentum: float, validated: bool, tmp_path: Path) -> None:
    weights, average = by_hand(8, momentum)
    made, watch = model(), Watch()
    best = BestModel(tmp_path / "best.keras", "val_loss" if validated else "loss")
    options = {} if validated else {"validation_data": None}
    history = fit(made, [EMAWeights(momentum), best, watch], **options)
    if validated:
        np.testing.assert_allclose(
            history["val_loss"], [loss(average[3]), loss(average[7])], rtol=1e-5
        )
    np.testing.assert_allclose(watch.last, weights, atol=1e-6)
    np.testing.assert_allclose(flat(made), average[7], atol=1e-6)
    assert best.best_epoch is not None
    saved = keras.saving.load_model(best.path)
    np.testing.assert_allclose(flat(saved), average[4 * best.best_epoch + 3], atol=1e-6)
    # The last weights are back for the second epoch, to the bit.
    np.testing.assert_array_equal(watch.begin[4], watch.last[3])


def test_a_second_fit_averages_from_what_the_first_left() -> None:
    made, callback = model(), EMAWeights(0.5)
    fit(made, [callback])
    left = flat(made)
    watch = Watch()
    fit(made, [callback, watch], epochs=1)
    np.testing.assert_array_equal(watch.begin[0], left)
    assert callback.batches == 4


def test_statistics_are_averaged_and_counters_are_not() -> None:
    layers = [keras.Input((2,)), keras.layers.BatchNormalization(momentum=0.0)]
    made = keras.Sequential([*layers, keras.layers.Dropout(0.5), keras.layers.Dense(1)])
    made.compile(keras.optimizers.SGD(1e-9), "mse")
    fit(made, [EMAWeights(0.5)], epochs=1, validation_data=None)
    # Batches of one: each has its row for a mean, and m is 2/11, 3/12, 4/13 and 5/14.
    mean = np.zeros(2)
    for row, m in zip(X, (2 / 11, 3 / 12, 4 / 13, 5 / 14), strict=True):
        mean = m * mean + (1 - m) * row
    np.testing.assert_allclose(made.layers[0].moving_mean, mean, atol=1e-6)


@pytest.mark.parametrize("stop", [2, 4, 6])
def test_goes_on_where_it_was(stop: int) -> None:
    """In an epoch, and between two, when the average is in the model."""

    state: dict[str, Any] = {}
    kept: list[np.ndarray] = []

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if ema.batches == stop and stop % 4:
                self.keep()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if ema.batches == stop:
                self.keep()

        def keep(self) -> None:
            state.update(ema.get_state())
            kept.extend(self.model.get_weights())

    whole, ema = model(), EMAWeights(0.9)
    fit(whole, [ema, Stop()], validation_data=None)
    assert state["batches"] == stop

    rest, again, watch = model(), EMAWeights(0.9), Watch()
    rest.set_weights(kept)
    again.set_state(state)
    data = {"x": np.tile(X, (2, 1))[stop:], "y": np.tile(Y, (2, 1))[stop:]}
    rest.fit(**data, batch_size=1, shuffle=False, verbose=0, callbacks=[again, watch])
    np.testing.assert_allclose(watch.begin[0], by_hand(8, 0.9)[0][stop - 1], atol=1e-6)
    np.testing.assert_array_equal(flat(rest), flat(whole))


def test_must_come_before_best_model(tmp_path: Path) -> None:
    best = BestModel(tmp_path / "best.keras")
    made = model()
    with pytest.raises(ValueError, match="EMAWeights must come before BestModel"):
        fit(made, [best, EMAWeights()])
    fit(made, [EMAWeights(), best])
    # A fit that has ended badly leaves no mark.
    fit(made, [EMAWeights()])


def test_executions_of_several_batches() -> None:
    if keras.backend.backend() == "torch":
        pytest.skip("Keras's torch backend knows no steps_per_execution")
    callback = EMAWeights(0.5)
    fit(model(steps_per_execution=2), [callback], epochs=1)
    assert callback.batches == 4


@pytest.mark.parametrize("momentum", [0.0, 1.0, -0.1])
def test_arguments_out_of_range(momentum: float) -> None:
    with pytest.raises(ValueError, match=rf"`momentum` must be .* received: momentum={momentum}"):
        EMAWeights(momentum)

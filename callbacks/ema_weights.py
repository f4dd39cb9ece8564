"""Averaged weights: validated, saved and left behind in place of the last ones."""

from typing import Any

import keras
import numpy as np


class EMAWeights(keras.callbacks.Callback):
    """Keep an exponential moving average of the weights (Polyak & Juditsky 1992), and use it.

    After every batch: average = m * average + (1 - m) * weights, where m is the smaller of
    `momentum` and (1 + n) / (10 + n) after n batches, so that the start is forgotten soon. The
    average is in the model while it is validated and from an epoch's end, when others save it, to
    the next epoch's begin; the last weights then come back to the bit. After `fit` it stays.

    It must come before `BestModel` in the list of callbacks, which is checked.

    Batch norm's moving statistics are averaged as well, which `keras.callbacks.SwapEMAWeights` does
    not: they belong to the weights they were measured with. Gradient accumulation may be on. A
    later `fit` starts a new average from the weights that it finds.

    Raises:
        ValueError: `momentum` out of its range; or at the start of training, it comes after
            `BestModel`.
    """

    def __init__(self, momentum: float = 0.999) -> None:
        super().__init__()
        if not 0 < momentum < 1:
            raise ValueError(f"`momentum` must be in (0, 1); received: momentum={momentum}")
        self.momentum = momentum
        self.batches = 0
        self._average: list[keras.Variable] = []
        self._last: list[np.ndarray] = []
        self._state: dict[str, Any] | None = None
        self._first = 0

    def get_state(self) -> dict[str, Any]:
        """The number of batches and the average; between two epochs also the last weights."""
        arrays = {f"average/{i}": _numpy(v) for i, v in enumerate(self._average)}
        arrays |= {f"last/{i}": array for i, array in enumerate(self._last)}
        return {"batches": self.batches, **arrays}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` gave, in the next `fit`."""
        self._state = state

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.params.get("best_model"):
            raise ValueError("EMAWeights must come before BestModel in the list of callbacks")
        weights = self._weights()
        state = self._state or {"batches": 0}
        start = [state.get(f"average/{i}", _numpy(w)) for i, w in enumerate(weights)]
        self._average = [
            keras.Variable(array, dtype=weight.dtype, trainable=False, name="average")
            for weight, array in zip(weights, start, strict=True)
        ]
        self._last = [state[f"last/{i}"] for i in range(len(weights)) if f"last/{i}" in state]
        self.batches = state["batches"]
        self._state = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._leave()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._first = batch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # With `steps_per_execution` one call stands for several batches.
        count = batch - self._first + 1
        self.batches += count
        momentum = min(self.momentum, (1 + self.batches) / (10 + self.batches)) ** count
        for average, variable in zip(self._average, self._weights(), strict=True):
            average.assign(average + (variable - average) * (1 - momentum))

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._enter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._enter()

    def _enter(self) -> None:
        if not self._last:
            self._last = [_numpy(v) for v in self._weights()]
            for average, variable in zip(self._average, self._weights(), strict=True):
                variable.assign(_numpy(average))

    def _leave(self) -> None:
        if self._last:
            for last, variable in zip(self._last, self._weights(), strict=True):
                variable.assign(last)
            self._last = []

    def _weights(self) -> list[keras.Variable]:
        return [v for v in self.model.weights if keras.backend.is_float_dtype(v.dtype)]


def _numpy(variable: keras.Variable) -> np.ndarray:
    # A copy: the array may else be the variable's own memory, which a training step writes to, or
    # on JAX gives away.
    return np.array(keras.ops.convert_to_numpy(variable))

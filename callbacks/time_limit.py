"""End a training in time, with its last epoch validated and saved."""

import time
from typing import Any

import keras


class TimeLimit(keras.callbacks.Callback):
    """Stop so early that all is likely to be done `minutes` after the first training began.

    When a training stops, the end of its epoch is still to come: validation, and what other
    callbacks save. So after each batch, and after each epoch, there must be time for one more batch
    and for such an end, both as long as the longest so far; where the callback stands among others
    does not matter. How long the end takes is known after the first epoch, and nothing is set aside
    for it before. The first batch of a `fit`, which compiles, says nothing about the others.

    The clock starts at the first `on_train_begin` and runs on, between fits too. Once it is
    `reached`, a further `fit` ends after its first batch, which is the earliest that Keras permits:
    look at `reached` before. It says that there is no time for more, whether
    the training is done or not. There is no state: a training that goes on in a new process has all
    the time again.

    Raises:
        ValueError: `minutes` is not positive.
    """

    def __init__(self, minutes: float) -> None:
        super().__init__()
        if not minutes > 0:
            raise ValueError(f"`minutes` must be positive; received: minutes={minutes}")
        self.minutes = minutes
        self.reached = False
        self._deadline: float | None = None
        self._longest_batch = 0.0
        self._longest_end = 0.0
        self._batch_began = 0.0
        self._batch_ended: float | None = None
        self._compiles = True

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self._deadline is None:
            self._deadline = time.monotonic() + 60 * self.minutes
        self._compiles = True
        # A training that ended with an error has left its own.
        self._batch_ended = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._measure_end()
        self._batch_began = time.monotonic()
        self._batch_ended = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.monotonic()
        if not self._compiles:
            self._longest_batch = max(self._longest_batch, now - self._batch_began)
        self._compiles = False
        self._batch_began = self._batch_ended = now
        steps = (self.params or {}).get("steps")
        if steps is None or batch + 1 < steps:
            self._stop_unless_time_after(now)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._measure_end()
        if self._batch_ended is not None:
            # Other callbacks may still have to save.
            self._stop_unless_time_after(self._batch_ended + self._longest_end)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._measure_end()
        self._batch_ended = None

    def _measure_end(self) -> None:
        if self._batch_ended is not None:
            took = time.monotonic() - self._batch_ended
            self._longest_end = max(self._longest_end, took)

    def _stop_unless_time_after(self, then: float) -> None:
        assert self._deadline is not None  # set when training begins
        if not self.reached and then + self._longest_batch + self._longest_end > self._deadline:
            self.reached = True
            print(f"\nthe time limit of {self.minutes:g} minutes is reached", flush=True)
        if self.reached:
            self.model.stop_training = True

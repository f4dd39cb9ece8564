"""What makes a training in several pieces one: the callback that saves, and the list that joins."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from triptych.checkpoint import Position
from triptych.signals import Signals

GO_ON = "all is saved; the same command with --resume goes on"


class Keeper(keras.callbacks.Callback):
    """Save every `every` batches and every epoch, and on the way out when asked to stop.

    It comes last among the callbacks, so that it saves what the others have made of the batch or
    the epoch. `first` is the number of the phase's first epoch. `whole` tells whether the phase has
    come to its end.
    """

    def __init__(
        self,
        save: Callable[[Position], object],
        position: Position,
        *,
        first: int,
        epochs: int,
        steps: int,
        every: int,
        stop: Callable[[], bool],
        signals: Signals,
    ) -> None:
        super().__init__()
        self.save = save
        self.phase = position.phase
        self.first = first
        self.epochs = epochs
        self.steps = steps
        self.every = every
        self.stop = stop
        self.signals = signals
        self._epoch = position.epoch
        self._left = False
        self._over = False
        self.whole = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch - self.first

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        done = batch + 1
        if done == self.steps:  # the end of the epoch follows, and is saved
            return
        here = Position(self.phase, self._epoch, done)
        if self.signals.received:
            self.save(here)
            raise KeyboardInterrupt(GO_ON)
        if self.stop():
            # Validation and the end of the epoch still come; a resumed training does not start
            # from there, but from here.
            self.save(here)
            self._left = True
            self.model.stop_training = True
        elif self.model.stop_training:
            # Another callback ends the phase for good: it is over with the end of this epoch.
            self._over = True
        elif done % self.every == 0:
            self.save(here)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self._left:
            stopped = self.stop()
            over = self._over or (self.model.stop_training and not stopped)
            epochs = self.epochs if over else self._epoch + 1
            self.save(Position(self.phase, epochs))
            self.whole = epochs == self.epochs
            if stopped:
                self.model.stop_training = True
        if self.signals.received:
            raise KeyboardInterrupt(GO_ON)


class OneTraining(keras.callbacks.CallbackList):
    """Several calls of `model.fit` that are one training in the eyes of its callbacks.

    A training that goes on in the middle of an epoch needs two: the rest of the epoch, then the
    others. `skipped` is the number of batches of the first epoch that are done already, and
    `restore` brings the metrics of that epoch back.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        *,
        skipped: int,
        restore: Callable[[], None],
        **kwargs: Any,
    ) -> None:
        super().__init__(list(callbacks), **kwargs)
        self.skipped = skipped
        self.restore = restore
        self._begun = False
        self._logs: dict[str, Any] | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if not self._begun:
            super().on_train_begin(logs)
        self._begun = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._logs = logs

    def close(self) -> None:
        """The end of the training, after the last `model.fit`."""
        super().on_train_end(self._logs)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_begin(epoch, logs)
        if self.skipped:
            self.restore()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_train_batch_begin(self.skipped + batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_train_batch_end(self.skipped + batch, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.skipped = 0
        super().on_epoch_end(epoch, logs)

"""Phases of one training, which can be stopped anywhere and go on: the only call of `model.fit`."""

import errno
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from triptych.checkpoint import Checkpoint, Checkpoints, Position, restore_random_state, with_state
from triptych.resume import Keeper, OneTraining
from triptych.signals import Signals


@dataclass(frozen=True)
class Phase:
    """One stage: its data, and how the model is compiled for it.

    `train(start)` gives endless batches, the phase's first `start` passed over. `compile` sets what
    is trainable and compiles (setting `trainable` alone changes nothing in Keras). `callbacks`
    makes this stage's own callbacks, a schedule for instance. `names(step)` says which samples are
    in a batch of the phase.
    """

    name: str
    epochs: int
    steps: int
    train: Callable[[int], Any]
    validation: Any
    compile: Callable[[keras.Model], None]
    callbacks: Callable[[], Sequence[keras.callbacks.Callback]] = tuple
    names: Callable[[int], Sequence[str]] | None = None


def fit(
    model: keras.Model,
    phases: Sequence[Phase],
    *,
    best: Path,
    callbacks: Sequence[keras.callbacks.Callback],
    checkpoints: Checkpoints | None = None,
) -> bool:
    """Train through `phases`; each starts from the best weights so far, as saved at `best`.

    `callbacks` live through all phases, so what they remember (the best value, a history) goes on;
    epochs are numbered through. With `checkpoints`, a training that was killed goes on from the
    newest one to the weights that it would have had; callbacks with `get_state` and `set_state` get
    their state back. One whose attribute `reached` is true, a time limit, stops it for now.

    Returns whether all phases are done.

    Raises:
        ValueError: the loss is not finite; the message names the phase, the epoch, the batch and
            what is in it. Or the newest checkpoint is of another training.
        FileNotFoundError: the folder of `best` was deleted; it is not made again.
        OSError: something cannot be written, the disk is full; what was there before still is.
        KeyboardInterrupt: SIGINT or SIGTERM came; the batch was finished and a checkpoint written.
    """
    saved = checkpoints.newest() if checkpoints else None
    at = saved.position if saved else Position()
    if saved:
        saved.assign("model", model.variables)
        restore_random_state(saved.random_state)
        for index, callback in enumerate(reversed(with_state(callbacks)), 1):
            saved.set_state(-index, callback)
    # Without checkpoints there is nothing to save on the way out.
    with Signals(heed=checkpoints is not None) as signals, _while_it_exists(best.parent):
        training = _Training(model, callbacks, checkpoints, signals)
        for number in range(at.phase, len(phases)):
            phase = phases[number]
            first = sum(p.epochs for p in phases[:number])
            if saved and number == at.phase:
                whole = at.epoch == phase.epochs or training.run(phase, at, first, saved)
            else:
                if number and best.exists():
                    # Its state is in the file too, and need not fit the stage that has just ended.
                    model.optimizer = None
                    model.load_weights(best)
                whole = training.run(phase, Position(number), first, None)
            if not whole or (training.stop() and number + 1 < len(phases)):
                return False
    return True


@contextmanager
def _while_it_exists(folder: Path) -> Iterator[None]:
    """Say it plainly where an error comes of somebody's having deleted `folder`."""
    try:
        yield
    except OSError as error:
        if folder.exists():
            raise
        reason = "the run folder was deleted while it was trained in"
        raise FileNotFoundError(errno.ENOENT, reason, str(folder)) from error


@dataclass(frozen=True)
class _Training:
    model: keras.Model
    callbacks: Sequence[keras.callbacks.Callback]
    checkpoints: Checkpoints | None
    signals: Signals

    def stop(self) -> bool:
        """Whether a callback, a time limit, wants it to stop for now."""
        return any(getattr(callback, "reached", False) for callback in self.callbacks)

    def run(self, phase: Phase, start: Position, first: int, saved: Checkpoint | None) -> bool:
        """A phase, or the rest of it that `saved` leaves; returns whether it came to its end.

        Epoch `first` of the training is the phase's first.
        """
        model = self.model
        phase.compile(model)
        # Variables that are made while TensorFlow traces the first step make it trace twice.
        model.optimizer.build(model.trainable_variables)
        own = phase.callbacks()
        stateful = [*own, *self.callbacks]
        where = ""
        if saved:
            where = f", from epoch {first + start.epoch + 1}, batch {start.step + 1} on"
            _restore(model, phase, own, saved)
        elif self.checkpoints:
            self.checkpoints.save(start, model, stateful)
        print(
            f"\nstage {phase.name}: {phase.epochs} epochs of {phase.steps} batches{where}",
            flush=True,
        )
        keeper = self._keeper(phase, start, first, stateful)
        joined = OneTraining(
            [*stateful, StopOnBadLoss(phase, first), keeper],
            skipped=start.step,
            restore=lambda: saved.assign("metrics", model.metrics_variables) if saved else None,
            add_history=True,
            add_progbar=True,
            model=model,
            verbose=1 if sys.stdout.isatty() else 2,
            epochs=first + phase.epochs,
            steps=phase.steps,
        )
        epochs = range(start.epoch, phase.epochs)
        model.stop_training = False
        if start.step:
            _fit(model, phase, joined, first, epochs[:1], start.step)
            epochs = epochs[1:]
        if epochs and not model.stop_training:
            _fit(model, phase, joined, first, epochs, 0)
        joined.close()
        return keeper.whole

    def _keeper(
        self, phase: Phase, start: Position, first: int, callbacks: Sequence[Any]
    ) -> Keeper:
        def save(position: Position) -> None:
            if self.checkpoints:
                self.checkpoints.save(position, self.model, callbacks)

        return Keeper(
            save,
            start,
            first=first,
            epochs=phase.epochs,
            steps=phase.steps,
            every=self.checkpoints.every if self.checkpoints else phase.steps,
            stop=self.stop,
            signals=self.signals,
        )


def _fit(
    model: keras.Model,
    phase: Phase,
    callbacks: OneTraining,
    first: int,
    epochs: range,
    skipped: int,
) -> None:
    with warnings.catch_warnings():
        # Nobody knows the length of validation data that may have to leave a picture out.
        warnings.filterwarnings("ignore", "Your input ran out of data", UserWarning)
        model.fit(
            phase.train(epochs.start * phase.steps + skipped),
            steps_per_epoch=phase.steps - skipped,
            validation_data=phase.validation,
            initial_epoch=first + epochs.start,
            epochs=first + epochs.stop,
            callbacks=callbacks,
            shuffle=False,  # the pipeline shuffles
        )


def _restore(
    model: keras.Model, phase: Phase, own: Sequence[keras.callbacks.Callback], saved: Checkpoint
) -> None:
    if saved.position.step:
        # Keras makes the metrics' variables in the first step, too late to be given their values.
        model._symbolic_build(data_batch=next(iter(phase.train(0))))
    for index, callback in enumerate(with_state(own)):
        saved.set_state(index, callback)
    saved.assign("model", model.variables)
    saved.assign("optimizer", model.optimizer.variables)
    restore_random_state(saved.random_state)


class StopOnBadLoss(keras.callbacks.Callback):
    """End with an error at the first loss that is not finite; what was saved before stays."""

    def __init__(self, phase: Phase, first: int) -> None:
        super().__init__()
        self.phase = phase
        self.first = first
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # A callback that has stopped the training, a range test, may have seen it too.
        if np.isfinite((logs or {}).get("loss", 0.0)) or self.model.stop_training:
            return
        names = ""
        if self.phase.names:
            step = (self.epoch - self.first) * self.phase.steps + batch
            names = f" ({', '.join(self.phase.names(step))})"
        raise ValueError(
            f"the loss is not finite in stage {self.phase.name}, epoch {self.epoch + 1}, "
            f"batch {batch + 1}{names}; a lower learning rate, or float32, helps"
        )

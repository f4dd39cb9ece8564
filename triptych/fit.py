"""Phases of one training: the only call of `model.fit`."""

import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np


@dataclass(frozen=True)
class Phase:
    """One stage: its data, and how the model is compiled for it.

    `compile` sets what is trainable and compiles (setting `trainable` alone changes nothing in
    Keras). `callbacks` makes this stage's own callbacks, a schedule for instance.
    """

    name: str
    epochs: int
    steps: int
    train: Any
    validation: Any
    compile: Callable[[keras.Model], None]
    callbacks: Callable[[], Sequence[keras.callbacks.Callback]] = tuple


def fit(
    model: keras.Model,
    phases: Sequence[Phase],
    *,
    best: Path,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Train through `phases`; each starts from the best weights so far, as saved at `best`.

    `callbacks` live through all phases, so what they remember (the best value, a history) goes on;
    epochs are numbered through.

    Raises:
        ValueError: the loss is not finite; the message names the phase, the epoch and the batch.
    """
    done = 0
    for number, phase in enumerate(phases):
        if number and best.exists():
            # Its state is in the file too, and need not fit the stage that has just ended.
            model.optimizer = None
            model.load_weights(best)
        print(f"\nstage {phase.name}: {phase.epochs} epochs of {phase.steps} batches", flush=True)
        phase.compile(model)
        # Variables that are made while TensorFlow traces the first step make it trace twice.
        model.optimizer.build(model.trainable_variables)
        with warnings.catch_warnings():
            # Nobody knows the length of validation data that may have to leave a picture out.
            warnings.filterwarnings("ignore", "Your input ran out of data", UserWarning)
            model.fit(
                phase.train,
                steps_per_epoch=phase.steps,
                validation_data=phase.validation,
                initial_epoch=done,
                epochs=done + phase.epochs,
                callbacks=[StopOnBadLoss(phase.name), *phase.callbacks(), *callbacks],
                shuffle=False,  # the pipeline shuffles
                verbose=1 if sys.stdout.isatty() else 2,
            )
        done += phase.epochs


class StopOnBadLoss(keras.callbacks.Callback):
    """End with an error at the first loss that is not finite; what was saved before stays."""

    def __init__(self, phase: str) -> None:
        super().__init__()
        self.phase = phase
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if not np.isfinite((logs or {}).get("loss", 0.0)):
            raise ValueError(
                f"the loss is not finite in stage {self.phase}, epoch {self.epoch + 1}, "
                f"batch {batch + 1}; a lower learning rate, or float32, helps"
            )

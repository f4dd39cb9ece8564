"""Keep the best model so far on disk, through as many fits as it is given to."""

import math
from pathlib import Path
from typing import Any

import keras


class BestModel(keras.callbacks.Callback):
    """Save the model to `path` (`.keras`) after each epoch whose `monitor` is the best so far.

    Unlike `keras.callbacks.ModelCheckpoint` it keeps its best value from one `fit` to the next and,
    by `get_state` and `set_state`, from one process to the next; a training metric is as good as a
    validation one; and the file is replaced in one step: a kill or a full disk while saving leaves
    the previous best. Give `EMAWeights` before it, so that it saves the averaged weights.

    Raises:
        ValueError: `mode` is neither "min" nor "max", or the epoch's logs lack `monitor`.
        OSError: the file cannot be written; it names `path`, which is as it was.
    """

    def __init__(self, path: str | Path, monitor: str = "val_loss", mode: str = "min") -> None:
        super().__init__()
        if mode not in ("min", "max"):
            raise ValueError(f"`mode` must be 'min' or 'max'; received: mode={mode!r}")
        self.path = Path(path)
        self.monitor = monitor
        self.mode = mode
        self.best = math.inf if mode == "min" else -math.inf
        self.best_epoch: int | None = None

    def get_state(self) -> dict[str, Any]:
        """The best value and its epoch, counted from 0."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` gave."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        # All callbacks of a fit share this dict: a callback that has to come first can tell.
        if self.params is not None:
            self.params["best_model"] = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        if self.monitor not in logs:
            raise ValueError(f"`monitor` must be one of {sorted(logs)}; received: {self.monitor!r}")
        value = float(logs[self.monitor])
        better = value < self.best if self.mode == "min" else value > self.best
        if better or self.best_epoch is None or math.isnan(self.best):
            part = self.path.with_name(f".part-{self.path.name}")
            try:
                # What a kill has left may be another name of a file that matters.
                part.unlink(missing_ok=True)
                self.model.save(part)
                part.replace(self.path)
            except OSError as error:
                part.unlink(missing_ok=True)
                reason = error.strerror or str(error)
                raise OSError(error.errno, reason, str(self.path)) from error
            self.best = value
            self.best_epoch = epoch

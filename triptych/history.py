"""The history of a training as a csv that grows by a line an epoch, through all its stages."""

import csv
import time
from pathlib import Path
from typing import Any

import keras


class History(keras.callbacks.Callback):
    """Append one line an epoch to `path`: epoch (from 1), seconds, learning_rate, then the logs."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        row = {
            "epoch": epoch + 1,
            "seconds": round(time.monotonic() - self._start, 2),
            "learning_rate": float(self.model.optimizer.learning_rate),
            # A schedule that has lowered the rate for the next epoch logs this one's.
            **{k: float(v) for k, v in (logs or {}).items()},
        }
        is_new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if is_new:
                writer.writeheader()
            writer.writerow(row)

"""The log of a training as a file that grows by a line an epoch, through fits and resumes."""

import csv
import io
import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np


class Log(keras.callbacks.Callback):
    """Append a line an epoch to `path`, a `.csv` or `.jsonl` file; what is there already stays.

    The columns are `epoch` (from 1), `seconds` (of the epoch, validation included), `learning_rate`
    (of its last batch, unless the logs have it), then the logs: callbacks that add to them come
    before this one. A csv is written anew, in one step, when a name is new in the logs; a cell is
    empty where there is no value. What is not finite is nan, inf or -inf in a csv, and null in a
    jsonl, for JSON has no word for it.

    A resume drops the lines of epochs that will be run again. The `seconds` of an epoch that was
    interrupted are those up to the checkpoint and those after the resume. Half a line, left by a
    kill, is dropped as soon as the file is written to.

    Raises:
        ValueError: `path` has another suffix; or, from `set_state`, the file has fewer lines than
            it had.
        OSError: the file cannot be read or written; it names `path`.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = Path(path)
        if self.path.suffix not in (".csv", ".jsonl"):
            raise ValueError(f"`path` must end in .csv or .jsonl; received: path={str(path)!r}")
        self._began: float | None = None
        self._before = 0.0

    def get_state(self) -> dict[str, Any]:
        """The number of lines in the file, and the seconds of the epoch that is running."""
        return {"lines": len(_lines(self._read())), "seconds": self._seconds()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Cut the file back to the lines that it had at the time of `get_state`."""
        text = self._read()
        lines = _lines(text)
        if len(lines) < state["lines"]:
            raise ValueError(
                f"{self.path} must have the {state['lines']} lines that it had when the training "
                f"was saved; received: {len(lines)} lines"
            )
        if text:
            self._write(text, lines[: state["lines"]])
        self._before = state["seconds"]

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        row = {
            "epoch": epoch + 1,
            "seconds": round(self._seconds(), 2),
            "learning_rate": float(self.model.optimizer.learning_rate),
            # A schedule that has lowered the rate for the next epoch logs this one's.
            **(logs or {}),
        }
        row = {name: np.asarray(value).tolist() for name, value in row.items()}
        text = self._read()
        lines = _lines(text)
        if self.path.suffix == ".csv":
            lines = _with_row(lines, row)
        else:
            lines.append(json.dumps(_finite(row)))
        self._write(text, lines)
        self._began, self._before = None, 0.0

    def _seconds(self) -> float:
        return self._before + (0 if self._began is None else time.monotonic() - self._began)

    def _read(self) -> str:
        with self._errors():
            return self.path.read_text(encoding="utf-8") if self.path.exists() else ""

    def _write(self, old: str, lines: Sequence[str]) -> None:
        """Make the file, which holds `old`, hold `lines`: append if that will do."""
        new = "".join(f"{line}\n" for line in lines)
        part = self.path.with_name(f".part-{self.path.name}")
        with self._errors():
            if new.startswith(old):
                _put(self.path, "a", new[len(old) :])
                return
            try:
                _put(part, "w", new)
                part.replace(self.path)
            except OSError:
                part.unlink(missing_ok=True)
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise OSError(error.errno, reason, str(self.path)) from error


def _lines(text: str) -> list[str]:
    """The lines that were written to their end."""
    return text.split("\n")[:-1]


def _with_row(lines: Sequence[str], row: dict[str, Any]) -> list[str]:
    """The lines of a csv with one more row, and with the columns that it needs."""
    rows = csv.DictReader(lines)
    columns = list(dict.fromkeys([*(rows.fieldnames or ()), *row]))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows([*rows, row])
    return _lines(text.getvalue())


def _finite(value: Any) -> Any:
    """`value` with None for what JSON cannot say."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value if not isinstance(value, float) or math.isfinite(value) else None


def _put(path: Path, mode: str, text: str) -> None:
    with path.open(mode, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        # A checkpoint that counts on this line may reach the disk before it.
        os.fsync(file.fileno())

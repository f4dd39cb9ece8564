"""Log through fits and resumes, with other columns, after a kill, on a full disk."""

import csv
import errno
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from callbacks import Log

SUFFIXES = [".csv", ".jsonl"]
FULL = Path("/dev/full")
MODEL = SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.25))


@pytest.fixture(params=SUFFIXES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"log{request.param}"


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of either format; a number, None, or where it is no number the text."""

    def value(text: Any) -> Any:
        if isinstance(text, str):
            try:
                return float(text)
            except ValueError:
                return text or None
        return text

    with path.open(newline="") as file:
        found = list(csv.DictReader(file) if path.suffix == ".csv" else map(json.loads, file))
    return [{name: value(text) for name, text in row.items()} for row in found]


def run(log: Log, first: int, *epochs: dict[str, Any]) -> Log:
    """The hooks of epochs whose logs are given."""
    log.set_model(MODEL)
    log.on_train_begin()
    for epoch, logs in enumerate(epochs, first):
        log.on_epoch_begin(epoch)
        log.on_epoch_end(epoch, logs)
    log.on_train_end()
    return log


def resumed(log: Log) -> Log:
    """A new object that goes on from `log`'s state as a checkpoint has it."""
    again = Log(log.path)
    again.set_state(json.loads(json.dumps(log.get_state())))
    return again


X, Y = np.ones((4, 2), np.float32), np.ones((4, 1), np.float32)


def model() -> keras.Model:
    made = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    made.compile(keras.optimizers.SGD(0.25), "mse", metrics=["mae"])
    return made


def test_grows_by_a_line_an_epoch_through_all_fits(path: Path) -> None:
    made, log = model(), Log(path)
    options: dict[str, Any] = {"verbose": 0, "validation_data": (X, Y), "callbacks": [log]}
    first = made.fit(X, Y, epochs=2, **options).history
    made.optimizer.learning_rate = 0.125
    made.fit(X, Y, initial_epoch=2, epochs=3, **options)

    table = rows(path)
    assert list(table[0]) == [
        *("epoch", "seconds", "learning_rate"),
        *("loss", "mae", "val_loss", "val_mae"),
    ]
    assert [row["epoch"] for row in table] == [1, 2, 3]
    assert [row["learning_rate"] for row in table] == [0.25, 0.25, 0.125]
    assert [row["val_mae"] for row in table[:2]] == first["val_mae"]
    assert all(0 <= row["seconds"] < 60 for row in table)


def test_rate_is_the_epochs_own_where_a_schedule_lowers_it(path: Path) -> None:
    # No epoch is better by 100, so each one but the first lowers the rate of the next.
    lower = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0)
    model().fit(X, Y, epochs=3, verbose=0, callbacks=[lower, Log(path)])
    assert [row["learning_rate"] for row in rows(path)] == [0.25, 0.25, pytest.approx(0.125)]


def test_a_file_has_what_it_had_and_a_line_more(path: Path) -> None:
    """Byte for byte, so a reader that follows it need not look at it again."""
    run(Log(path), 0, {"loss": 0.1, 'a "strange", name': 1 / 3}, {"loss": 1e-30})
    before = path.read_text()
    node = path.stat().st_ino
    run(Log(path), 2, {"loss": 3.0})
    assert path.read_text().startswith(before)
    assert path.stat().st_ino == node
    assert [row["epoch"] for row in rows(path)] == [1, 2, 3]
    assert rows(path)[0]['a "strange", name'] == 1 / 3


def test_new_columns_come_and_old_ones_stay(path: Path) -> None:
    log = run(Log(path), 0, {"loss": 3.0, "val_loss": 4.0})
    run(log, 1, {"loss": 2.0, "images_per_second": 90.0})
    run(log, 2, {"loss": 1.0, "val_loss": 1.5})
    table = rows(path)
    assert [row["loss"] for row in table] == [3.0, 2.0, 1.0]
    assert [row.get("val_loss") for row in table] == [4.0, None, 1.5]
    assert [row.get("images_per_second") for row in table] == [None, 90.0, None]
    if path.suffix == ".csv":
        text = path.read_text().splitlines()
        assert text[0] == "epoch,seconds,learning_rate,loss,val_loss,images_per_second"
        assert text[2] == "2,0.0,0.25,2.0,,90.0"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_values_that_are_not_finite_and_arrays(tmp_path: Path) -> None:
    logs = {"a": math.nan, "b": math.inf, "c": -math.inf, "d": np.array([0.5, math.nan])}
    run(Log(tmp_path / "log.csv"), 0, logs)
    line = (tmp_path / "log.csv").read_text().splitlines()[1]
    assert line == '1,0.0,0.25,nan,inf,-inf,"[0.5, nan]"'
    run(Log(tmp_path / "log.jsonl"), 0, logs)
    assert json.loads((tmp_path / "log.jsonl").read_text()) == {
        **dict.fromkeys("abc"),
        "d": [0.5, None],
        "epoch": 1,
        "seconds": 0.0,
        "learning_rate": 0.25,
    }


@pytest.mark.parametrize("done", [0, 1, 3])
@pytest.mark.parametrize("tail", ["", "4,0.0,0.2", '{"epoch": 4, "sec', "4"])
def test_a_resume_leaves_the_lines_of_a_training_in_one_piece(
    path: Path, done: int, tail: str
) -> None:
    """Lines and a column after the checkpoint go, half a line too."""
    epochs: list[dict[str, Any]] = [{"loss": 1.0 / n} for n in range(1, 6)]
    run(Log(path), 0, *epochs)
    whole = rows(path)
    path.unlink()

    log = run(Log(path), 0, *epochs[:done])
    state = json.loads(json.dumps(log.get_state()))
    run(log, done, {"loss": 7.0}, {"loss": 8.0, "new": 9.0})
    with path.open("a") as file:
        file.write(tail)
    again = Log(path)
    again.set_state(state)
    assert len(rows(path)) == done
    run(again, done, *epochs[done:])
    assert [{k: v for k, v in row.items() if k != "new"} for row in rows(path)] == whole
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_half_a_line_goes_without_a_resume_too(path: Path) -> None:
    run(Log(path), 0, {"loss": 1.0}, {"loss": 2.0})
    os.truncate(path, path.stat().st_size - 3)
    run(Log(path), 1, {"loss": 3.0})
    assert [row["loss"] for row in rows(path)] == [1.0, 3.0]


def test_a_resume_needs_the_lines_there_were(path: Path) -> None:
    log = run(Log(path), 0, {"loss": 1.0}, {"loss": 2.0})
    state = log.get_state()
    os.truncate(path, path.stat().st_size - 1)
    had = state["lines"]
    with pytest.raises(ValueError, match=rf"{path} must have the {had} lines .* {had - 1} lines"):
        Log(path).set_state(state)
    path.unlink()
    with pytest.raises(ValueError, match=rf"{path} must have the {had} lines .* 0 lines"):
        Log(path).set_state(state)
    Log(path).set_state(Log(path).get_state())
    assert not path.exists()


def test_seconds_of_an_interrupted_epoch_are_those_of_both_parts(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("callbacks.log.time", clock)
    log = Log(path)
    log.set_model(MODEL)
    log.on_epoch_begin(0)
    clock.now += 10
    again = resumed(log)
    clock.now += 1000
    # Saved again, before the epoch goes on and in it.
    again = resumed(again)
    again.set_model(MODEL)
    again.on_epoch_begin(0)
    clock.now += 5
    again = resumed(again)
    again.set_model(MODEL)
    again.on_epoch_begin(0)
    clock.now += 7
    again.on_epoch_end(0, {})
    assert again.get_state()["seconds"] == 0
    again.on_epoch_begin(1)
    clock.now += 4
    again.on_epoch_end(1, {})
    assert [row["seconds"] for row in rows(path)] == [22, 4]


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("new", [{"loss": 2.0}, {"loss": 2.0, "other": 1.0}])
def test_a_full_disk(path: Path, new: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    log = run(Log(path), 0, {"loss": 1.0})
    before = rows(path)
    real: Callable[..., Any] = Path.open

    def full(self: Path, mode: str = "r", **kwargs: Any) -> Any:
        if mode == "w":
            self.touch()
        return real(FULL if set(mode) & {"a", "w"} else self, mode, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match=f"No space left on device: '{path}'") as caught:
        run(log, 1, new)
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert rows(path) == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "log.csv"
    with pytest.raises(FileNotFoundError, match=f"'{path}'"):
        run(Log(path), 0, {"loss": 1.0})


@pytest.mark.parametrize("name", ["log.txt", "log", "log.csv.gz", ".csv"])
def test_arguments(name: str) -> None:
    with pytest.raises(ValueError, match=f"`path` must end in .csv or .jsonl; received: .*{name}"):
        Log(name)

import csv
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from triptych.history import History

X = np.ones((4, 2), np.float32)
Y = np.ones((4, 1), np.float32)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_grows_by_a_line_an_epoch_through_all_fits(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.25), "mse", metrics=["mae"], run_eagerly=True)
    history = History(tmp_path / "history.csv")
    options: dict[str, Any] = {"verbose": 0, "validation_data": (X, Y), "callbacks": [history]}
    first = model.fit(X, Y, epochs=2, **options).history
    model.optimizer.learning_rate = 0.125
    model.fit(X, Y, initial_epoch=2, epochs=3, **options)

    table = rows(history.path)
    assert list(table[0]) == [
        *("epoch", "seconds", "learning_rate"),
        *("loss", "mae", "val_loss", "val_mae"),
    ]
    assert [row["epoch"] for row in table] == ["1", "2", "3"]
    assert [row["learning_rate"] for row in table] == ["0.25", "0.25", "0.125"]
    assert [float(row["val_mae"]) for row in table[:2]] == first["val_mae"]
    assert all(0 <= float(row["seconds"]) < 60 for row in table)


def test_rate_is_the_epochs_own_where_a_schedule_lowers_it(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.5), "mse", run_eagerly=True)
    history = History(tmp_path / "history.csv")
    # No epoch is better by 100, so each one but the first lowers the rate of the next.
    lower = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0)
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[lower, history])
    rates = [float(row["learning_rate"]) for row in rows(history.path)]
    assert rates == [0.5, 0.5, pytest.approx(0.25)]

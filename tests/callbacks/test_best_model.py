"""BestModel by hand, through two fits, on a full disk, and with averaged weights."""

import errno
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from callbacks import BestModel

FULL = Path("/dev/full")


class FakeModel:
    """Saves its own text, so that a test can tell the saves apart."""

    text = ""

    def save(self, path: Path) -> None:
        path.write_text(self.text)


def saves(callback: BestModel, values: Sequence[float], monitor: str = "val_loss") -> list[int]:
    """The epochs that `callback` saved."""
    model = FakeModel()
    callback.set_model(model)
    callback.on_train_begin()
    kept = []
    for epoch, value in enumerate(values):
        model.text = f"{epoch}: {value}"
        callback.on_epoch_end(epoch, {monitor: value})
        if callback.path.read_text() == model.text:
            kept.append(epoch)
    return kept


def test_saves_what_is_better_than_all_before(tmp_path: Path) -> None:
    low, high = BestModel(tmp_path / "low.keras"), BestModel(tmp_path / "high.keras", "a", "max")
    assert saves(low, [3.0, 3.0, 2.0, 2.5, 1.0]) == [0, 2, 4]
    assert (low.best, low.best_epoch) == (1.0, 4)
    assert saves(high, [0.1, 0.3, 0.2, 0.3], "a") == [0, 1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["high.keras", "low.keras"]


def test_remembers_its_best_in_a_second_fit(tmp_path: Path) -> None:
    callback = BestModel(tmp_path / "best.keras")
    assert saves(callback, [2.0]) == [0]
    assert saves(callback, [3.0, 1.0]) == [1]


def test_a_value_that_is_no_number_is_never_the_best_for_long(tmp_path: Path) -> None:
    callback = BestModel(tmp_path / "best.keras")
    assert saves(callback, [math.nan, 5.0, math.nan, 4.0]) == [0, 1, 3]


def test_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`mode` must be 'min' or 'max'; received: mode='auto'"):
        BestModel(tmp_path / "best.keras", mode="auto")
    with pytest.raises(ValueError, match=r"`monitor` must be one of \['loss'\]; received: 'val_l"):
        BestModel(tmp_path / "best.keras").on_epoch_end(0, {"loss": 1.0})


def small_model(optimizer: Any = "sgd") -> keras.Model:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.set_weights([np.zeros((2, 1)), np.zeros(1)])
    model.compile(optimizer, "mse", jit_compile=False)
    return model


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_leaves_the_previous_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_on_full_disk(model: keras.Model, path: Path) -> None:
        path.symlink_to(FULL)
        save(model, path)

    save = keras.Model.save
    callback = BestModel(tmp_path / "best.keras")
    model = small_model()
    callback.set_model(model)
    callback.on_epoch_end(0, {"val_loss": 2.0})
    before = callback.path.read_bytes()
    model.set_weights([np.ones((2, 1)), np.ones(1)])
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "save", save_on_full_disk)
        with pytest.raises(OSError, match=r"No space left on device: .*best\.keras") as caught:
            callback.on_epoch_end(1, {"val_loss": 1.0})
    assert caught.value.errno == errno.ENOSPC
    assert callback.best == 2.0
    assert callback.path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["best.keras"]
    assert not keras.saving.load_model(callback.path).get_weights()[0].any()
    callback.on_epoch_end(2, {"val_loss": 1.5})  # there is room again
    assert keras.saving.load_model(callback.path).get_weights()[0].all()


def test_goes_on_with_the_best_so_far(tmp_path: Path) -> None:
    first = BestModel(tmp_path / "best.keras")
    first.set_model(small_model())
    first.on_epoch_end(4, {"val_loss": 2.0})
    again = BestModel(tmp_path / "best.keras")
    again.set_state(json.loads(json.dumps(first.get_state())))
    again.set_model(small_model())
    before = again.path.read_bytes()
    again.on_epoch_end(5, {"val_loss": 2.5})
    assert again.path.read_bytes() == before
    assert (again.best, again.best_epoch) == (2.0, 4)
    unused = BestModel(tmp_path / "other.keras")
    again.set_state(json.loads(json.dumps(unused.get_state())))
    assert again.best == math.inf

"""A training that was stopped by its time limit goes on to the same end, to the bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from landmarks.config import Config
from landmarks.train import train
from triptych.stage import Stage


def weights(folder: Path) -> list[np.ndarray]:
    return keras.saving.load_model(folder / "model.keras", compile=False).get_weights()


def test_goes_on_to_the_same_end(
    make_faces: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped after its first batch; in between, the data and the runs were moved."""
    data = make_faces(tmp_path / "data")
    config = Config(
        data,
        "run",
        runs=tmp_path / "runs",
        backbone="tiny",
        weights="none",
        head_width=16,
        loss="gaussian",
        augment="strong",
        ema=0.5,
        stages=(
            Stage("head", 2, 5e-3, "table", "1:0.1", size="32", batch=8),
            Stage("all", 1, 3e-3, size="48", batch=8, freeze_bn=False),
        ),
        resume=True,
        time_limit=1e-4,
    )
    folder = train(config)
    assert (folder / "checkpoints").exists()
    moved = data.rename(tmp_path / "moved")
    capsys.readouterr()
    going_on = replace(config, data=moved, time_limit=None, workers=1, cache_mb=0)
    assert train(going_on) == folder
    out = capsys.readouterr().out
    assert "stage 1 (head, 32): 2 epochs of 2 batches, from epoch 1, batch 2 on" in out
    assert not (folder / "checkpoints").exists()
    whole = train(replace(going_on, name="whole", workers=3, cache_mb=100))
    for got, want in zip(weights(folder), weights(whole), strict=True):
        np.testing.assert_array_equal(got, want)
    for name in ("validation.csv", "points.json", "split.csv"):
        assert (folder / name).read_text() == (whole / name).read_text()


def test_other_points_are_refused(make_faces: Any, tmp_path: Path) -> None:
    """Pictures are the same, one number of the csv is not."""
    data = make_faces(tmp_path / "data", count=8)
    config = Config(
        *(data, "run", (), tmp_path / "runs"),
        backbone="tiny",
        weights="none",
        head="dense",
        stages=(Stage(epochs=1, size="32", batch=2),),
        resume=True,
        time_limit=1e-4,
    )
    train(config)
    table = data / "train" / "landmarks.csv"
    head, row, *rows = table.read_text().splitlines()
    cells = row.split("\t")
    cells[3] = str(int(cells[3]) + 1)
    table.write_text("\n".join([head, "\t".join(cells), *rows]) + "\n")
    with pytest.raises(ValueError, match=r"begun with other data: 0\.png has changed$"):
        train(config)

"""A reader trained in seconds learns its texts, goes on where it stopped, starts from another."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from plates.reader import labelled, predictor, pretrained, stages
from plates.reader.config import Config, settled
from plates.reader.crops import Tolerant
from plates.reader.model import build
from plates.reader.recipes import RECIPES
from plates.reader.train import train
from triptych.stage import Stage

PAIRS = [a + b for a in "ABC123" for b in "ABC123" if a != b]
TINY: dict[str, Any] = {
    "backbone": "tiny",
    "weights": "none",
    "alphabet": "ABC123",
    "max_length": 2,
    "lines": 1,
    "deepest": 8,
    "strides": (8, 8),
    "width": 32,
    "units": 32,
    "gru_layers": 1,
    "dropout": 0.0,
    "workers": 1,
    "augment": "none",
    "nothing": 0.0,
    "weight_decay": 0.0,
    "monitor": "val_loss",
}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def weights(folder: Path) -> list[np.ndarray]:
    return keras.saving.load_model(folder / "model.keras", compile=False).get_weights()


@pytest.fixture(scope="module")
def learnt(make_crops: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on eight crops of each of thirty texts; beside it their folder, data."""
    root = tmp_path_factory.mktemp("learnt")
    make_crops(root / "data", PAIRS * 8)
    stage = Stage("all", 12, 1e-2, size="32x64", batch=16, freeze_bn=False)
    return train(Config(root / "data", "run", runs=root, stages=(stage,), **TINY))


def test_it_learns_its_texts(learnt: Path) -> None:
    config = Config(learnt.parent / "data", stages=(Stage(size="32x64"),), **TINY)
    data = labelled.load(config, 1)
    crops = Tolerant(data.crops.select(data.training.tolist()))
    found = predictor.open(learnt).read(len(data.training), crops.read)
    right = [r.text == crop.text for r, crop in zip(found, crops.crops.records, strict=True)]
    assert np.mean(right) > 0.8


def test_what_a_run_leaves_behind(learnt: Path) -> None:
    assert sorted(path.name for path in learnt.iterdir()) == [
        *("config.json", "curves.png", "data.csv", "environment.json", "history.csv"),
        *("metrics.json", "model.keras", "reader.json", "split.csv", "tensorboard"),
        "validation.csv",
    ]
    history = rows_of(learnt / "history.csv")
    assert {"loss", "exact", "val_loss", "val_exact", "learning_rate"} <= set(history[0])
    best = min(history, key=lambda row: float(row["val_loss"]))
    metrics = json.loads((learnt / "metrics.json").read_text())
    # The finished run answers as it was validated.
    assert metrics["exact"] == pytest.approx(float(best["val_exact"]), abs=1e-6)
    rows = rows_of(learnt / "validation.csv")
    sides = {row["file"]: row["side"] for row in rows_of(learnt / "split.csv")}
    assert {row["file"] for row in rows} == {n for n, side in sides.items() if side == "validation"}
    assert metrics["crops"] == len(rows)
    right = np.mean([row["text"] == row["read"] for row in rows])
    assert metrics["exact_tta"] == pytest.approx(right)


def test_starts_from_it_and_goes_on_to_the_same_end(
    learnt: Path, make_crops: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped after its first batch, with drawn plates; in between, the data were moved.

    What it started from is not needed any more: the checkpoint has the weights.
    """
    data = make_crops(tmp_path / "data", PAIRS)
    start = Path(shutil.copytree(learnt, tmp_path / "start"))
    options = TINY | {"augment": "medium", "nothing": 0.1, "synthetic": 0.2, "dropout": 0.1}
    options |= {"max_length": 8, "start": str(start), "split_seed": 1}
    config = Config(
        data,
        "run",
        runs=tmp_path / "runs",
        ema=0.5,
        **options,
        stages=(Stage("all", 2, 1e-4, size="32x64", batch=16, freeze_bn=False),),
        resume=True,
        time_limit=1e-4,
    )
    folder = train(config)
    assert (folder / "checkpoints").exists()
    # The same pictures under the same names, but other ones held out.
    assert "was trained on" in capsys.readouterr().out
    moved = data.rename(tmp_path / "moved")
    going_on = replace(config, data=moved, time_limit=None, cache_mb=0)
    elsewhere = start.rename(tmp_path / "elsewhere")
    assert train(going_on) == folder
    assert "from epoch 1, batch 2 on" in capsys.readouterr().out
    elsewhere.rename(start)
    whole = train(replace(going_on, name="whole", workers=2, cache_mb=100))
    for got, want in zip(weights(folder), weights(whole), strict=True):
        np.testing.assert_array_equal(got, want)
    for name in ("validation.csv", "reader.json", "split.csv"):
        assert (folder / name).read_text() == (whole / name).read_text()
    # Without what it started from, the loss of two characters by chance is 2 ln 6 = 3.6.
    assert float(rows_of(whole / "history.csv")[0]["val_loss"]) < 2


def test_another_model_cannot_be_started_from(learnt: Path, tmp_path: Path) -> None:
    same = Config(tmp_path, stages=(Stage(size="32x64"),), **TINY)
    assert pretrained.begun_from(str(learnt), same) == learnt
    with pytest.raises(ValueError, match=r"cannot start from .*run: `units` was 32 and is 16"):
        pretrained.begun_from(str(learnt), replace(same, units=16))
    with pytest.raises(ValueError, match="is not a run folder"):
        pretrained.begun_from(str(tmp_path), same)


def test_another_alphabet_keeps_what_is_known_of_its_characters(learnt: Path) -> None:
    """The characters that both have get the same logits, and so does the blank."""
    options = TINY | {"alphabet": "3Z1B"}
    config = Config(learnt, stages=(Stage(size="32x64"),), **options)
    model = build(config)
    pretrained.load(model, learnt, config)
    image = np.random.default_rng(0).integers(0, 256, (1, 32, 64, 3)).astype(np.uint8)
    logits = np.asarray(model(image))
    known = np.asarray(predictor.open(learnt).model(image))  # of ABC123
    np.testing.assert_allclose(logits[..., [0, 1, 3, 4]], known[..., [0, 6, 4, 2]], atol=1e-5)


def test_recipes_as_phases(crops_dir: Path) -> None:
    """PyTorch's plateau rule with patience 2 and factor sqrt(0.1) for the published readers."""
    for recipe in ("lite", "resnext50-gru"):
        config = settled(replace(RECIPES[recipe], data=crops_dir, batch=8, nothing=0.0))
        data = labelled.load(config, 1)
        (phase,) = stages.phases(config, data, 1)
        assert phase.steps == 17 // 8
        (own,) = phase.callbacks()
        assert phase.names is not None
        assert len(phase.names(0)) == 8
        if recipe == "resnext50-gru":
            state: Any = own
            assert (state.rule, state.patience, state.monitor) == ("pytorch", 2, "val_loss")
            assert state.factor == pytest.approx(0.1**0.5)

"""Whole trainings of the tiny backbone: same seed same weights, stages, and what is left behind."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from carclf import data, labelled, stages
from carclf.config import Config
from carclf.model import build
from carclf.train import train
from triptych.fit import fit
from triptych.stage import Stage

TINY: dict[str, Any] = {"backbone": "tiny", "weights": "none", "workers": 3}


def weights(folder: Path) -> list[np.ndarray]:
    return keras.saving.load_model(folder / "model.keras", compile=False).get_weights()


@pytest.fixture(scope="module")
def trained(tree_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Path]:
    """One training with all that draws by chance: augmentation, mixing, dropout."""
    config = Config(
        tree_dir,
        "first",
        runs=tmp_path_factory.mktemp("runs"),
        seed=3,
        stages=(Stage("all", 2, 3e-3, size="32", batch=10, freeze_bn=False),),
        augment="strong",
        mixup=0.3,
        cutmix=0.3,
        ema=0.5,
        **TINY,
    )
    return config, train(config)


def test_same_seed_same_weights_to_the_bit(trained: tuple[Config, Path]) -> None:
    """With another number of threads, another cache, and things trained in between."""
    config, folder = trained
    again = train(replace(config, name="again", workers=1, cache_mb=0))
    for a, b in zip(weights(folder), weights(again), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (folder / "validation.csv").read_text() == (again / "validation.csv").read_text()
    assert (folder / "split.csv").read_text() == (again / "split.csv").read_text()


def test_another_seed_other_weights(trained: tuple[Config, Path]) -> None:
    config, folder = trained
    other = train(replace(config, name="other", seed=4))
    assert all((a != b).any() for a, b in zip(weights(folder), weights(other), strict=True))
    assert (folder / "split.csv").read_text() == (other / "split.csv").read_text()


def test_what_a_run_leaves_behind(trained: tuple[Config, Path]) -> None:
    _, folder = trained
    assert sorted(path.name for path in folder.iterdir()) == [
        *("classes.json", "config.json", "curves.png", "data.csv", "environment.json"),
        *("history.csv", "metrics.json", "model.keras", "split.csv", "tensorboard"),
        "validation.csv",
    ]
    with (folder / "history.csv").open(newline="") as file:
        history = list(csv.DictReader(file))
    assert [row["epoch"] for row in history] == ["1", "2"]
    assert set(history[0]) >= {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}
    assert json.loads((folder / "config.json").read_text())["precision"] == "float32"
    # The averaged weights were validated and kept: the file's accuracy is one of the history.
    metrics = json.loads((folder / "metrics.json").read_text())
    best = min(history, key=lambda row: float(row["val_loss"]))
    assert metrics["pictures"] == 6
    assert metrics["accuracy"] == pytest.approx(float(best["val_accuracy"]))


def test_a_run_that_exists_is_kept(trained: tuple[Config, Path]) -> None:
    config, folder = trained
    before = (folder / "model.keras").read_bytes()
    with pytest.raises(FileExistsError, match="first exists"):
        train(config)
    assert (folder / "model.keras").read_bytes() == before


def fitted(config: Config, folder: Path) -> tuple[keras.Model, list[dict[str, str]]]:
    loaded = labelled.load(config, 2)
    keras.utils.set_random_seed(config.seed)
    model = build(config, len(loaded.classes))
    fit(
        model,
        stages.phases(config, loaded, 2),
        best=folder / "model.keras",
        callbacks=stages.callbacks(config, folder),
    )
    with (folder / "history.csv").open(newline="") as file:
        return model, list(csv.DictReader(file))


def test_the_best_survives_from_stage_to_stage(tree_dir: Path, tmp_path: Path) -> None:
    """A stage that runs off, and one that stands still where the best was."""
    config = Config(
        tree_dir,
        stages=(
            Stage("head", 2, 1e-2, "constant", size="32"),
            Stage("all", 1, 3.0, "plateau", size="64x32", freeze_bn=False, batch=5),
            Stage("upper", 1, 1e-12, "cosine", size="32"),
        ),
        **TINY,
    )
    _, history = fitted(config, tmp_path)
    losses = [float(row["val_loss"]) for row in history]
    assert losses[2] > 2 * min(losses[:2])
    # One batch in training mode moves the head's moving statistics, and nothing else.
    assert losses[3] == pytest.approx(min(losses[:2]), rel=0.1)
    assert [row["epoch"] for row in history] == ["1", "2", "3", "4"]
    assert float(history[0]["learning_rate"]) == pytest.approx(1e-2)
    assert float(history[2]["learning_rate"]) == pytest.approx(3.0)


def test_stages_as_phases(tree_dir: Path) -> None:
    """Names, lengths, picture sizes; seeds differ, so a stage does not repeat its forerunner."""
    config = Config(
        tree_dir,
        stages=(Stage("head", 2, size="32", batch=7), Stage("all", 3, size="48x64", batch=64)),
        class_weights=True,
        **TINY,
    )
    loaded = labelled.load(config, 2)
    first, second = stages.phases(config, loaded, 2)
    assert (first.name, first.epochs, first.steps) == ("1 (head, 32)", 2, 30 // 7)
    assert (second.name, second.epochs, second.steps) == ("2 (all, 48x64)", 3, 1)
    assert first.train(0).element_spec[0].shape == (7, 32, 32, 3)
    assert second.train(0).element_spec[0].shape == (30, 48, 64, 3)
    assert first.validation.element_spec[0].shape[1:] == (48, 64, 3)
    orders = [
        np.concatenate([targets for _, targets, _ in phase.train(0).take(phase.steps)])[:28]
        for phase in (first, second)
    ]
    assert (orders[0] != orders[1]).any()


@pytest.mark.parametrize("on", [True, False])
def test_class_weights(on: bool, tree_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(
        data, "training", lambda *_, class_weights, **__: seen.append(class_weights)
    )
    config = Config(tree_dir, stages=(Stage(size="32"),), class_weights=on, **TINY)
    loaded = labelled.load(config, 2)
    # Of class 0 only two pictures are in training.
    few = np.flatnonzero(loaded.labels[loaded.training] == 0)[2:]
    loaded = replace(loaded, training=np.delete(loaded.training, few))
    stages.phases(config, loaded, 2)[0].train(0)
    want = [22 / (3 * 2), 22 / (3 * 10), 22 / (3 * 10)] if on else [1, 1, 1]
    np.testing.assert_allclose(seen[0], want, rtol=1e-6)


def test_sample_has_the_finished_models_size(tree_dir: Path) -> None:
    config = Config(tree_dir, stages=(Stage(size="32"),), eval_size="40x48", **TINY)
    loaded = labelled.load(config, 2)
    assert stages.sample(loaded, config).shape == (8, 40, 48, 3)
    assert stages.sample(loaded, config, count=40).shape[0] == 40

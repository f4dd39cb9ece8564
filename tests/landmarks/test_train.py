"""The published commands, on small pictures: each starts where the one before it ended."""

import csv
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from landmarks import labelled, predictor, stages
from landmarks.config import Config
from landmarks.recipes import RECIPES
from landmarks.train import train
from triptych.config import parse
from triptych.inputs import Readable
from triptych.stage import Stage

TINY = "--backbone tiny --weights none --head dense --precision float32"


def command(text: str, data: Path, runs: Path) -> Path:
    words = [*text.split(), *TINY.split(), "-d", str(data), "--runs", str(runs)]
    return train(parse(Config, words, prog="train", description="", recipes=RECIPES))


def weights(folder: Path) -> list[np.ndarray]:
    return keras.saving.load_model(folder / "model.keras", compile=False).get_weights()


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def first(faces_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    return command("-b 8 -e 2 -lr 3e-4 -n NAME --gpu", faces_dir, runs)


def test_what_a_run_leaves_behind(first: Path) -> None:
    assert sorted(path.name for path in first.iterdir()) == [
        *("config.json", "curves.png", "data.csv", "environment.json", "history.csv"),
        *("metrics.json", "model.keras", "points.json", "split.csv", "tensorboard"),
        "validation.csv",
    ]
    history = rows_of(first / "history.csv")
    assert [row["epoch"] for row in history] == ["1", "2"]
    assert {"loss", "mse", "val_loss", "val_mse", "learning_rate"} <= set(history[0])
    metrics = json.loads((first / "metrics.json").read_text())
    assert metrics["pictures"] == 3
    # The pictures are small enough to be kept whole, so both read the same pixels.
    assert metrics["mse"] == pytest.approx(min(float(row["val_mse"]) for row in history), rel=1e-4)


def test_the_finished_run_answers_as_it_was_validated(first: Path, faces_dir: Path) -> None:
    model = predictor.open(first)
    assert model.mirror is not None
    rows = rows_of(first / "validation.csv")
    paths = [faces_dir / "train" / "images" / row.pop("file_name") for row in rows]
    got = model.predict(len(paths), Readable(paths, None).read, ("flip",))
    assert got.spread is None
    want = np.array([[float(v) for v in row.values()] for row in rows]).reshape(3, 5, 2)
    np.testing.assert_allclose(got.points, want, atol=1e-3)
    config = Config(faces_dir, runs=first.parent, stages=(Stage(size="32"),))
    data = labelled.load(config, 1)
    true = data.points[data.validation]
    metrics = json.loads((first / "metrics.json").read_text())
    assert metrics["mse_tta"] == pytest.approx(((got.points - true) ** 2).mean(), rel=1e-6)


@pytest.mark.parametrize("model", ["", "model.keras"])
def test_the_next_command_starts_from_the_model(
    model: str, first: Path, faces_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At a rate next to nothing, and with another seed, the weights stay those of the first run."""
    then = command(
        f"-b 8 -e 1 -lr 1e-12 --seed 5 -n MORE --gpu -pm {first / model}", faces_dir, tmp_path
    )
    for a, b in zip(weights(first), weights(then), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert "note: --gpu, and TensorFlow sees none" in capsys.readouterr().out


@pytest.mark.parametrize("recipe", ["three-stage", "offline-extras"])
def test_recipes_as_phases(recipe: str, faces_dir: Path, tmp_path: Path) -> None:
    """Names, lengths, and learning rates; seeds differ, so that stages draw other batches."""
    config = parse(
        Config,
        [recipe, *TINY.split(), "-d", str(faces_dir), "-b", "7", "--val-fraction", "0.15"],
        prog="train",
        description="",
        recipes=RECIPES,
    )
    from landmarks.config import settled

    config = settled(config)
    data = labelled.load(Config(faces_dir, runs=tmp_path, stages=config.stages), 2)
    made = stages.phases(config, data, 1)
    assert [phase.steps for phase in made] == [17 // 7] * len(made)
    assert [phase.epochs for phase in made] == [stage.epochs for stage in config.stages]
    own = [type(callback).__name__ for phase in made for callback in phase.callbacks()]
    assert (
        own
        == {
            "three-stage": ["ReduceLROnPlateau"] * 3,
            "offline-extras": ["EpochTable"],
        }[recipe]
    )
    assert all(phase.names and len(phase.names(0)) == 7 for phase in made)
    if len(made) > 1:
        orders: list[Any] = [phase.names(0) for phase in made if phase.names]
        assert orders[0] != orders[1]

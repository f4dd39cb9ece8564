"""A training that was stopped by its time limit, refuses what is not the same, and then goes on."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from carclf.config import Config
from carclf.train import train
from triptych.stage import Stage

STAGES = (
    Stage("head", 1, 5e-3, size="32", batch=8),
    Stage("all", 2, 3e-3, "plateau", size="40", batch=8),
)


def stop(data: Path, name: str, runs: Path) -> Config:
    """Train until the time limit, which is after the first batch; returns what was trained."""
    config = Config(
        *(data, name, runs),
        backbone="tiny",
        weights="none",
        stages=STAGES,
        time_limit=1e-4,
        resume=True,
    )
    train(config)
    return config


@pytest.fixture(scope="module")
def stopped(make_tree: Any, tmp_path_factory: pytest.TempPathFactory) -> Config:
    root = tmp_path_factory.mktemp("resume")
    return stop(make_tree(root / "tree"), "stopped", root / "runs")


def copy(config: Config, to: Path, **changes: Any) -> Config:
    """The stopped run in a folder of its own, and the command that goes on with it."""
    shutil.copytree(config.runs / config.name, to / config.name)
    return replace(config, **{"runs": to, "time_limit": None} | changes)


def weights(folder: Path) -> list[np.ndarray]:
    return keras.saving.load_model(folder / "model.keras", compile=False).get_weights()


def test_what_a_time_limit_leaves(stopped: Config) -> None:
    names = {path.name for path in (stopped.runs / "stopped").iterdir()}
    assert {"model.keras", "history.csv", "curves.png", "metrics.json", "checkpoints"} <= names


def test_goes_on_to_the_same_end(
    stopped: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = copy(stopped, tmp_path)
    # A folder that was moved, other threads and a smaller cache change nothing.
    moved = shutil.copytree(config.data, tmp_path / "moved")
    folder = train(replace(config, data=moved, workers=1, cache_mb=0))
    assert "stage 1 (head, 32): 1 epochs of 3 batches, from epoch 1, batch 2 on" in (
        capsys.readouterr().out
    )
    assert not (folder / "checkpoints").exists()
    whole = train(replace(config, name="whole", resume=False))
    for got, want in zip(weights(folder), weights(whole), strict=True):
        np.testing.assert_array_equal(got, want)
    assert (folder / "validation.csv").read_text() == (whole / "validation.csv").read_text()
    capsys.readouterr()
    before = (folder / "model.keras").stat().st_mtime_ns
    assert train(config) == folder
    assert capsys.readouterr().out == f"the run is finished: {folder}\n"
    assert (folder / "model.keras").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="`seed` was 0 and is 5"):
        train(replace(config, seed=5))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, r"stopped: `seed` was 0 and is 1$"),
        ({"dropout": 0.1, "augment": "none"}, "`augment` was medium and is none; `dropout` was 0"),
        ({"stages": STAGES[:1]}, "`stages` was .* and is "),
        ({"val_fraction": 0.3}, "`val_fraction` was 0.2 and is 0.3"),
        ({"precision": "mixed_bfloat16"}, "`precision` was float32 and is mixed_bfloat16"),
    ],
)
def test_another_config_is_refused(
    changes: dict[str, Any], message: str, stopped: Config, tmp_path: Path
) -> None:
    config = copy(stopped, tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        train(config)
    assert (tmp_path / "stopped" / "checkpoints").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("gone", r"other data: 0\.jpg of class class-1 is not there any more, or cannot be used$"),
        ("new", r"99\.jpg of class class-1 is new"),
        ("changed", r"0\.jpg of class class-1 has changed$"),
        (
            "moved",
            r"5\.jpg of class class-0 \(and 1 more\) is not there any more, or cannot be used",
        ),
    ],
)
def test_other_data_are_refused(
    change: str, message: str, stopped: Config, draw_picture: Any, tmp_path: Path
) -> None:
    tree = shutil.copytree(stopped.data, tmp_path / "tree")
    folder = tree / "class-1"
    if change == "gone":
        (folder / "0.jpg").unlink()
    elif change == "new":
        draw_picture(1, 99).save(folder / "99.jpg")
    elif change == "changed":
        draw_picture(1, 77).save(folder / "0.jpg")
    else:
        for name in ("5.jpg", "7.jpg"):
            (tree / "class-0" / name).rename(folder / f"moved-{name}")
    config = copy(stopped, tmp_path / "runs", data=tree)
    with pytest.raises(ValueError, match=f"cannot go on with .*stopped: .*{message}"):
        train(config)


def test_other_rows_of_the_csv_are_refused(make_cars: Any, tmp_path: Path) -> None:
    """Batches are drawn by a picture's place among all."""
    data = make_cars(tmp_path / "cars")
    config = stop(data, "run", tmp_path)
    head, *rows = (data / "train.csv").read_text().splitlines()
    (data / "train.csv").write_text("\n".join([head, *rows[1::-1], *rows[2:]]) + "\n")
    with pytest.raises(ValueError, match="begun with the same pictures in another order"):
        train(config)


def test_a_checkpoint_of_another_run_is_refused(stopped: Config, tmp_path: Path) -> None:
    config = copy(stopped, tmp_path)
    other = train(replace(config, name="other", seed=1, resume=False, time_limit=1e-4))
    shutil.rmtree(tmp_path / "stopped" / "checkpoints")
    shutil.copytree(other / "checkpoints", tmp_path / "stopped" / "checkpoints")
    with pytest.raises(ValueError, match=r"is of another training: `seed` was 1 and is 0$"):
        train(config)


def test_flags_that_do_not_go_together(stopped: Config) -> None:
    with pytest.raises(ValueError, match="--resume needs the name of the run, -n"):
        train(replace(stopped, name=""))
    with pytest.raises(ValueError, match="`overwrite` must be off with --resume"):
        replace(stopped, overwrite=True)

"""What `-pm` takes, and what it refuses before anything is read."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from landmarks.config import Config
from landmarks.pretrained import require_same_model, weights_of
from triptych import run
from triptych.config import save

CONFIG = Config(Path("data"))


@pytest.fixture
def before(tmp_path: Path) -> Path:
    folder = tmp_path / "before"
    folder.mkdir()
    save(CONFIG, folder / run.CONFIG)
    known = {"points": 2, "mirror": None, "shift": 0.0, "mean": [[0, 1], [1, 0]]}
    run.write_json(folder / "points.json", known)
    (folder / run.MODEL).touch()
    return folder


def test_a_run_or_its_model(before: Path) -> None:
    assert weights_of(before) == weights_of(before / "model.keras") == before / "model.keras"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "`pretrained_model` does not exist; received: .*none"),
        ("config.json", r"must be a run folder or its model\.keras; received: .*config\.json"),
    ],
)
def test_neither(before: Path, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        weights_of(before / name)


def test_a_folder_that_is_no_run(before: Path) -> None:
    (before / "config.json").unlink()
    for path in (before, before / "model.keras"):
        with pytest.raises(ValueError, match=r"before is not a run folder: it has no config\.json"):
            weights_of(path)


@pytest.mark.parametrize(
    ("changes", "points", "message"),
    [
        ({}, 68, "`points` was 2 and is 68$"),
        ({"backbone": "tiny"}, 2, "`backbone` was efficientnet-lite0 and is tiny$"),
        ({"head": "dense"}, 2, "`head` was heatmap and is dense$"),
        ({"stride": 4}, 2, "`stride` was 8 and is 4$"),
        ({"loss": "laplace"}, 2, "`spread` was False and is True$"),
    ],
)
def test_another_model(before: Path, changes: dict[str, Any], points: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"cannot start from .*before: {message}"):
        require_same_model(before, replace(CONFIG, **changes), points)


def test_what_may_differ(before: Path) -> None:
    """Loss, schedule, augmentation: the model is the same."""
    require_same_model(before, replace(CONFIG, loss="wing", augment="none", batch=3), 2)

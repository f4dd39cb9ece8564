"""Start from another run's model, as `-pm` asks: stages of training as runs of their own."""

from pathlib import Path

from landmarks.config import Config
from landmarks.labelled import Labelled, read_points
from triptych import config as configs
from triptych import run, split

_MODEL_FIELDS = ("backbone", "head", "head_width", "deepest", "stride", "spread")


def weights_of(path: Path) -> Path:
    """The model file of a run folder, or the file itself when it lies in one.

    Raises:
        ValueError: neither; the message names what is missing.
    """
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        raise ValueError(f"`pretrained_model` does not exist; received: {path}")
    if not path.is_dir() and path.name != run.MODEL:
        raise ValueError(
            f"`pretrained_model` must be a run folder or its {run.MODEL}; received: {path}"
        )
    run.check(folder)
    return folder / run.MODEL


def require_same_model(folder: Path, config: Config, points: int) -> None:
    """Raise ValueError, naming a difference, where the run at `folder` has another model."""
    before = configs.load(Config, folder / run.CONFIG)
    theirs = {name: str(getattr(before, name)) for name in _MODEL_FIELDS}
    ours = {name: str(getattr(config, name)) for name in _MODEL_FIELDS}
    theirs["points"], ours["points"] = str(read_points(folder).points), str(points)
    if other := configs.differences(theirs, ours):
        raise ValueError(f"cannot start from {folder}: {'; '.join(other)}")


def already_seen(folder: Path, data: Labelled) -> int:
    """How many of the validation pictures the run at `folder` was trained on: they flatter."""
    sides = split.read(folder)
    return sum(sides.get((data.names[i],)) == "training" for i in data.validation)

"""Start from another reader's weights: one trained on drawn plates, another country's."""

from pathlib import Path

from plates.reader.config import Config
from plates.reader.labelled import Labelled
from plates.reader.predictor import SHIPPED
from triptych import config as configs
from triptych import run, split

_MODEL_FIELDS = (
    *("alphabet", "backbone", "deepest", "strides", "lines", "width", "units", "gru_layers"),
)


def weights_of(start: str, config: Config) -> Path:
    """The model file of the run folder `start`, or of the shipped reader.

    Raises:
        ValueError: no finished run folder, or its model is another; the message names what.
    """
    folder = SHIPPED if start == "shipped" else Path(start)
    run.check(folder)
    before = configs.load(Config, folder / run.CONFIG)
    theirs = {name: str(getattr(before, name)) for name in _MODEL_FIELDS}
    ours = {name: str(getattr(config, name)) for name in _MODEL_FIELDS}
    if other := configs.differences(theirs, ours):
        raise ValueError(f"cannot start from {folder}: {'; '.join(other)}")
    return folder / run.MODEL


def already_seen(folder: Path, data: Labelled) -> int:
    """How many of the validation crops the run at `folder` was trained on: they flatter."""
    if not (folder / split.SPLIT).exists():  # the shipped reader has seen none
        return 0
    sides = split.read(folder)
    return sum(sides.get((data.records[i].name,)) == "training" for i in data.validation)

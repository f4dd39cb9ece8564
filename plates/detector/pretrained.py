"""Start from another detector's weights: one trained on drawn scenes, on other cameras."""

from pathlib import Path

from plates import sides
from plates.detector.config import Config
from plates.detector.labelled import Labelled
from plates.detector.predictor import located
from triptych import config as configs
from triptych import run, split

_MODEL_FIELDS = ("backbone", "deepest", "head", "stride", "width")


def begun_from(start: str, config: Config) -> Path:
    """The run folder `start`, as `located` has it.

    Raises:
        ValueError: no finished run folder, or its model is another; the message names what.
    """
    folder = located(Path(start))
    run.check(folder)
    before = configs.load(Config, folder / run.CONFIG)
    theirs = {name: str(getattr(before, name)) for name in _MODEL_FIELDS}
    ours = {name: str(getattr(config, name)) for name in _MODEL_FIELDS}
    if other := configs.differences(theirs, ours):
        raise ValueError(
            f"cannot start from {folder}: {'; '.join(other)}; --start '' begins without it"
        )
    return folder


def already_seen(folder: Path, data: Labelled) -> int:
    """How many of the validation photographs the run at `folder` was trained on: they flatter."""
    if not (folder / split.SPLIT).exists():  # the shipped detector has seen none
        return 0
    names = [data.samples[i].name for i in data.validation]
    where = sides.where(names, [data.digests[i] for i in data.validation], sides.read(folder))
    return where.count("training")

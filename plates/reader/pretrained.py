"""Start from another reader's weights: one trained on drawn plates, another country's."""

from pathlib import Path

import keras

from plates import sides
from plates.reader.config import Config
from plates.reader.labelled import Labelled
from plates.reader.model import build
from plates.reader.predictor import located
from triptych import config as configs
from triptych import run, split

_MODEL_FIELDS = (
    "backbone",
    "deepest",
    "finest",
    "strides",
    "lines",
    "width",
    "units",
    "gru_layers",
)


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


def load(model: keras.Model, folder: Path, config: Config) -> None:
    """Give `model`, built from `config`, the weights of the run that `begun_from` found.

    Characters that both alphabets have keep what was learnt of them; new ones begin as they are.
    """
    before = configs.load(Config, folder / run.CONFIG)
    if before.alphabet == config.alphabet:
        model.load_weights(folder / run.MODEL)
        return
    theirs = build(before)
    theirs.load_weights(folder / run.MODEL)
    shared = [c for c in config.alphabet if c in before.alphabet]
    ours = [0, *(config.alphabet.index(c) + 1 for c in shared)]  # 0 is the blank
    old = [0, *(before.alphabet.index(c) + 1 for c in shared)]
    for part, their_part in zip(model.layers[1:], theirs.layers[1:], strict=True):
        for layer, their_layer in zip(part.layers, their_part.layers, strict=True):
            weights = their_layer.get_weights()
            if layer.name == "classes":
                known, weights = weights, layer.get_weights()
                for mine, kept in zip(weights, known, strict=True):
                    mine[..., ours] = kept[..., old]
            layer.set_weights(weights)


def already_seen(folder: Path, data: Labelled) -> int:
    """How many of the validation crops the run at `folder` was trained on: they flatter."""
    if not (folder / split.SPLIT).exists():  # the shipped reader has seen none
        return 0
    names = [data.records[i].name for i in data.validation]
    where = sides.where(names, [data.digests[i] for i in data.validation], sides.read(folder))
    return where.count("training")

"""Crops and texts -> tf.data of (image, label)."""

import numpy as np
import tensorflow as tf

from plates import synth
from plates.reader.augment import Augmenter
from plates.reader.config import Config
from plates.reader.labelled import Labelled, encode
from plates.text import columns_needed, outside
from triptych.images import resize
from triptych.pipeline import eval_batches, train_batches

_TRIES = 1000


def drawn(count: int, config: Config) -> tuple[int, int]:
    """(crops without a plate, plates) that are drawn for an epoch, beside `count` given crops."""
    whole = count / (1 - config.nothing - config.synthetic)
    return round(config.nothing * whole), round(config.synthetic * whole)


def epoch(data: Labelled, config: Config) -> int:
    """Samples of an epoch, the drawn ones included."""
    return len(data.training) + sum(drawn(len(data.training), config))


def training(
    data: Labelled,
    config: Config,
    *,
    size: tuple[int, int],
    batch: int,
    seed: int,
    workers: int,
    start: int = 0,
) -> tf.data.Dataset:
    """Endless augmented batches, without the first `start`.

    image uint8 [B, *size, 3] RGB, label int32 [B, max_length] as `labelled.encode` has it. Sample
    number i of an epoch is the training side's i-th crop, and beyond it a drawn one, which follows
    from (seed, epoch, i) alone.

    Raises:
        ValueError: plates are to be drawn, and none fits the alphabet and the columns.
    """
    given = len(data.training)
    empty, plates = drawn(given, config)
    if plates:  # what cannot be drawn is to be an error here, not in the middle of an epoch
        _plate(np.random.default_rng(seed), config)
    augmenter = Augmenter(size, config.augment)
    # What is drawn has its wear already: more would leave nothing to read.
    lightly = Augmenter(size, "none" if config.augment == "none" else "light")

    def load(number: int, index: int) -> tuple[np.ndarray, ...]:
        # Not the augmenter's numbers: what is drawn and how it is changed must not hang together.
        rng = np.random.default_rng((seed, number, index, 1))
        if index < given:
            image = data.crops[data.training[index]]
            label = data.labels[data.training[index]]
            return augmenter(image, (seed, number, index)), label
        if index < given + empty:
            image, label = _nothing(rng), np.zeros(config.max_length, np.int32)
        else:
            image, text = _plate(rng, config)
            label = encode(text, config.alphabet, config.max_length)
        return lightly(image, (seed, number, index)), label

    count = epoch(data, config)
    return train_batches(
        load, count, batch=min(batch, count), seed=seed, workers=workers, start=start
    )


def validation(
    data: Labelled, *, size: tuple[int, int], batch: int, workers: int
) -> tf.data.Dataset:
    """Every crop once, in order, stretched and nothing else: (image, label) as in `training`."""

    def load(_: int, index: int) -> tuple[np.ndarray, ...]:
        position = data.validation[index]
        return resize(data.crops[position], size), data.labels[position]

    return eval_batches(load, len(data.validation), batch=batch, workers=workers)


def sample_name(data: Labelled, index: int) -> str:
    """What sample `index` of an epoch is called in a message."""
    given = len(data.training)
    return data.records[data.training[index]].name if index < given else "a drawn crop"


def _nothing(rng: np.random.Generator) -> np.ndarray:
    """A drawn crop without a plate."""
    return synth.crop(rng, nothing=1.0)[0]


def _plate(rng: np.random.Generator, config: Config) -> tuple[np.ndarray, str]:
    """A drawn plate whose text the model can answer."""
    for _ in range(_TRIES):
        image, text, *_ = synth.crop(rng, alphabet=config.alphabet)
        fits = len(text) <= config.max_length and columns_needed(text) <= config.columns
        if fits and not outside(text, config.alphabet):
            return image, text
    raise ValueError(
        f"`synthetic` must be 0 where no drawn plate is short enough; received: "
        f"max_length={config.max_length}, columns={config.columns}"
    )

"""Photographs and corners -> tf.data of (canvas, target)."""

import numpy as np
import tensorflow as tf

from plates import synth
from plates.detector import targets
from plates.detector.augment import Augmenter
from plates.detector.config import Config
from plates.detector.labelled import Labelled
from triptych.pipeline import eval_batches, train_batches


def photographs(data: Labelled) -> int:
    """How many photographs an epoch has, by their weights; at least one."""
    return max(1, round(float(data.weights[data.training].sum())))


def epoch(data: Labelled, config: Config) -> int:
    """Samples of an epoch, the drawn ones included."""
    return round(photographs(data) / (1 - config.synthetic))


def taken(data: Labelled, seed: int, number: int, index: int) -> int | None:
    """Which position sample `index` of epoch `number` is; None is a drawn scene.

    Photographs come first, as often as their weights say: the places of an epoch lie evenly on the
    sum of the weights, from a start that follows from (seed, epoch). So a photograph of weight 1 is
    taken once in every epoch, and of neighbours of weight 0.5 every other one.
    """
    places = photographs(data)
    if index >= places:
        return None
    ends = np.cumsum(data.weights[data.training])
    start = np.random.default_rng((seed, number, 2)).random()
    at = (index + start) * ends[-1] / places
    return int(data.training[min(int(np.searchsorted(ends, at, "right")), len(ends) - 1)])


def training(
    data: Labelled,
    config: Config,
    *,
    side: int,
    batch: int,
    seed: int,
    workers: int,
    start: int = 0,
) -> tf.data.Dataset:
    """Endless augmented batches, without the first `start`.

    canvas uint8 [B, side, side, 3] RGB, target float32 [B, side / stride, side / stride, C] as
    `plates.detector.losses` has it; for Mask R-CNN (canvas, truth) and truth [B, MOST, 9], see
    `targets.truth`. Which sample is what, `taken` says; a drawn scene follows from (seed, epoch,
    index) alone.
    """
    augmenter = Augmenter(side, config.augment)

    def load(number: int, index: int) -> tuple[np.ndarray, ...]:
        position = taken(data, seed, number, index)
        if position is None:
            # Not the augmenter's numbers: what is drawn and how it is changed must not hang
            # together.
            image, quads = _scene(np.random.default_rng((seed, number, index, 1)))
        else:
            image, quads = data.photograph(position)
        canvas, moved = augmenter(image, quads, (seed, number, index))
        return canvas, target(moved, side, config)

    count = epoch(data, config)
    made = train_batches(
        load, count, batch=min(batch, count), seed=seed, workers=workers, start=start
    )
    return _fed(made, config)


def validation(
    data: Labelled, config: Config, *, side: int, batch: int, workers: int
) -> tf.data.Dataset:
    """Every photograph once, in order, laid on a canvas: (canvas, target) as in `training`."""
    augmenter = Augmenter(side, "none")

    def load(_: int, index: int) -> tuple[np.ndarray, ...]:
        canvas, quads = augmenter(*data.photograph(data.validation[index]), (0,))
        return canvas, target(quads, side, config)

    made = eval_batches(load, len(data.validation), batch=batch, workers=workers)
    return _fed(made, config)


def target(quads: np.ndarray, side: int, config: Config) -> np.ndarray:
    """What the model should answer for quads [N, 4, 2] in a canvas, as `losses` has it."""
    if config.head == "maskrcnn":
        return targets.truth(quads)
    draw = targets.masks if config.head == "unet" else targets.corners
    return draw(quads, (side, side), config.stride)


def _fed(made: tf.data.Dataset, config: Config) -> tf.data.Dataset:
    """Batches as the model that is trained takes them: Mask R-CNN draws samples by the target."""
    if config.head != "maskrcnn":
        return made
    return made.map(lambda canvas, target: ((canvas, target), target))


def sample_name(data: Labelled, seed: int, number: int, index: int) -> str:
    """What sample `index` of epoch `number` is called in a message."""
    position = taken(data, seed, number, index)
    return "a drawn scene" if position is None else data.samples[position].name


def _scene(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A drawn picture [H, W, 3] uint8 and the quads [N, 4, 2] of its plates."""
    image, plates = synth.scene(rng)
    return image, np.array([corners for corners, _ in plates]).reshape(-1, 4, 2)

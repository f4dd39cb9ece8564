"""Pictures and points -> tf.data of (image, target)."""

import numpy as np
import tensorflow as tf

from landmarks.augmenter import Augmenter, Strength
from landmarks.geometry import Affine, centre_crop, resized
from landmarks.labelled import Labelled
from landmarks.warp import crop
from triptych.pipeline import eval_batches, train_batches


def training(
    data: Labelled,
    *,
    side: int,
    batch: int,
    augment: Strength,
    seed: int,
    workers: int,
    start: int = 0,
) -> tf.data.Dataset:
    """Endless augmented batches, without the first `start`.

    image uint8 [B, side, side, 3] RGB, target float32 [B, N + 1, 2] as `landmarks.losses` has it.
    """
    augmenter = Augmenter(side, augment, data.mirror)

    def load(epoch: int, index: int) -> tuple[np.ndarray, ...]:
        position = data.training[index]
        image = data.pictures[position]
        to_image = _to_image(data, position, image)
        points = to_image(data.marked(position))
        to_crop = centre_crop(image.shape[0], image.shape[1], side)
        made, moved, affine = augmenter(image, points, to_crop, (seed, epoch, index))
        return made, target(moved, to_image.then(affine), side)

    return train_batches(
        load,
        len(data.training),
        batch=min(batch, len(data.training)),
        seed=seed,
        workers=workers,
        start=start,
    )


def validation(data: Labelled, *, side: int, batch: int, workers: int) -> tf.data.Dataset:
    """Every picture once, in order, cropped and nothing else: (image, target) as in `training`."""

    def load(_: int, index: int) -> tuple[np.ndarray, ...]:
        position = data.validation[index]
        image = data.pictures[position]
        to_crop = centre_crop(image.shape[0], image.shape[1], side)
        affine = _to_image(data, position, image).then(to_crop)
        return crop(image, side), target(affine(data.marked(position)), affine, side)

    return eval_batches(load, len(data.validation), batch=batch, workers=workers)


def target(points: np.ndarray, affine: Affine, side: int) -> np.ndarray:
    """Points [N, 2] in pixels of the crop -> [N + 1, 2] float32, as `landmarks.losses` has it.

    `affine` is the way from the original picture to the crop.
    """
    rows = np.vstack([(points + 0.5) / side, np.full((1, 2), side / affine.scale)])
    return rows.astype(np.float32)


def _to_image(data: Labelled, position: int, image: np.ndarray) -> Affine:
    """From the original's pixels to those of `image`, which may be kept smaller."""
    height, width = data.sizes[position].tolist()
    return resized((height, width), (image.shape[0], image.shape[1]))

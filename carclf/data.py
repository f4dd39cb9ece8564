"""Pictures and labels -> tf.data of (image, target)."""

import numpy as np
import tensorflow as tf

from carclf.augment import Augmenter, mixer
from carclf.config import Strength
from triptych.images import resize
from triptych.pictures import Pictures
from triptych.pipeline import eval_batches, train_batches


def training(
    pictures: Pictures,
    labels: np.ndarray,
    *,
    classes: int,
    class_weights: np.ndarray,
    size: tuple[int, int],
    batch: int,
    augment: Strength,
    mixup: float,
    cutmix: float,
    seed: int,
    workers: int,
    start: int = 0,
) -> tf.data.Dataset:
    """Endless augmented batches, without the first `start`.

    image uint8 [B, H, W, 3] RGB, target float32 [B, classes] (rows sum to 1), weight float32 [B].
    """
    one_hot = np.eye(classes, dtype=np.float32)
    augmenter = Augmenter(size, augment)

    def load(epoch: int, index: int) -> tuple[np.ndarray, ...]:
        image = augmenter(pictures[index], (seed, epoch, index))
        label = labels[index]
        return image, one_hot[label], np.asarray(class_weights[label], np.float32)

    return train_batches(
        load,
        len(labels),
        batch=min(batch, len(labels)),
        seed=seed,
        workers=workers,
        mix=mixer(mixup, cutmix),
        start=start,
    )


def validation(
    pictures: Pictures,
    labels: np.ndarray,
    *,
    classes: int,
    size: tuple[int, int],
    batch: int,
    workers: int,
) -> tf.data.Dataset:
    """Every picture once, in order, resized and nothing else: (image, target) as in `training`."""
    one_hot = np.eye(classes, dtype=np.float32)

    def load(_: int, index: int) -> tuple[np.ndarray, ...]:
        return resize(pictures[index], size), one_hot[labels[index]]

    return eval_batches(load, len(labels), batch=batch, workers=workers)


def balanced_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """Weight by class [classes] so that every class counts the same and the mean weight is 1."""
    counts = np.bincount(labels, minlength=classes)
    present = counts > 0
    weights = np.zeros(classes, np.float32)
    weights[present] = len(labels) / (present.sum() * counts[present])
    return weights

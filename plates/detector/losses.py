"""Losses over maps: of masks (head "unet"), of middles and corners (head "corners").

Targets are what `plates.detector.targets` draws, float32 [B, h, w, 2] or [B, h, w, 10]; logits are
the model's maps, [B, h, w, 2] or [B, h, w, 9]. Both are reckoned in float32 whatever the policy.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from plates.detector.config import Head

Function = Callable[[Any, Any], Any]

_SMOOTH = 1.0  # cells: a picture without plates has a Dice loss, and small errors there cost little
_LEAST_SIZE = 1.0  # cells


def loss(head: Head) -> Function:
    """The loss [B] of (target, logits) that a head is trained with; shapes: see the module."""
    return unet if head == "unet" else corners


@keras.saving.register_keras_serializable(package="triptych")
def unet(target: Any, logits: Any) -> Any:
    """Dice loss [B] + cross-entropy with logits, each the mean over plates' masks and their cores.

    1 - (2 sum p t + 1) / (sum p^2 + sum t^2 + 1) over the cells of each picture. The squares
    (Milletari et al. 2016, V-Net) make the loss least where p is t also in cells that an edge
    crosses, so that the level 0.5 lies on the edge; without them p would be 0 or 1 there.
    """
    target, logits = ops.cast(target, "float32"), ops.cast(logits, "float32")
    p = ops.sigmoid(logits)
    common = ops.sum(p * target, axis=(1, 2))
    both = ops.sum(p * p, axis=(1, 2)) + ops.sum(target * target, axis=(1, 2))
    dice = 1.0 - (2.0 * common + _SMOOTH) / (both + _SMOOTH)
    entropy = ops.softplus(logits) - target * logits
    return ops.mean(dice, axis=1) + ops.mean(entropy, axis=(1, 2, 3))


@keras.saving.register_keras_serializable(package="triptych")
def corners(target: Any, logits: Any) -> Any:
    """CenterNet's focal loss [B] of middles + the error of corners (Zhou et al. 2019).

    The focal loss is -(1 - p)^2 log p where the heat is 1, else -(1 - heat)^4 p^2 log(1 - p),
    summed and divided by the number of plates, at least 1. The corners' error is the L1 distance of
    the offsets as a share of the true ones' length, which is about the plate's size: an error of 3
    pixels spoils a small plate, not a large one. It is the mean weighted by the target's last
    channel; a picture without plates has none.
    """
    target, logits = ops.cast(target, "float32"), ops.cast(logits, "float32")
    heat, x = target[..., 0], logits[..., 0]
    log_p, log_not_p = -ops.softplus(-x), -ops.softplus(x)
    p = ops.sigmoid(x)
    middle = ops.cast(heat >= 1.0, "float32")
    gain = middle * ops.square(1.0 - p) * log_p
    gain += (1.0 - middle) * (1.0 - heat) ** 4 * ops.square(p) * log_not_p
    plates = ops.maximum(ops.sum(middle, axis=(1, 2)), 1.0)
    focal = -ops.sum(gain, axis=(1, 2)) / plates

    true, weight = target[..., 1:9], target[..., 9]
    distance = ops.mean(ops.abs(logits[..., 1:9] - true), axis=-1)
    size = ops.maximum(ops.mean(ops.abs(true), axis=-1), _LEAST_SIZE)
    error = ops.sum(weight * distance / size, axis=(1, 2))
    return focal + error / ops.maximum(ops.sum(weight, axis=(1, 2)), 1e-6)

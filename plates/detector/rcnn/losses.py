"""The losses of Mask R-CNN's two looks (Ren et al. 2015, He et al. 2017), one value a picture.

All are reckoned in float32 whatever the policy. `kept` says which of a fixed number of samples
count; a picture without any costs nothing.
"""

from typing import Any

from keras import ops


def entropy(targets: Any, logits: Any, kept: Any) -> Any:
    """Cross-entropy [B] of a probability's logits [B, N] and `targets` 0..1, mean over `kept`."""
    targets, logits = ops.cast(targets, "float32"), ops.cast(logits, "float32")
    return _mean(ops.softplus(logits) - targets * logits, kept)


def boxes(targets: Any, deltas: Any, positive: Any, beta: float) -> Any:
    """Smooth L1 [B] of the `positive` samples' deltas [B, N, 4], over N.

    0.5 d^2 / beta where |d| < beta, else |d| - beta / 2 (Girshick 2015, Fast R-CNN), summed over
    the four. Divided by all samples, not by the positive ones: every plate counts alike.
    """
    away = ops.abs(ops.cast(deltas, "float32") - ops.cast(targets, "float32"))
    smooth = ops.where(away < beta, 0.5 * ops.square(away) / beta, away - 0.5 * beta)
    counted = ops.where(positive, ops.sum(smooth, axis=-1), 0.0)
    return ops.mean(counted, axis=-1)


def masks(targets: Any, logits: Any, positive: Any) -> Any:
    """Cross-entropy [B] of masks [B, N, h, w], the mean over the cells of the `positive` ones."""
    targets, logits = ops.cast(targets, "float32"), ops.cast(logits, "float32")
    each = ops.mean(ops.softplus(logits) - targets * logits, axis=(-2, -1))
    return _mean(each, positive)


def _mean(values: Any, kept: Any) -> Any:
    share = ops.cast(kept, "float32")
    # A sample that does not count may hold anything, even what is no number.
    total = ops.sum(ops.where(kept, values, 0.0), axis=-1)
    return total / ops.maximum(ops.sum(share, axis=-1), 1.0)

"""The share of crops whose whole text is right, as Keras counts it while training."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="triptych")
class ExactMatch(keras.metrics.MeanMetricWrapper):
    """Share of crops, in [0, 1], whose text by greedy decoding is the whole label."""

    def __init__(self, name: str = "exact", dtype: Any = None) -> None:
        super().__init__(exact_match, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """Keras's config without the function."""
        return {"name": self.name, "dtype": self.dtype}


def exact_match(target: Any, logits: Any) -> Any:
    """1.0 for every crop [B] read exactly, else 0.0.

    `target` [B, L] holds classes 1..C, padded with 0 at the end; `logits` [B, T, C + 1], or
    log-probabilities, have the blank as class 0. Greedy decoding as `decode.greedy` does it: the
    best class of every column, runs of one class made one, blanks dropped (Graves et al. 2006).
    """
    target = ops.cast(target, "int32")
    best = ops.cast(ops.argmax(logits, axis=-1), "int32")
    before = ops.pad(best[:, :-1], [[0, 0], [1, 0]])
    # A column begins a character where it is neither blank nor goes on with the one before it.
    begins = ops.logical_and(best != 0, best != before)
    # The begun characters stay where they are, and the label is laid beside them: no gathering
    # into rows of different lengths, which a compiled graph could not do.
    count = ops.cumsum(ops.cast(begins, "int32"), axis=1)
    place = ops.clip(count - 1, 0, target.shape[1] - 1)
    wanted = ops.take_along_axis(target, place, axis=1)
    right = ops.all(ops.logical_or(ops.logical_not(begins), best == wanted), axis=1)
    length = ops.sum(ops.cast(target != 0, "int32"), axis=1)
    return ops.cast(ops.logical_and(right, count[:, -1] == length), "float32")

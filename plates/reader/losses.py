"""CTC: the probability of a text over all ways of laying it on the columns."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="triptych")
def ctc(target: Any, logits: Any) -> Any:
    """Negative log-likelihood [B] float32 of the texts, summed over all alignments.

    `target` int [B, L]: classes from 1, padded with 0 at the end, all 0 for an empty text; `logits`
    [B, T, C + 1] with the blank as class 0. A text that T columns cannot hold costs infinity; such
    labels are left out before. In float32 whatever the policy (Graves et al. 2006).
    """
    logits = ops.cast(logits, "float32")
    target = ops.cast(target, "int32")
    length = ops.sum(ops.cast(target > 0, "int32"), axis=1)
    columns = ops.full_like(length, ops.shape(logits)[1])
    return ops.ctc_loss(target, logits, length, columns, mask_index=0)

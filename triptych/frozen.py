"""Trained models whose weights are constants of the graph they are in: quicker than variables.

What is known of a graph before it is run can be worked out before: batch normalization is
multiplied into the convolution before it, weights are laid out as the processor wants them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    Said = Callable[[tf.Tensor], Any]

Call = Callable[[np.ndarray], np.ndarray]
"""Pictures [B, H, W, 3] uint8 of the model's size -> its answers."""

MOST = 32_000_000
"""Bytes of weights up to which they become constants: TensorFlow keeps some ten copies of these."""


def inside(model: "keras.Model", call: "Said | None" = None) -> "Said":
    """What `model` answers, to be traced by `tf.function`; or `call`, which uses its layers.

    With at most `MOST` bytes of weights they are constants, with their values of now. Of a larger
    model they are variables as ever: EfficientNet-B6 would take 4 GB of memory in place of 1.4.
    """
    import keras

    said = call or (lambda images: model(images, training=False))
    known = [(variable, variable.numpy()) for variable in model.variables]
    if sum(value.nbytes for _, value in known) > MOST:
        return said

    def answer(images: "tf.Tensor") -> Any:
        with keras.StatelessScope(known):
            return said(images)

    return answer


def frozen(model: "keras.Model", size: tuple[int | None, int | None] = (None, None)) -> Call:
    """`inside` for arrays, of a model with one output.

    One graph answers for any number of pictures of `size`, (height, width); None is any, for layers
    that can do without knowing it. Elsewhere than on TensorFlow `predict_on_batch` itself answers.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return lambda images: np.asarray(model.predict_on_batch(images))
    import tensorflow as tf

    pictures = tf.TensorSpec((None, *size, 3), tf.uint8)
    call = tf.function(inside(model), input_signature=[pictures], autograph=False)
    return lambda images: np.asarray(call(images))

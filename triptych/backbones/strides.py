"""A backbone whose maps stay finer than published, by height and width apart, with its weights."""

from typing import Any

import keras
from keras import layers

from triptych.backbones.pyramid import walk


@keras.saving.register_keras_serializable(package="triptych")
class Thin(layers.Layer):
    """Every `steps` = (down, right)-th row and column of maps [B, H, W, C], as a stride would.

    It stands behind a depthwise convolution whose stride differs by axis, which TensorFlow's
    cannot have. Of two it keeps the second, where a stride of two with padding "same" has its
    centres on even sides.
    """

    def __init__(self, steps: tuple[int, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.steps = tuple(steps)

    def call(self, maps: Any) -> Any:
        """See the class."""
        down, right = self.steps
        return maps[:, down - 1 :: down, right - 1 :: right]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """[B, H, W, C] -> [B, H // down, W // right, C]."""
        batch, height, width, channels = input_shape
        down, right = self.steps
        return (
            batch,
            None if height is None else height // down,
            None if width is None else width // right,
            channels,
        )

    def get_config(self) -> dict[str, Any]:
        """Keras's config."""
        return {**super().get_config(), "steps": self.steps}


def restride(backbone: keras.Model, most: tuple[int, int]) -> keras.Model:
    """The same layers and weights with total strides of at most `most` = (height, width).

    `backbone` comes from `create`. The layers that would halve its maps further keep them, by
    height or width or both. A copy; each side of a picture must be a multiple of its stride.

    Raises:
        ValueError: a stride that is no power of two.
    """
    for side in most:
        if side < 1 or side & (side - 1):
            raise ValueError(f"`most` must be powers of two; received: most={most}")
    steps: dict[str, tuple[int, int]] = {}
    for layer, before, step in walk(backbone):
        if step > 1:
            down, right = (min(before * step, side) // min(before, side) for side in most)
            steps[layer.name] = (down, right)

    def clone(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if layer.name in steps:
            down, right = steps[layer.name]
            config["strides"] = (down, right)
            if isinstance(layer, layers.DepthwiseConv2D) and down != right:
                config["strides"] = (1, 1)
        return type(layer).from_config(config)

    def call(layer: keras.Layer, *args: Any, **kwargs: Any) -> Any:
        answer = layer(*args, **kwargs)
        down, right = steps.get(layer.name, (1, 1))
        if isinstance(layer, layers.DepthwiseConv2D) and down != right:
            return Thin((down, right), name=f"{layer.name}_thin")(answer)
        return answer

    copy = keras.models.clone_model(backbone, clone_function=clone, call_function=call)
    copy.set_weights(backbone.get_weights())
    return copy

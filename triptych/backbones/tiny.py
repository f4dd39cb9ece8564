"""A few convolutions, some 23 000 weights: for tests and for trying a pipeline out."""

import keras
from keras import layers

from triptych.backbones.norm import BatchNorm

_FILTERS = (8, 16, 24, 32, 40)


def build(
    name: str, input_shape: tuple[int | None, int | None, int] = (None, None, 3)
) -> keras.Model:
    """Pictures [B, H, W, 3] 0..255 -> [B, H/32, W/32, 40]."""
    image = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, dtype="float32", name="scale")(image)
    for index, filters in enumerate(_FILTERS):
        x = layers.Conv2D(filters, 3, 2, padding="same", use_bias=False, name=f"conv{index}")(x)
        x = BatchNorm(momentum=0.9, name=f"bn{index}")(x)
        x = layers.ReLU(name=f"relu{index}")(x)
    return keras.Model(image, x, name=name)

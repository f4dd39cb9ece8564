"""Feature pyramid: every level as wide as the others, and told what the deeper ones saw."""

import keras
from keras import layers


def pyramid(maps: list[keras.KerasTensor], width: int) -> list[keras.KerasTensor]:
    """Maps [B, h, w, C], the finest first, each half as large -> maps of `width` channels.

    Lin et al. 2017, "Feature pyramid networks for object detection": 1 x 1 convolutions, the
    deeper map enlarged and added, 3 x 3 convolutions; and one more level, every other cell of the
    deepest, as Mask R-CNN has it.
    """
    count = len(maps)
    sides = [
        layers.Conv2D(width, 1, name=f"side{level}")(tensor) for level, tensor in enumerate(maps)
    ]
    joined = [sides[-1]]
    for level in range(count - 2, -1, -1):
        deeper = layers.UpSampling2D(2, interpolation="nearest", name=f"up{level}")(joined[0])
        joined.insert(0, layers.Add(name=f"join{level}")([sides[level], deeper]))
    found = [
        layers.Conv2D(width, 3, padding="same", name=f"mix{level}")(tensor)
        for level, tensor in enumerate(joined)
    ]
    return [*found, layers.MaxPooling2D(1, 2, name="coarser")(found[-1])]

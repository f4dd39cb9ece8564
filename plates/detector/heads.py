"""Which model and loss a head has; `data` knows its targets, `predictor` reads its answers."""

import keras

from plates.detector import losses, model
from plates.detector.config import Config, Head
from plates.detector.rcnn import model as rcnn


def build(config: Config, weights: str | None = None) -> keras.Model:
    """The model that is trained: `plates.detector.model`'s or `plates.detector.rcnn.model`'s."""
    make = rcnn.build if config.head == "maskrcnn" else model.build
    return make(config, weights)


def answering(trained: keras.Model, head: Head) -> keras.Model:
    """Of a model from `build`: canvases [B, H, W, 3] uint8 -> what `predictor` reads."""
    if head == "maskrcnn":
        return rcnn.finder(trained)
    image = keras.Input((None, None, 3), dtype="uint8", name="image")
    return keras.Model(image, model.probable(trained(image), head))


def loss(head: Head) -> losses.Function:
    """The loss [B] of (target, the trained model's answer)."""
    return rcnn.total if head == "maskrcnn" else losses.loss(head)

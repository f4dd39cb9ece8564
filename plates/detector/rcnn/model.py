"""Mask R-CNN over a feature pyramid: He et al. 2017, "Mask R-CNN"; one class, a plate."""

import keras
from keras import layers, ops

from plates.detector.config import Config
from plates.detector.model import maps_of
from plates.detector.rcnn import SIDE
from plates.detector.rcnn.layers import (
    RATIOS,
    SCALES,
    Cut,
    FirstLoss,
    Found,
    Proposals,
    Samples,
    SecondLoss,
)
from plates.detector.rcnn.masks import grown
from plates.detector.rcnn.pyramid import pyramid
from triptych import backbones
from triptych.backbones.pyramid import narrow


def build(config: Config, weights: str | None = None) -> keras.Model:
    """Pictures [B, H, W, 3] uint8 and `truth` [B, M, 9] (see `rcnn.layers`) -> losses [B, 5].

    The losses of anchors (plate or not, where) and of proposals (plate or not, where, mask), to be
    summed; what the model finds, `finder` answers. H and W are multiples of 32. The pyramid has
    the backbone's strides from `config.stride` to `config.deepest`, and one more; `width` channels.
    The second look has 4 x `width` units; with 256 the layers are as published, without batch
    normalization in the heads. For plates anchors are smaller, proposals and samples fewer, and
    a mask is drawn of a little more than its box: see `rcnn.layers`, `rcnn.masks`. `weights` is
    what `triptych.backbones.create` takes.

    Raises:
        ValueError: as `plates.detector.model.build`.
    """
    whole = backbones.create(config.backbone, weights=weights)
    maps = [narrow(tensor) for tensor in maps_of(whole, config)[::-1]]
    strides = [config.stride * 2**level for level in range(len(maps) + 1)]
    backbone = keras.Model(whole.input, maps, name=config.backbone)
    features = [keras.Input(tensor.shape[1:], name=f"features{i}") for i, tensor in enumerate(maps)]
    neck = keras.Model(features, pyramid(features, config.width), name="pyramid")
    first, second, drawing = _first(config.width), _second(config.width), _drawing(config.width)

    image = keras.Input((None, None, 3), dtype="uint8", name="image")
    truth = keras.Input((None, 9), name="truth")
    levels = neck(backbone(image))
    logits, deltas = _asked(first, levels)
    asked = FirstLoss(strides, name="first_loss")([image, truth, logits, deltas])
    proposals = Proposals(strides, name="proposals")([image, logits, deltas])
    sampled = Samples(name="samples")
    boxes, index, marks = sampled([image, truth, proposals])
    answers = second(Cut(strides[:-1], 7, name="cut")([boxes, *levels[:-1]]))
    outlined = Cut(strides[:-1], 14, sampled.positives, wide=True, name="cut_wide")
    drawn = drawing(outlined([boxes, *levels[:-1]]))
    judged = SecondLoss(name="second_loss")([image, truth, boxes, index, marks, answers, drawn])
    losses = layers.Concatenate(dtype="float32", name="losses")([asked, judged])
    return keras.Model([image, truth], losses, name="maskrcnn")


def finder(model: keras.Model) -> keras.Model:
    """Of a model that `build` made: pictures [B, H, W, 3] uint8 -> rows [B, K, 5 + 28 * 28].

    The box that the mask was drawn of, the score 0..1 and the mask's probabilities, float32, as
    `rcnn.reading.read` takes them. The weights are those of `model`.
    """
    backbone = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    proposals = model.get_layer("proposals")
    image = keras.Input((None, None, 3), dtype="uint8", name="image")
    levels = model.get_layer("pyramid")(backbone(image))
    found = proposals([image, *_asked(model.get_layer("first"), levels)])
    strides = model.get_layer("cut").strides
    answers = model.get_layer("second")(Cut(strides, 7)([found, *levels[:-1]]))
    boxes, scores = Found(name="found")([image, found, answers])
    drawn = model.get_layer("drawing")(Cut(strides, 14, wide=True)([boxes, *levels[:-1]]))
    return keras.Model(image, Rows(name="rows")([boxes, scores, drawn]), name="finder")


@keras.saving.register_keras_serializable(package="triptych")
def total(_: object, losses: keras.KerasTensor) -> keras.KerasTensor:
    """Keras's loss: the sum [B] of the five that the model itself reckons."""
    return ops.sum(losses, axis=-1)


def _asked(
    first: keras.Model, levels: list[keras.KerasTensor]
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Logits [B, A] and deltas [B, A, 4] of all levels' anchors, in the order of `anchors`."""
    said = [first(level) for level in levels]
    logits, deltas = ([one[i] for one in said] for i in range(2))
    join = layers.Concatenate(axis=1, dtype="float32")
    return join(logits), layers.Concatenate(axis=1, dtype="float32")(deltas)


def _first(width: int) -> keras.Model:
    """The region proposal network, the same on every level."""
    features = keras.Input((None, None, width))
    x = layers.Conv2D(width, 3, padding="same", activation="relu", name="near")(features)
    small = keras.initializers.RandomNormal(stddev=0.01)
    kinds = len(SCALES) * len(RATIOS)
    logits = layers.Conv2D(kinds, 1, kernel_initializer=small, dtype="float32", name="plate")
    deltas = layers.Conv2D(4 * kinds, 1, kernel_initializer=small, dtype="float32", name="at")
    outputs = [
        layers.Reshape((-1,), dtype="float32", name="plates")(logits(x)),
        layers.Reshape((-1, 4), dtype="float32", name="deltas")(deltas(x)),
    ]
    return keras.Model(features, outputs, name="first")


def _second(width: int) -> keras.Model:
    """What is in a box: [N, 7, 7, width] -> logit of a plate and deltas [N, 5]."""
    features = keras.Input((7, 7, width))
    x = layers.Flatten(name="flat")(features)
    for number in range(2):
        x = layers.Dense(4 * width, activation="relu", name=f"dense{number}")(x)
    small = keras.initializers.RandomNormal(stddev=0.01)
    answers = layers.Dense(5, kernel_initializer=small, dtype="float32", name="answers")(x)
    return keras.Model(features, answers, name="second")


def _drawing(width: int) -> keras.Model:
    """The mask of what is in a box: [N, 14, 14, width] -> logits [N, 28, 28]."""
    x = features = keras.Input((14, 14, width))
    for number in range(4):
        x = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"conv{number}")(x)
    x = layers.Conv2DTranspose(width, 2, strides=2, activation="relu", name="finer")(x)
    logits = layers.Conv2D(1, 1, dtype="float32", name="mask")(x)
    mask = layers.Reshape((SIDE, SIDE), dtype="float32", name="masks")(logits)
    return keras.Model(features, mask, name="drawing")


@keras.saving.register_keras_serializable(package="triptych")
class Rows(layers.Layer):
    """boxes [B, K, 4], scores [B, K], mask logits [B * K, h, w] -> [B, K, 5 + h * w]."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, inputs: list[keras.KerasTensor]) -> keras.KerasTensor:
        """See `finder`."""
        boxes, scores, drawn = inputs
        shape = (ops.shape(boxes)[0], boxes.shape[1], SIDE * SIDE)
        drawn = ops.reshape(ops.sigmoid(ops.cast(drawn, "float32")), shape)
        return ops.concatenate([grown(boxes), scores[..., None], drawn], axis=-1)

    def compute_output_shape(self, shapes: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """[B, K, 5 + h * w]."""
        return (*shapes[0][:2], 5 + SIDE * SIDE)

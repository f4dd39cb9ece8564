"""The detector: a U-Net decoder over a backbone, down to maps of `stride`."""

import math
from typing import Any

import keras
from keras import layers, ops

from plates.detector.config import Config, Head
from triptych import backbones, trainable
from triptych.backbones.norm import BatchNorm
from triptych.backbones.pyramid import levels, narrow
from triptych.stage import Part

CHANNELS = {"unet": 2, "corners": 9}
"""Of the maps. unet: logits of the plate's mask and of its core; corners: the logit of a plate's
middle, then dx, dy of its corners from the cell's centre in cells, in reading order."""
PRIOR = 0.01
"""Probability that every cell starts with: nearly all hold no plate (Lin et al. 2017, focal loss).
"""


def build(config: Config, weights: str | None = None) -> keras.Model:
    """Pictures [B, H, W, 3] uint8 RGB -> maps [B, H / stride, W / stride, CHANNELS] float32.

    H and W are multiples of 32. A U-Net (Ronneberger et al. 2015) whose decoder has separable
    convolutions: with efficientnet-lite0 to stride 16, `stride` 4 and `width` 64 a canvas of
    512 x 384 takes 1.13 GMACs, 0.18 of them in the decoder. Layers of the outer model: "image",
    the backbone (a model of its own), "head" (another). `weights` is what
    `triptych.backbones.create` takes.

    Raises:
        ValueError: the backbone has no map of a stride that is needed, or its maps are smaller than
            the picture divided by the stride, as AlexNet's.
    """
    whole = backbones.create(config.backbone, weights=weights)
    maps = [narrow(tensor) for tensor in maps_of(whole, config)]
    backbone = keras.Model(whole.input, maps, name=config.backbone)
    features = [keras.Input(tensor.shape[1:], name=f"features{i}") for i, tensor in enumerate(maps)]
    head = keras.Model(features, _decoder(features, config), name="head")
    image = keras.Input((None, None, 3), dtype="uint8", name="image")
    return keras.Model(image, head(backbone(image)), name="detector")


def probable(maps: Any, head: Head) -> Any:
    """Maps with probabilities, 0..1, where the model has logits."""
    if head == "unet":
        return ops.sigmoid(maps)
    return ops.concatenate([ops.sigmoid(maps[..., :1]), maps[..., 1:]], axis=-1)


def set_trainable(model: keras.Model, part: Part, freeze_bn: bool) -> None:
    """Make `part` of the model trainable, as `triptych.trainable` has it."""
    backbone = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    trainable.set_trainable(backbone, part, freeze_bn)


def maps_of(backbone: keras.Model, config: Config) -> list[keras.KerasTensor]:
    """The maps of strides `deepest` down to `stride`, the deepest first.

    Raises ValueError as `build`.
    """
    maps = levels(backbone)
    wanted = [s for s in (32, 16, 8, 4, 2) if config.stride <= s <= config.deepest]
    if missing := [s for s in wanted if s not in maps]:
        raise ValueError(
            f"`backbone` must have maps of strides {config.stride} to {config.deepest}; received: "
            f"backbone={config.backbone}, which has none of stride {missing[0]}"
        )
    side = 4 * wanted[0]
    found = keras.Model(backbone.input, [maps[s] for s in wanted]).compute_output_shape(
        (1, side, side, 3)
    )
    if [shape[1] for shape in found] != [side // s for s in wanted]:
        raise ValueError(
            "`backbone` must have maps that cover the whole picture; received: "
            f"backbone={config.backbone}"
        )
    return [maps[s] for s in wanted]


def _decoder(features: list[keras.KerasTensor], config: Config) -> keras.KerasTensor:
    deepest, *skips = features
    x = layers.Conv2D(config.width, 1, use_bias=False, name="narrow")(deepest)
    x = _bn_relu(x, "narrow")
    for number, skip in enumerate(skips):
        # Keras's bilinear one cannot be traced for canvases of any size.
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"up{number}")(x)
        x = layers.Concatenate(name=f"join{number}")([x, skip])
        for turn in "ab":
            name = f"mix{number}{turn}"
            x = layers.SeparableConv2D(config.width, 3, padding="same", use_bias=False, name=name)(
                x
            )
            x = _bn_relu(x, name)
    logits = 2 if config.head == "unet" else 1  # the other channels are no probabilities
    bias = [-math.log(1 / PRIOR - 1)] * logits + [0.0] * (CHANNELS[config.head] - logits)
    start = keras.initializers.Constant(bias)
    return layers.Conv2D(len(bias), 1, bias_initializer=start, dtype="float32", name="maps")(x)


def _bn_relu(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    x = BatchNorm(momentum=0.9, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)

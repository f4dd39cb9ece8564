"""The regressor: a backbone and a head that answers with points as shares of the crop's side."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from landmarks.config import Config
from triptych import backbones, trainable
from triptych.backbones.pyramid import levels
from triptych.stage import Part


def build(
    config: Config, points: int, weights: str | None = None, mean: np.ndarray | None = None
) -> keras.Model:
    """Crops [B, S, S, 3] uint8 RGB -> points [B, points, 2] float32, (x, y) as shares of the side.

    0 and 1 are the crop's edges. With a loss that has a spread, [B, points, 3]: its logarithm, a
    share of the side too. Layers of the outer model: "image", the backbone (a model of its own),
    "head" (another); any S that the strides divide. `mean` [points, 2] is where the dense and mlp
    heads start from, the middle without it. `weights` is what `triptych.backbones.create` takes.
    """
    whole = backbones.create(config.backbone, weights=weights)
    if config.head == "heatmap":
        maps = _levels(whole, config)
        backbone = keras.Model(whole.input, maps, name=config.backbone)
        features = [keras.Input(m.shape[1:], name=f"features{i}") for i, m in enumerate(maps)]
        answer = _heatmap(features, config, points)
    else:
        backbone = whole
        features = [keras.Input(whole.output_shape[1:], name="features")]
        answer = _dense(features[0], config, points, mean)
    head = keras.Model(features, answer, name="head")
    image = keras.Input((None, None, 3), dtype="uint8", name="image")
    found = backbone(image)
    return keras.Model(image, head(found if isinstance(found, list) else [found]), name="landmarks")


def parts(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """(backbone, head) of a model that `build` made."""
    _, backbone, head = model.layers
    return backbone, head


def set_trainable(model: keras.Model, part: Part, freeze_bn: bool) -> None:
    """Make `part` of the model trainable, as `triptych.trainable` has it."""
    backbone, _ = parts(model)
    trainable.set_trainable(backbone, part, freeze_bn)


@keras.saving.register_keras_serializable(package="triptych")
class SoftArgmax(layers.Layer):
    """Heat maps [B, h, w, N] -> points [B, N, 2] float32 as shares of the sides.

    The mean of the cells' centres, weighted by the softmax of the map (integral regression, Sun et
    al. 2018): sub-pixel, differentiable, in float32 whatever the policy.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        """See the class."""
        maps = ops.cast(maps, "float32")
        height, width, points = ops.shape(maps)[1], ops.shape(maps)[2], maps.shape[3]
        flat = ops.softmax(ops.reshape(maps, (-1, height * width, points)), axis=1)
        share = ops.reshape(flat, (-1, height, width, points))
        # Sums, since LiteRT has no einsum.
        x = ops.sum(ops.sum(share, axis=1) * _centres(width)[:, None], axis=1)
        y = ops.sum(ops.sum(share, axis=2) * _centres(height)[:, None], axis=1)
        return ops.stack([x, y], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """[B, h, w, N] -> [B, N, 2]."""
        return (input_shape[0], input_shape[3], 2)


def _centres(cells: int) -> keras.KerasTensor:
    return (ops.cast(ops.arange(cells), "float32") + 0.5) / ops.cast(cells, "float32")


def _levels(backbone: keras.Model, config: Config) -> list[keras.KerasTensor]:
    """The maps of strides `deepest` down to `stride`, the deepest first."""
    maps = levels(backbone)
    wanted = [s for s in (32, 16, 8, 4) if config.stride <= s <= config.deepest]
    if missing := [s for s in wanted if s not in maps]:
        raise ValueError(f"{config.backbone} has no map of stride {missing[0]}")
    # Maps of layers that do not pad are smaller: they do not fit together, nor over the picture.
    side = 8 * wanted[0]
    found = keras.Model(backbone.input, [maps[s] for s in wanted]).compute_output_shape(
        (1, side, side, 3)
    )
    if [shape[1] for shape in found] != [side // s for s in wanted]:
        raise ValueError(
            f"`head` cannot be heatmap with {config.backbone}: its maps are smaller than side / "
            "stride; take dense or mlp"
        )
    return [maps[s] for s in wanted]


def _heatmap(features: list[keras.KerasTensor], config: Config, points: int) -> keras.KerasTensor:
    """A feature pyramid (Lin et al. 2017) of light convolutions down to a map for every point."""
    width = config.head_width
    x = None
    for number, level in enumerate(features):
        side = layers.Conv2D(width, 1, use_bias=False, name=f"level{number}")(level)
        side = layers.BatchNormalization(momentum=0.9, name=f"level{number}_bn")(side)
        if x is not None:
            up = layers.UpSampling2D(2, interpolation="bilinear", name=f"up{number}")(x)
            side = layers.Add(name=f"join{number}")([side, up])
        x = layers.ReLU(6.0, name=f"level{number}_relu")(side)
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"mix{number}")(x)
        x = layers.Conv2D(width, 1, use_bias=False, name=f"mix{number}_point")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"mix{number}_bn")(x)
        x = layers.ReLU(6.0, name=f"mix{number}_relu")(x)
    maps = layers.Conv2D(points, 1, name="maps")(x)
    found = SoftArgmax(name="points")(maps)
    if not config.spread:
        return found
    pooled = layers.GlobalAveragePooling2D(name="pool")(x)
    return _with_spread(found, pooled, points)


def _dense(
    features: keras.KerasTensor, config: Config, points: int, mean: np.ndarray | None
) -> keras.KerasTensor:
    x = layers.GlobalAveragePooling2D(name="pool")(features)
    if config.head == "mlp":
        x = layers.Dense(config.head_width, use_bias=False, name="hidden")(x)
        x = layers.BatchNormalization(momentum=0.9, name="hidden_bn")(x)
        x = layers.ReLU(name="hidden_relu")(x)
    x = layers.Dropout(config.dropout, name="drop")(x)
    start = np.full((points, 2), 0.5) if mean is None else mean
    # It starts as the mean shape: random answers are so far off that the first steps would drive
    # the features to zero, where a ReLU stays.
    flat = layers.Dense(
        2 * points,
        dtype="float32",
        kernel_initializer="zeros",
        bias_initializer=keras.initializers.Constant(start.ravel().tolist()),
        name="coordinates",
    )(x)
    found = layers.Reshape((points, 2), dtype="float32", name="points")(flat)
    return _with_spread(found, x, points) if config.spread else found


def _with_spread(
    found: keras.KerasTensor, pooled: keras.KerasTensor, points: int
) -> keras.KerasTensor:
    """Points with a third number, the logarithm of their spread, at first that of 3 % of a side."""
    log_spread = layers.Dense(
        points,
        dtype="float32",
        kernel_initializer="zeros",
        bias_initializer=keras.initializers.Constant(float(np.log(0.03))),
        name="log_spread",
    )(pooled)
    column = layers.Reshape((points, 1), dtype="float32", name="log_spread_column")(log_spread)
    return layers.Concatenate(axis=-1, dtype="float32", name="points_and_spread")([found, column])

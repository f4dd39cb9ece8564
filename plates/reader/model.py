"""The reader: a backbone's maps joined, read line by line, column by column, GRU, CTC classes."""

from typing import Any

import keras
from keras import layers, ops

from plates.reader.config import Config
from triptych import backbones, trainable
from triptych.backbones.pyramid import levels, narrow
from triptych.backbones.strides import restride
from triptych.stage import Part


def build(config: Config, weights: str | None = None) -> keras.Model:
    """Crops [B, H, W, 3] uint8 RGB -> logits [B, T, 1 + len(alphabet)] float32, T = `columns`.

    Class 0 is CTC's blank, class i + 1 the alphabet's character i. The columns of the first line
    of text come before those of the second; a plate of one line may use either. H and W are
    multiples of the strides. Layers of the outer model: "image", the backbone (a model of its
    own), "head" (another). `weights` is what `triptych.backbones.create` takes.

    Raises:
        ValueError: the backbone has no map of stride `deepest` or `finest`.
    """
    whole = backbones.create(config.backbone, weights=weights)
    maps = levels(whole)
    strides = sorted({config.deepest, config.finest}, reverse=True)
    for name in ("deepest", "finest"):
        if getattr(config, name) not in maps:
            raise ValueError(
                f"`{name}` must be one of {sorted(maps)} with {config.backbone}; "
                f"received: {name}={getattr(config, name)}"
            )
    cut = keras.Model(whole.input, [narrow(maps[s]) for s in strides], name=config.backbone)
    backbone = restride(cut, config.strides)
    features = [
        keras.Input(tensor.shape[1:], name=f"features{i}")
        for i, tensor in enumerate(backbone.outputs)
    ]
    head = keras.Model(features, _head(features, config), name="head")
    image = keras.Input((None, None, 3), dtype="uint8", name="image")
    return keras.Model(image, head(backbone(image)), name="reader")


def columns(config: Config, size: tuple[int, int]) -> int:
    """T, the columns of pictures of `size` = (height, width)."""
    return config.lines * (size[1] // config.strides[1])


def set_trainable(model: keras.Model, part: Part, freeze_bn: bool) -> None:
    """Make `part` of the model trainable, as `triptych.trainable` has it."""
    trainable.set_trainable(model.layers[1], part, freeze_bn)


def _head(features: list[keras.KerasTensor], config: Config) -> keras.KerasTensor:
    x = layers.Conv2D(config.width, 1, use_bias=False, name="narrow")(features[0])
    x = layers.BatchNormalization(momentum=0.9, name="narrow_bn")(x)
    if len(features) > 1:
        # The deep map says what a character is, the finer one in which line it stands.
        y = layers.Conv2D(config.width, 1, use_bias=False, name="finer")(features[1])
        y = layers.BatchNormalization(momentum=0.9, name="finer_bn")(y)
        coarse, fine = (
            [min(stride, most) for most in config.strides]
            for stride in (config.deepest, config.finest)
        )
        times = tuple(a // b for a, b in zip(coarse, fine, strict=True))
        x = layers.Add(name="join")([layers.UpSampling2D(times, name="up")(x), y])
        x = layers.ReLU(6.0, name="join_relu")(x)
        x = layers.SeparableConv2D(config.width, 3, padding="same", use_bias=False, name="mix")(x)
        x = layers.BatchNormalization(momentum=0.9, name="mix_bn")(x)
    x = layers.ReLU(6.0, name="narrow_relu")(x)
    x = Lines(config.lines, name="lines")(x)
    for number in range(config.gru_layers):
        x = layers.Dropout(config.dropout, name=f"drop{number}")(x)
        gru = layers.GRU(config.units, return_sequences=True, name=f"gru{number}")
        x = layers.Bidirectional(gru, name=f"both{number}")(x)
    x = layers.Dropout(config.dropout, name="drop")(x)
    return layers.Dense(len(config.alphabet) + 1, dtype="float32", name="classes")(x)


@keras.saving.register_keras_serializable(package="triptych")
class Lines(layers.Layer):
    """Maps [B, h, w, C] -> columns [B, lines * w, C], one line of text after the other.

    Every column of a line is a mean over the map's rows, weighted by a softmax of scores that come
    of the features and of the row's height in the picture. So a plate of one line is read across
    its whole height, one of two lines half by half, without a flag. At first the lines share the
    height evenly, from the top. A learned vector tells the lines apart.
    """

    def __init__(self, lines: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lines = lines

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Scores, of features and of the distance from each line's height; the lines' vectors."""
        channels = input_shape[-1]
        self.score = self.add_weight((channels, self.lines), "zeros", name="score")
        centres = [(line + 0.5) / self.lines for line in range(self.lines)]
        self.centre = self.add_weight(
            (self.lines,), keras.initializers.Constant(centres), name="centre"
        )
        sharp = keras.initializers.Constant(8.0)
        self.sharpness = self.add_weight((self.lines,), sharp, name="sharpness")
        self.vector = self.add_weight((self.lines, channels), "zeros", name="vector")

    def call(self, maps: Any) -> Any:
        """See the class."""
        height, width, channels = ops.shape(maps)[1], ops.shape(maps)[2], maps.shape[3]
        rows = (ops.cast(ops.arange(height), maps.dtype) + 0.5) / ops.cast(height, maps.dtype)
        far = ops.square(rows[:, None] - self.centre) * self.sharpness
        scores = ops.matmul(maps, self.score) - far[:, None, :]
        share = ops.softmax(scores, axis=1)
        read = ops.einsum("bhwl,bhwc->blwc", share, maps) + self.vector[:, None, :]
        return ops.reshape(read, (-1, self.lines * width, channels))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """[B, h, w, C] -> [B, lines * w, C]."""
        batch, _, width, channels = input_shape
        return (batch, None if width is None else self.lines * width, channels)

    def get_config(self) -> dict[str, Any]:
        """Keras's config."""
        return {**super().get_config(), "lines": self.lines}

"""The classifier: a backbone, and a batch-norm head with float32 logits."""

import keras
from keras import layers

from carclf.config import Config
from triptych import backbones, trainable
from triptych.stage import Part


def build(config: Config, classes: int, weights: str | None = None) -> keras.Model:
    """Images [B, H, W, 3] uint8 RGB, any H and W -> logits [B, classes] float32.

    Layers of the outer model: "image", the backbone (a model of its own), "head" (another).
    `weights` is what `triptych.backbones.create` takes.
    """
    backbone = backbones.create(config.backbone, weights=weights, drop_connect=config.drop_connect)
    features = keras.Input(backbone.output_shape[1:], name="features")
    x = layers.GlobalAveragePooling2D(name="pool")(features)
    # A head sees few steps, so its moving statistics follow ten times as fast as Keras's default.
    for i in range(config.head_depth):
        x = layers.Dense(config.head_width, use_bias=False, name=f"dense{i}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"dense{i}_bn")(x)
        x = layers.ReLU(name=f"dense{i}_relu")(x)
        x = layers.Dropout(config.dropout, name=f"dense{i}_drop")(x)
    if config.head_depth == 0:
        x = layers.BatchNormalization(momentum=0.9, name="pool_bn")(x)
        x = layers.Dropout(config.dropout, name="pool_drop")(x)
    # Softmax over half-precision logits loses small probabilities, so the last layer is float32.
    x = layers.Dense(classes, dtype="float32", name="logits")(x)
    head = keras.Model(features, x, name="head")
    image = keras.Input((None, None, 3), dtype="uint8", name="image")
    return keras.Model(image, head(backbone(image)), name="carclf")


def parts(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """(backbone, head) of a model that `build` made."""
    _, backbone, head = model.layers
    return backbone, head


def set_trainable(model: keras.Model, part: Part, freeze_bn: bool) -> None:
    """Make `part` of the model trainable, as `triptych.trainable` has it."""
    backbone, _ = parts(model)
    trainable.set_trainable(backbone, part, freeze_bn)


def layer_scales(model: keras.Model, decay: float) -> dict[str, float]:
    """Learning-rate factor by variable path: 1 in the head, `decay` to the power of depth below.

    The backbone is cut into 12 groups of equally many layers, the deepest next to the head
    (layer-wise decay, Clark et al. 2020).
    """
    backbone, _ = parts(model)
    groups = 12
    scales = {}
    for number, layer in enumerate(backbone.layers):
        below = groups - number * groups // len(backbone.layers)
        for variable in layer.trainable_variables:
            scales[variable.path] = decay**below
    return scales

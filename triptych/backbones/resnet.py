"""ResNet and ResNeXt exactly as torchvision has them, the stride in the 3x3 convolution.

Sources: He et al. 2015, https://arxiv.org/abs/1512.03385; Xie et al. 2016,
https://arxiv.org/abs/1611.05431. A layer is named by its path in torchvision's module, which is
the whole map of weight names.
"""

import keras
from keras import layers

from triptych.backbones.layers import GroupedConv2D, imagenet_scale
from triptych.backbones.norm import BatchNorm
from triptych.backbones.weights import load_hub

# blocks in each stage, bottleneck or not, groups, channels a group at 64 filters
_SPECS = {
    "resnet18": ((2, 2, 2, 2), False, 1, 64),
    "resnet34": ((3, 4, 6, 3), False, 1, 64),
    "resnet50": ((3, 4, 6, 3), True, 1, 64),
    "resnext50_32x4d": ((3, 4, 6, 3), True, 32, 4),
}


def build(
    name: str, input_shape: tuple[int | None, int | None, int] = (None, None, 3)
) -> keras.Model:
    """Pictures [B, H, W, 3] 0..255 -> [B, H/32, W/32, 512], or 2048 with bottlenecks."""
    counts, bottleneck, groups, base_width = _SPECS[name]
    image = keras.Input(input_shape, name="image")
    x = imagenet_scale(image)
    x = _conv_bn(x, 64, 7, "conv1", "bn1", stride=2, padding=3)
    x = layers.ReLU(name="relu")(x)
    # after a ReLU padding with zeros is padding with minus infinity
    x = layers.ZeroPadding2D(1, name="maxpool.pad")(x)
    x = layers.MaxPooling2D(3, 2, name="maxpool")(x)
    for stage, count in enumerate(counts):
        filters = 64 * 2**stage
        for index in range(count):
            stride = 2 if stage > 0 and index == 0 else 1
            prefix = f"layer{stage + 1}.{index}"
            if bottleneck:
                width = filters * base_width * groups // 64
                x = _bottleneck(x, filters, width, groups, stride, prefix)
            else:
                x = _basic(x, filters, stride, prefix)
    return keras.Model(image, x, name=name)


def load_imagenet(model: keras.Model) -> None:
    """Torchvision's first ImageNet weights. Raises OSError if the hub cannot be reached."""
    load_hub(model, f"timm/{model.name}.tv_in1k")


def _basic(x: keras.KerasTensor, filters: int, stride: int, prefix: str) -> keras.KerasTensor:
    shortcut = _shortcut(x, filters, stride, prefix)
    x = _conv_bn(x, filters, 3, f"{prefix}.conv1", f"{prefix}.bn1", stride=stride, padding=1)
    x = layers.ReLU(name=f"{prefix}.relu1")(x)
    x = _conv_bn(x, filters, 3, f"{prefix}.conv2", f"{prefix}.bn2", padding=1)
    x = layers.Add(name=f"{prefix}.add")([x, shortcut])
    return layers.ReLU(name=f"{prefix}.relu")(x)


def _bottleneck(
    x: keras.KerasTensor, filters: int, width: int, groups: int, stride: int, prefix: str
) -> keras.KerasTensor:
    shortcut = _shortcut(x, 4 * filters, stride, prefix)
    x = _conv_bn(x, width, 1, f"{prefix}.conv1", f"{prefix}.bn1")
    x = layers.ReLU(name=f"{prefix}.relu1")(x)
    x = _conv_bn(
        x, width, 3, f"{prefix}.conv2", f"{prefix}.bn2", stride=stride, padding=1, groups=groups
    )
    x = layers.ReLU(name=f"{prefix}.relu2")(x)
    x = _conv_bn(x, 4 * filters, 1, f"{prefix}.conv3", f"{prefix}.bn3")
    x = layers.Add(name=f"{prefix}.add")([x, shortcut])
    return layers.ReLU(name=f"{prefix}.relu")(x)


def _shortcut(x: keras.KerasTensor, filters: int, stride: int, prefix: str) -> keras.KerasTensor:
    if stride == 1 and x.shape[-1] == filters:
        return x
    return _conv_bn(
        x, filters, 1, f"{prefix}.downsample.0", f"{prefix}.downsample.1", stride=stride
    )


def _conv_bn(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    conv_name: str,
    bn_name: str,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
) -> keras.KerasTensor:
    if padding and stride > 1:
        # "same" would pad the right side only where torchvision pads both
        x = layers.ZeroPadding2D(padding, name=f"{conv_name}.pad")(x)
    conv = layers.Conv2D if groups == 1 else GroupedConv2D
    x = conv(
        filters,
        kernel,
        stride,
        "valid" if stride > 1 else "same",
        groups=groups,
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(2, "fan_out", "untruncated_normal"),
        name=conv_name,
    )(x)
    return BatchNorm(momentum=0.9, epsilon=1e-5, name=bn_name)(x)

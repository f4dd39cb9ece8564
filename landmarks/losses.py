"""Losses over points, as shares of the crop's side, and the error in original pixels.

Targets are float32 [B, N + 1, 2]: N points x, y as shares of the crop's side (0 and 1 are its
edges), and a last row with the length of that side in pixels of the original picture, twice, so
that an error can be told in those. Answers are [B, N, 2], or [B, N, 3] with the logarithm of a
spread (a share of the side too) as third number.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from landmarks.config import Loss

Function = Callable[[Any, Any], Any]
# Differences below are in hundredths of the side, where the published Wing width 10 of 256 px and
# curvature 2 (Feng et al. 2018) are about 4 and 0.8.
_WING_WIDTH, _WING_CURVE = 4.0, 0.8
_SMOOTH = 1.0


def loss(name: Loss) -> Function:
    """A loss [B] of (target, answer), the mean over a face's points; see the module for shapes."""
    return _LOSSES[name]


def _differences(target: Any, answer: Any) -> Any:
    """Hundredths of the side [B, N, 2] float32."""
    return 100.0 * (ops.cast(answer[..., :2], "float32") - target[:, :-1])


@keras.saving.register_keras_serializable(package="triptych")
def _mse(target: Any, answer: Any) -> Any:
    return ops.mean(ops.square(_differences(target, answer)), axis=(1, 2))


@keras.saving.register_keras_serializable(package="triptych")
def _l1(target: Any, answer: Any) -> Any:
    return ops.mean(ops.abs(_differences(target, answer)), axis=(1, 2))


@keras.saving.register_keras_serializable(package="triptych")
def _smooth_l1(target: Any, answer: Any) -> Any:
    size = ops.abs(_differences(target, answer))
    near = 0.5 * ops.square(size) / _SMOOTH
    return ops.mean(ops.where(size < _SMOOTH, near, size - 0.5 * _SMOOTH), axis=(1, 2))


@keras.saving.register_keras_serializable(package="triptych")
def _wing(target: Any, answer: Any) -> Any:
    """Wing loss (Feng et al. 2018): logarithmic near zero, linear beyond the width."""
    size = ops.abs(_differences(target, answer))
    near = _WING_WIDTH * ops.log1p(size / _WING_CURVE)
    step = _WING_WIDTH - _WING_WIDTH * ops.log1p(_WING_WIDTH / _WING_CURVE)
    return ops.mean(ops.where(size < _WING_WIDTH, near, size - step), axis=(1, 2))


@keras.saving.register_keras_serializable(package="triptych")
def _gaussian(target: Any, answer: Any) -> Any:
    """-log of an isotropic normal density a point, but for a constant; spread = sigma."""
    log_spread = ops.cast(answer[..., 2:], "float32")
    square = ops.square(_differences(target, answer) / 100.0) * ops.exp(-2.0 * log_spread)
    return ops.mean(0.5 * square + log_spread, axis=(1, 2))


@keras.saving.register_keras_serializable(package="triptych")
def _laplace(target: Any, answer: Any) -> Any:
    """-log of a Laplace density by coordinate, but for a constant; spread = its scale b."""
    log_spread = ops.cast(answer[..., 2:], "float32")
    size = ops.abs(_differences(target, answer) / 100.0) * ops.exp(-log_spread)
    return ops.mean(size + log_spread, axis=(1, 2))


_LOSSES: dict[str, Function] = {
    "mse": _mse,
    "l1": _l1,
    "smooth-l1": _smooth_l1,
    "wing": _wing,
    "gaussian": _gaussian,
    "laplace": _laplace,
}


@keras.saving.register_keras_serializable(package="triptych")
class PixelMSE(keras.metrics.MeanMetricWrapper):
    """The contest's mean squared error, over all coordinates, in pixels of the original picture."""

    def __init__(self, name: str = "mse", dtype: Any = None) -> None:
        super().__init__(pixel_mse, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """Keras's config without the function."""
        return {"name": self.name, "dtype": self.dtype}


def pixel_mse(target: Any, answer: Any) -> Any:
    """Squared error [B] in square pixels of the original picture, the mean over coordinates."""
    pixels = (ops.cast(answer[..., :2], "float32") - target[:, :-1]) * target[:, -1:]
    return ops.mean(ops.square(pixels), axis=(1, 2))

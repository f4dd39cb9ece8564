"""Arithmetic of boxes: float [..., 4] = x0, y0, x1, y1 in pixels of the canvas, continuous.

A box one pixel wide has x1 - x0 = 1, and a pixel's centre is at its number + 0.5. Padding is a box
of zeros. Everything is reckoned and returned in float32.
"""

import math
from typing import Any

from keras import ops

Weights = tuple[float, float, float, float]

MOST_GROWTH = math.log(1000 / 16)
"""The most that `decode` lets dw and dh be, as torchvision's BoxCoder: a box is at most 62.5 times
as wide or high as its anchor, so that a wild answer does not overflow."""
_LEAST_SIDE = 1e-3  # pixels, for logarithms and quotients


def areas(boxes: Any) -> Any:
    """Area [...] in square pixels of boxes [..., 4]: 0 where a side is not positive."""
    boxes = ops.cast(boxes, "float32")
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    return sides[..., 0] * sides[..., 1]


def iou(a: Any, b: Any) -> Any:
    """Intersection over union [..., N, M], 0..1, of boxes [..., N, 4] with boxes [..., M, 4].

    0 where either has no area; never NaN.
    """
    a, b = ops.cast(a, "float32"), ops.cast(b, "float32")
    one, other = a[..., :, None, :], b[..., None, :, :]
    # Axis by axis: a tensor [..., N, M, 2] would be slower and as large as two.
    width, height = (
        ops.maximum(
            ops.minimum(one[..., i + 2], other[..., i + 2])
            - ops.maximum(one[..., i], other[..., i]),
            0.0,
        )
        for i in (0, 1)
    )
    common = width * height
    union = areas(a)[..., :, None] + areas(b)[..., None, :] - common
    # Rounding may leave a union a little smaller than what is common.
    return ops.where(
        common > 0, common / ops.where(common > 0, ops.maximum(union, common), 1.0), 0.0
    )


def encode(boxes: Any, anchors: Any, weights: Weights = (1.0, 1.0, 1.0, 1.0)) -> Any:
    """What the model should answer at `anchors` to mean `boxes`: dx, dy, dw, dh, float [..., 4].

    The middle's way in sides of the anchor, and the logarithm of how much larger the sides are
    (Ren et al. 2015, "Faster R-CNN", equation 2), times `weights`, which bring them to a variance
    of about 1. Finite for padding, too: a side under 0.001 pixels counts as that long.

    Args:
        boxes: float [..., 4].
        anchors: float [..., 4], of the same shape or one that broadcasts.
        weights: of dx, dy, dw and dh, positive.
    """
    middles, sides = _middles_and_sides(boxes)
    origins, units = _middles_and_sides(anchors)
    sides, units = ops.maximum(sides, _LEAST_SIDE), ops.maximum(units, _LEAST_SIDE)
    ways = (middles - origins) / units
    growths = ops.log(sides / units)
    return ops.concatenate([ways, growths], axis=-1) * ops.convert_to_tensor(weights, "float32")


def decode(deltas: Any, anchors: Any, weights: Weights = (1.0, 1.0, 1.0, 1.0)) -> Any:
    """The boxes [..., 4] that answers [..., 4] at `anchors` mean: the inverse of `encode`.

    An anchor without area yields a box without. dw and dh are at most `MOST_GROWTH`. The boxes may
    reach out of the canvas: see `clip`.
    """
    deltas = ops.cast(deltas, "float32") / ops.convert_to_tensor(weights, "float32")
    origins, units = _middles_and_sides(anchors)
    middles = origins + deltas[..., :2] * units
    halves = 0.5 * units * ops.exp(ops.minimum(deltas[..., 2:], MOST_GROWTH))
    return ops.concatenate([middles - halves, middles + halves], axis=-1)


def clip(boxes: Any, height: Any, width: Any) -> Any:
    """Boxes [..., 4], cut off at the edges of a canvas of `height` x `width` pixels.

    One that is wholly outside is left without area. The sides are numbers or tensors of one.
    """
    edge = ops.stack([ops.cast(side, "float32") for side in (width, height, width, height)])
    return ops.minimum(ops.maximum(ops.cast(boxes, "float32"), 0.0), edge)


def _middles_and_sides(boxes: Any) -> tuple[Any, Any]:
    """Middles x, y and sides w, h of boxes: each float32 [..., 2]."""
    boxes = ops.cast(boxes, "float32")
    low, high = boxes[..., :2], boxes[..., 2:]
    return (low + high) / 2, high - low

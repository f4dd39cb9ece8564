"""The boxes that a region proposal network starts from."""

from collections.abc import Sequence
from typing import Any

from keras import ops


def anchors(
    height: Any,
    width: Any,
    strides: Sequence[int],
    scales: Sequence[float],
    ratios: Sequence[float],
) -> Any:
    """Boxes float32 [A, 4] about each cell of each map of a feature pyramid, in canvas pixels.

    Level by level as `strides` come, row by row, column by column, scale by scale, ratio by ratio:
    as the maps [h, w, scales * ratios] lie when each is made flat and they are joined. A map of
    stride s has ceil(height / s) rows and ceil(width / s) columns; the anchors of row r, column c
    have their middle at ((c + 0.5) s, (r + 0.5) s) and the areas (scale * s)^2 (Ren et al. 2015,
    "Faster R-CNN"; Lin et al. 2017, "Feature pyramid networks"). They may reach out of the canvas.

    Args:
        height: of the canvas, pixels; an int or, where the backend traces with sizes unknown, a
            tensor.
        width: as `height`.
        strides: of the levels, pixels of the canvas a cell, the finest first.
        scales: sides of the squares of the same areas, in strides.
        ratios: width / height.

    Raises:
        ValueError: no stride, scale or ratio, or one that is not positive.
    """
    for name, values in (("strides", strides), ("scales", scales), ("ratios", ratios)):
        if not values or min(values) <= 0:
            raise ValueError(f"`{name}` must be positive; received: {name}={values}")
    roots = [ratio**0.5 for ratio in ratios]
    shapes = [
        [side * scale / 2 for side in (-root, -1 / root, root, 1 / root)]
        for scale in scales
        for root in roots
    ]
    unit = ops.convert_to_tensor(shapes, "float32")
    levels = []
    for stride in strides:
        middles = _middles(height, width, stride)
        levels.append(ops.reshape(middles[:, None, :] + stride * unit, (-1, 4)))
    return ops.concatenate(levels, axis=0)


def _middles(height: Any, width: Any, stride: int) -> Any:
    """The middles of cells, row by row, as boxes without area: x, y, x, y, float32 [cells, 4]."""
    # -(-a // b) rounds up, also for tensors.
    ys, xs = (
        (ops.cast(ops.arange(-(-size // stride), dtype="int32"), "float32") + 0.5) * stride
        for size in (height, width)
    )
    y, x = (ops.reshape(grid, (-1,)) for grid in ops.meshgrid(ys, xs, indexing="ij"))
    return ops.stack([x, y, x, y], axis=-1)

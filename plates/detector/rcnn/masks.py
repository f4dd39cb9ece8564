"""The masks that the model should draw of plates."""

from typing import Any

from keras import ops

from plates.detector.rcnn import SIDE

_GROWN = 1.25


def grown(boxes: Any) -> Any:
    """Boxes [..., 4] a quarter wider and higher: what a mask is drawn of.

    The published model draws it of the box itself; there a box that is too narrow cuts the plate.
    """
    low, high = boxes[..., :2], boxes[..., 2:]
    middle, half = (low + high) / 2, (high - low) * (_GROWN / 2)
    return ops.concatenate([middle - half, middle + half], axis=-1)


def targets(boxes: Any, quads: Any) -> Any:
    """Share of each cell that a plate covers: float32 [..., SIDE, SIDE], 0..1.

    Of `boxes` [..., 4] and the plate's corners `quads` [..., 4, 2], convex and in reading order,
    in the same continuous coordinates. The share is taken from the distance of the cell's middle
    to the nearest side, so that an edge lies where the mask crosses 0.5. A box without area has
    an empty mask.
    """
    boxes, quads = ops.cast(boxes, "float32"), ops.cast(quads, "float32")
    low, size = boxes[..., None, :2], boxes[..., None, 2:] - boxes[..., None, :2]
    cells = (quads - low) / ops.maximum(size, 1e-6) * SIDE  # [..., 4, 2]
    onward = ops.roll(cells, -1, axis=-2) - cells
    along = onward / ops.maximum(ops.norm(onward, axis=-1, keepdims=True), 1e-6)
    middles = ops.arange(SIDE, dtype="float32") + 0.5
    # Distance of (x, y) from the line of a side, positive inside: [..., 4, SIDE, SIDE].
    across = middles - cells[..., 0:1]
    down = middles - cells[..., 1:2]
    distance = (
        along[..., 0:1, None] * down[..., :, None] - along[..., 1:2, None] * across[..., None, :]
    )
    share = ops.clip(0.5 + ops.min(distance, axis=-3), 0.0, 1.0)
    has_area = ops.all(size > 0, axis=-1)[..., None]
    return ops.where(has_area, share, 0.0)

"""What a feature pyramid says about boxes: RoIAlign, each box read from the level that suits it.

Cell (row r, column c) of the map with stride s is s x s pixels of the canvas, from x = c * s to
(c + 1) * s. A value holds at its cell's centre, x = (c + 0.5) * s, and between centres it runs
linearly; x is at x / s - 0.5 in a map whose cells are counted from 0. This is RoIAlign "aligned".
"""

from collections.abc import Sequence
from typing import Any

from keras import ops

CELLS = 14.0  # a box's least side on its level, in cells: 224 pixels at stride 16


def assign(boxes: Any, strides: Sequence[int], cells: float = CELLS) -> Any:
    """The level from which each box is read: int32 [B, R], an index into `strides`.

    It is the coarsest on which the box's side, sqrt(width * height), is `cells` or more, else the
    finest. With strides of powers of two this is k = floor(k0 + log2(sqrt(w h) / 224)), kept among
    the levels that there are (Lin et al. 2017, "Feature pyramid networks", equation 1).

    Args:
        boxes: [B, R, 4]: x0, y0, x1, y1, pixels of the canvas. One without area takes the finest.
        strides: pixels, the finest first.

    Raises:
        ValueError: `strides` do not rise from 1 or more, or `cells` is not positive.
    """
    if not strides or strides[0] < 1 or list(strides) != sorted(set(strides)):
        raise ValueError(f"`strides` must rise from 1 or more; received: strides={strides}")
    if cells <= 0:
        raise ValueError(f"`cells` must be positive; received: cells={cells}")
    boxes = ops.cast(boxes, "float32")
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    areas = sides[..., 0] * sides[..., 1]
    levels = ops.zeros_like(areas, dtype="int32")
    for stride in strides[1:]:
        levels += ops.cast(areas >= (cells * stride) ** 2, "int32")
    return levels


def roi_align(
    maps: Sequence[Any],
    boxes: Any,
    strides: Sequence[int],
    size: tuple[int, int],
    samples: int = 2,
    cells: float = CELLS,
) -> Any:
    """The features of each box on a grid of bins: float32 [B, R, *size, C].

    A bin is the mean of `samples` x `samples` points, spread evenly over it, of the map that
    `assign` chooses; each point is read between the four cells around it (He et al. 2017, "Mask
    R-CNN"; the numbers of ONNX's RoiAlign, half_pixel). A point past the centre
    of the map's outermost cells has their value for one cell more, and is 0 beyond. The gradient
    goes to the maps, none to the boxes. A box without area, so also padding, is the point it is at.

    Args:
        maps: of each level [B, h, w, C]; C must be known beforehand.
        boxes: [B, R, 4]: x0, y0, x1, y1, pixels of the canvas; R must be known beforehand.
        strides: of the maps, pixels, the finest first.
        size: bins down and across a box.
        samples: points down, and across, a bin.
        cells: see `assign`.

    Raises:
        ValueError: other shapes, not a stride a map, `size` or `samples` is not positive, and what
            `assign` raises.
    """
    _check(maps, tuple(boxes.shape), strides, (*size, samples))
    boxes = ops.stop_gradient(ops.cast(boxes, "float32"))
    levels = assign(boxes, strides, cells)
    # Numbers where they are known, else tensors.
    sides = [ops.shape(level)[1:3] for level in maps]
    counts = [height * width for height, width in sides]

    def of_level(values: Sequence[Any]) -> Any:
        each = ops.stack([ops.cast(value, "int32") for value in values])
        return ops.take(each, levels, axis=0)

    heights, widths = (of_level([side[axis] for side in sides]) for axis in range(2))
    scaled = boxes / ops.cast(of_level(strides), "float32")[..., None] - 0.5
    rows, row_weights = _taps(scaled[..., 1], scaled[..., 3], heights, size[0], samples)
    columns, column_weights = _taps(scaled[..., 0], scaled[..., 2], widths, size[1], samples)

    # Which picture each row is of; counted so, since the batch may be unknown.
    pictures = ops.cumsum(ops.ones_like(levels[:, :1]), axis=0) - 1
    starts = of_level([sum(counts[:number]) for number in range(len(counts))])
    firsts = starts + pictures * sum(counts)
    rows = ops.reshape(firsts, (-1, 1, 1)) + rows * ops.reshape(widths, (-1, 1, 1))
    # Down and across are apart until here: [B * R, down, across, taps across].
    table, bins = _table(maps), 0.0
    for tap in range(2 * samples):
        # One row of taps after the other: all at once would need their memory together.
        wanted = rows[:, :, None, tap, None] + columns[:, None, :, :]
        weights = row_weights[:, :, None, tap, None] * column_weights[:, None, :, :]
        read = ops.take(table, ops.reshape(wanted, (-1, 2 * samples)), axis=0)
        # A product of matrices: to multiply and then add up would need the memory of `read` twice.
        bins += ops.matmul(ops.reshape(weights, (-1, 1, 2 * samples)), read)
    return ops.reshape(bins, (-1, boxes.shape[1], *size, maps[0].shape[-1]))


def _check(
    maps: Sequence[Any],
    boxes: tuple[int, ...],
    strides: Sequence[int],
    counts: tuple[int, ...],
) -> None:
    if len(maps) != len(strides):
        raise ValueError(
            f"`strides` must be one a map; received: strides={strides}, maps={len(maps)}"
        )
    shapes = [tuple(level.shape[1:]) for level in maps]
    alike = all(len(shape) == 3 and shape[-1] == shapes[0][-1] for shape in shapes)
    if not alike or shapes[0][-1] is None:
        raise ValueError(f"`maps` must be [B, h, w, C]; received: shapes [B, ...]={shapes}")
    if len(boxes) != 3 or boxes[1] is None or boxes[2] != 4:
        raise ValueError(f"`boxes` must be [B, R, 4]; received: shape={boxes}")
    if min(counts) < 1:
        raise ValueError(
            f"`size` and `samples` must be positive; received: size={counts[:2]}, "
            f"samples={counts[2]}"
        )


def _table(maps: Sequence[Any]) -> Any:
    """All cells of all pictures, float32 [B * cells, C], level by level in each picture.

    So one look-up reads every box from its own level, and no level is read for nothing.
    """
    channels = maps[0].shape[-1]
    flat = [
        ops.reshape(ops.cast(level, "float32"), (ops.shape(level)[0], -1, channels))
        for level in maps
    ]
    return ops.reshape(ops.concatenate(flat, axis=1), (-1, channels))


def _taps(first: Any, last: Any, extents: Any, count: int, samples: int) -> tuple[Any, Any]:
    """The cells that the bins read along one axis, int32 [B * R, count, 2 * samples], and weights.

    Args:
        first, last: [B, R], where boxes begin and end, in cells, a whole number being a centre.
        extents: int [B, R], the cells of the box's map.
        count: of bins.
        samples: points in a bin, each read from two cells.
    """
    points = count * samples
    shares = (ops.arange(points, dtype="float32") + 0.5) / float(points)
    ends = ops.cast(extents, "float32")[..., None]
    at = first[..., None] + shares * (last - first)[..., None]
    inside = ops.logical_and(at >= -1.0, at <= ends)
    # `where` first: a box that is not finite must not lead out of the table.
    at = ops.minimum(ops.maximum(ops.where(inside, at, 0.0), 0.0), ends - 1.0)
    low = ops.floor(at)
    cells = ops.stack([low, ops.minimum(low + 1.0, ends - 1.0)], axis=-1)
    weights = ops.stack([1.0 - (at - low), at - low], axis=-1)
    weights *= ops.cast(inside, "float32")[..., None] / float(samples)
    shape = (-1, count, 2 * samples)
    return ops.reshape(ops.cast(cells, "int32"), shape), ops.reshape(weights, shape)

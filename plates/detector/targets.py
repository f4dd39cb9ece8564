"""What the maps of the model should be, from the corners of the plates in a canvas.

Cell (row r, column c) of a map is `stride` x `stride` pixels of the canvas, with its centre at
((c + 0.5) * stride - 0.5, (r + 0.5) * stride - 0.5), since a whole number is a pixel's centre.
"""

import numpy as np

from plates import geometry

MOST = 16
"""Plates of a canvas that Mask R-CNN is told of."""
INSET = 0.25  # the core's distance from the edge, in shortest sides of the plate
_STRIPS = 8  # in which a cell's covered area is summed
_SPREAD = 0.1  # of a centre's Gaussian, in sides of the plate
_LEAST_SPREAD = 0.5  # cells
_NEAR = 0.5  # the least heat where corners are learned


def masks(quads: np.ndarray, size: tuple[int, int], stride: int) -> np.ndarray:
    """Share of each cell that plates cover, and that their cores cover: float32 [h, w, 2], 0..1.

    The core is the plate with a rim of a quarter of its shortest side taken away, so that the cores
    of plates that touch lie apart (Liao et al. 2020, "Real-time scene text detection with
    differentiable binarization"; Wang et al. 2019, "Shape robust text detection with progressive
    scale expansion network"). Since shares are areas, an edge lies where the map crosses 0.5.

    Args:
        quads: float [N, 4, 2], pixels of the canvas, reading order, convex; they may reach out.
        size: height and width of the canvas, pixels.
        stride: a cell's side, pixels.

    Raises:
        ValueError: no quads [N, 4, 2], or `size` is no multiple of `stride`.
    """
    target = np.zeros((*_shape(size, stride), 2), np.float32)
    for corners in _in_cells(quads, stride):
        _cover(target[..., 0], corners)
        _cover(target[..., 1], core(corners))
    return np.minimum(target, 1, out=target)


def core(corners: np.ndarray) -> np.ndarray:
    """The quad [4, 2] with its sides moved inward by a quarter of the shortest one."""
    onward = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(*onward.T)[:, None]
    along = onward / np.maximum(lengths, 1e-9)
    return corners + INSET * lengths.min() * (along - np.roll(along, 1, axis=0))


def corners(quads: np.ndarray, size: tuple[int, int], stride: int) -> np.ndarray:
    """Heat of the centres, offsets of the corners and their weight: float32 [h, w, 10].

    0: heat, 0..1: 1 in the cell that holds a plate's middle (the mean of its corners), falling as a
    Gaussian of the plate's width and height (Zhou et al. 2019, "Objects as points"; by side as in
    Liu et al. 2020, "Training-time-friendly network"); of two plates the larger value.
    1..8: the corners' dx, dy from the cell's centre, in cells, of the plate whose heat it is.
    9: how much these offsets count: the heat where that is over 0.5, scaled to a sum of 1 a plate.
    A plate whose middle is outside the canvas is left out.

    Args and errors as `masks`.
    """
    height, width = _shape(size, stride)
    target = np.zeros((height, width, 10), np.float32)
    cells = _in_cells(quads, stride)
    middles = np.floor(cells.mean(axis=1))
    kept = ((middles >= 0) & (middles < (width, height))).all(axis=1)
    if not kept.any():
        return target
    cells, middles = cells[kept], middles[kept]
    sides = np.array([geometry.sides(quad) for quad in cells])
    spreads = np.maximum(_SPREAD * sides, _LEAST_SPREAD)
    across = (np.arange(width) - middles[:, :1]) / spreads[:, :1]
    down = (np.arange(height) - middles[:, 1:]) / spreads[:, 1:]
    heats = np.exp(-0.5 * (across[:, None, :] ** 2 + down[:, :, None] ** 2))
    owners = heats.argmax(axis=0)
    centres = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1) + 0.5
    target[..., 0] = heats.max(axis=0)
    target[..., 1:9] = (cells[owners] - centres[:, :, None, :]).reshape(height, width, 8)
    for number, heat in enumerate(heats):
        near = heat * ((heat > _NEAR) & (owners == number))
        # Nothing is left to a plate whose middle is in the cell of another's.
        target[..., 9] += near / max(near.sum(), 1)
    return target


def truth(quads: np.ndarray) -> np.ndarray:
    """The plates themselves, float32 [MOST, 9], for Mask R-CNN: 8 coordinates and 1, or zeros.

    Corners in reading order in pixels of the canvas. Of more than `MOST` the largest.

    Raises:
        ValueError: no quads [N, 4, 2].
    """
    corners = _in_cells(quads, 1) - 0.5
    largest = np.argsort([-geometry.area(quad) for quad in corners], kind="stable")[:MOST]
    corners = corners[largest]
    found = np.zeros((MOST, 9), np.float32)
    found[: len(corners), :8] = corners.reshape(-1, 8)
    found[: len(corners), 8] = 1
    return found


def _shape(size: tuple[int, int], stride: int) -> tuple[int, int]:
    if stride < 1 or min(size) < 1 or size[0] % stride or size[1] % stride:
        raise ValueError(
            f"`size` must be multiples of `stride`; received: size={size}, stride={stride}"
        )
    return size[0] // stride, size[1] // stride


def _in_cells(quads: np.ndarray, stride: int) -> np.ndarray:
    """Quads float64 [N, 4, 2] in cells, of which cell c reaches from c to c + 1."""
    array = np.asarray(quads, np.float64)
    if array.ndim != 3 or array.shape[1:] != (4, 2):
        raise ValueError(f"`quads` must be [N, 4, 2]; received: shape={list(array.shape)}")
    return (array + 0.5) / stride


def _cover(share: np.ndarray, corners: np.ndarray) -> None:
    """Adds to the map `share` [h, w] the area of a convex quad in each cell.

    Each row of cells is cut into thin strips, and the quad's part of one is taken for a rectangle
    as wide as the quad is halfway down: exact where the sides are upright.
    """
    height, width = share.shape
    left, low, right, high = geometry.bounds(corners)
    first, last = max(int(np.floor(low)), 0), min(int(np.ceil(high)), height)
    start, end = max(int(np.floor(left)), 0), min(int(np.ceil(right)), width)
    if first >= last or start >= end:
        return
    borders = np.linspace(first, last, (last - first) * _STRIPS + 1).clip(low, high)
    heights, middles = np.diff(borders)[:, None], (borders[1:] + borders[:-1])[:, None] / 2
    (x0, y0), (x1, y1) = corners.T, np.roll(corners, -1, axis=0).T
    # A level side crosses no strip's middle, except one without height.
    with np.errstate(divide="ignore", invalid="ignore"):
        along = (middles - y0) / (y1 - y0)
        crossings = x0 + along * (x1 - x0)
    outside = ~((along >= 0) & (along <= 1))
    lefts = np.where(outside, np.inf, crossings).min(axis=1, keepdims=True)
    rights = np.where(outside, -np.inf, crossings).max(axis=1, keepdims=True)
    columns = np.arange(start, end)
    widths = np.minimum(rights, columns + 1) - np.maximum(lefts, columns)
    areas = widths.clip(0, 1) * heights
    share[first:last, start:end] += areas.reshape(last - first, _STRIPS, -1).sum(axis=1)

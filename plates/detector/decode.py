"""From the maps of the model to plates: outlines of masks, or centres with their corners.

Everything here is counted in cells, a whole number being a cell's centre, until the corners leave
as pixels of the canvas: x = (column + 0.5) * stride - 0.5.
"""

import cv2
import numpy as np

from plates import geometry
from plates.detector import fitting
from plates.detector.plate import Plate

_MOST = 100  # plates in a picture
_CORE = 0.4  # over which a core holds together
# Over which that counts which no core that is surer tells of, the surer first: what two plates hang
# together by is weaker than they are.
_WEAKER = (0.3, 0.15, 0.05)
_EDGE = 0.5  # where the edge of a plate lies: half of the cell is covered
_DOUBTED_EDGE = 0.6  # that of a plate which the model doubts, in peaks of its mask
_LEAST_CELLS = 3  # of a plate
SAME = 0.3
"""IoU over which two plates are one."""


def from_masks(probabilities: np.ndarray, stride: int, least: float) -> list[Plate]:
    """Plates in canvas pixels, best score first, from probabilities [h, w, 2] of plate and core.

    Each core is a plate (see `targets.masks`), and so is a mask without a core: plates may be too
    small for one. Where masks touch, the border is half-way between the cores. The edge is where
    the mask crosses 0.5, and four lines are fitted to it. The score is the mean of the mask over
    the core. Plates under `least` (0..1) are left out, and it changes nothing else: where neither
    mask nor core is over 0.05 there is no plate.

    Raises:
        ValueError: another shape, `stride` is not positive, or `least` not in 0..1.
    """
    _check(probabilities, 2, stride, least)
    # A border of nothing, so that a plate which the canvas cuts off has an edge there.
    padded = np.pad(np.asarray(probabilities, np.float32), ((1, 1), (1, 1), (0, 0)))
    mask, cores = padded[..., 0].copy(), padded[..., 1]
    seeds = _seeds(mask, cores)
    scores = np.bincount(seeds.ravel(), mask.ravel()) / np.bincount(seeds.ravel())
    plates = []
    for seed in (1 + np.argsort(-scores[1:], kind="stable"))[:_MOST].tolist():
        if scores[seed] >= least:
            quad = outlined(mask, seeds, seed)
            plates.append(Plate(_in_pixels(quad - 1, stride), float(scores[seed])))
    return [plate for plate in plates if not geometry.defect(plate.corners)]


def from_corners(maps: np.ndarray, stride: int, least: float) -> list[Plate]:
    """Plates in canvas pixels, best score first, from maps [h, w, 9] (see `targets.corners`).

    Channel 0 is the probability of a centre, 1..8 are the corners' offsets in cells. A cell that
    is the largest of its 3 x 3 neighbours and not under `least` (0..1) is a plate, unless it
    covers a better one with an IoU over 0.3.

    Raises:
        ValueError: another shape, `stride` is not positive, or `least` not in 0..1.
    """
    _check(maps, 9, stride, least)
    heat = np.ascontiguousarray(maps[..., 0], np.float32)
    # A border of nothing is no rival.
    rivals = cv2.dilate(heat, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero((heat == rivals) & (heat >= least))
    best = np.argsort(-heat[rows, columns], kind="stable")[:_MOST]
    plates: list[Plate] = []
    for row, column in zip(rows[best].tolist(), columns[best].tolist(), strict=True):
        offsets = np.asarray(maps[row, column, 1:], np.float64).reshape(4, 2)
        if not np.isfinite(offsets).all():
            continue
        quad = geometry.reading_order(_in_pixels(offsets + np.array([column, row]), stride))
        if geometry.defect(quad):
            continue
        if is_new(quad, plates):
            plates.append(Plate(quad, float(heat[row, column])))
    return plates


def is_new(quad: np.ndarray, plates: list[Plate]) -> bool:
    """Whether a quad [4, 2] covers none of the plates with an IoU over `SAME`."""
    return all(geometry.polygon_iou(quad, other.corners) <= SAME for other in plates)


def _check(maps: np.ndarray, channels: int, stride: int, least: float) -> None:
    if maps.ndim != 3 or maps.shape[-1] != channels or 0 in maps.shape:
        raise ValueError(f"maps must be [h, w, {channels}]; received: shape={list(maps.shape)}")
    if stride < 1:
        raise ValueError(f"`stride` must be positive; received: stride={stride}")
    if not 0 <= least <= 1:
        raise ValueError(f"`least` must be in 0..1; received: least={least}")


def _in_pixels(cells: np.ndarray, stride: int) -> np.ndarray:
    return (cells + 0.5) * stride - 0.5


def _seeds(mask: np.ndarray, cores: np.ndarray) -> np.ndarray:
    """Where a plate may be: int [h, w], 0 nowhere, else 1.. the number of the plate.

    Cores first; what is weaker, or too small for a core, counts where no plate is yet.
    """
    _, seeds = _parts(cores > _CORE)
    surer = _EDGE
    for level in _WEAKER:
        # A weak spot in a plate that is told of already is no second plate.
        taken = (mask > surer) & ~_free(mask > surer, seeds > 0)
        for shown in (cores > level, mask > level):
            free = _free(shown, taken | (seeds > 0))
            seeds += np.where(free, _parts(free)[1] + seeds.max(), 0)
        surer = level
    return seeds


def _free(shown: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Bool [h, w]: the parts of what is shown in which no cell is taken."""
    count, parts = _parts(shown)
    free = np.ones(count, bool)
    free[0] = False
    free[parts[taken]] = False
    return free[parts]


def _parts(shown: np.ndarray) -> tuple[int, np.ndarray]:
    """How many parts hang together, what is not shown being part 0, and int [h, w], which."""
    count, parts = cv2.connectedComponents(shown.astype(np.uint8), connectivity=8)
    return count, parts


def outlined(mask: np.ndarray, seeds: np.ndarray, seed: int) -> np.ndarray:
    """The quad [4, 2], in cells, of the part of a mask [h, w] that holds most of a seed.

    `mask` float32, probabilities, has a border of 0; `seeds` int [h, w] are 0 or numbers of plates,
    of which `seed` is one. It is all 0 where there is no such part, or one too small to be a plate.
    """
    own = seeds == seed
    level = min(_EDGE, _DOUBTED_EDGE * float(mask[own].max()))
    part = _part(mask > level, own)
    others = (seeds > 0) & ~own
    if others[part].any():
        mask = _half(mask, own, others)
        part = _part(mask > level, own)
    if part.sum() < _LEAST_CELLS:
        return np.zeros((4, 2))
    left, top, width, height = cv2.boundingRect(part.astype(np.uint8))
    window = slice(top - 1, top + height + 1), slice(left - 1, left + width + 1)
    points = fitting.outline(np.where(part | (mask <= level), mask, 0)[window], level)
    return fitting.quad(points + np.array([left - 1, top - 1]))


def _part(shown: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Bool [h, w]: the part of what is shown that holds most of a seed."""
    _, parts = _parts(shown)
    return parts == 1 + np.bincount(parts[seed], minlength=2)[1:].argmax()


def _half(mask: np.ndarray, own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The mask nearer to one's own seed than to others; at the border it falls within a cell."""
    here, there = (
        cv2.distanceTransform((~cells).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for cells in (own, others)
    )
    return np.minimum(mask, (0.5 + (there - here) / 2).clip(0, 1))

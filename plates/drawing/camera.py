"""A plate as a detector cuts it out of a photograph: turned, framed, blurred, small, noisy."""

from dataclasses import dataclass

import cv2
import numpy as np

from plates.drawing.develop import develop, legible
from plates.drawing.plate import FlatPlate
from plates.drawing.surroundings import Board, background, board
from plates.drawing.texture import Size
from plates.drawing.wear import wear

Quad = np.ndarray
"""Corners, float64 [4, 2]: x, y in pixels; top left, top right, bottom right, bottom left."""

_FINE = 1.2  # a plate is drawn and worn at so many times the size it is seen at
_LEAST = 5.0  # pixels a character is wide at least, all but the narrow ones


@dataclass(frozen=True)
class Pose:
    """How a plate stands to the camera: angles in radians, distance in plate widths."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    distance: float = 8.0

    def __call__(self, aspect: float) -> Quad:
        """Corners of a plate of unit width and height 1 / aspect, y down, about the origin."""
        half = np.array((0.5, 0.5 / aspect))
        flat = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
        (cy, cp, cr), (sy, sp, sr) = (
            f((self.yaw, self.pitch, self.roll)) for f in (np.cos, np.sin)
        )
        turn_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        turn_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        turn_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        space = np.column_stack([flat, np.zeros(4)]) @ (turn_z @ turn_x @ turn_y).T
        return np.asarray(space[:, :2] * self.distance / (self.distance + space[:, 2:]))


def pose(rng: np.random.Generator) -> Pose:
    """Mostly near the front; yaw within 25 (seldom 40), pitch 15, roll 10 degrees."""
    wide = 2.0 if rng.random() < 0.1 else 1.0
    angles = np.radians(rng.normal(0, (9, 5, 3)) * wide)
    most = np.radians((25 if wide == 1 else 40, 15, 10))
    yaw, pitch, roll = (float(v) for v in np.clip(angles, -most, most))
    return Pose(yaw, pitch, roll, float(rng.uniform(3, 15)))


def homography(source: Size, quad: Quad) -> np.ndarray:
    """The map [3, 3] of the pixels of a plate of size (height, width) to where `quad` has them.

    Corners are outer ones: (-0.5, -0.5) of the source goes to the quad's first.
    """
    height, width = source
    flat = np.array([(0, 0), (width, 0), (width, height), (0, height)]) - 0.5
    return cv2.getPerspectiveTransform(flat.astype(np.float32), quad.astype(np.float32))


def project(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """`points` [..., 2] through a homography [3, 3]."""
    ones = np.ones((*points.shape[:-1], 1))
    mapped = np.concatenate([points, ones], axis=-1) @ matrix.T
    return np.asarray(mapped[..., :2] / mapped[..., 2:])


def upright(matrix: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The upright boxes [N, 4] around `boxes` [N, 4] (x0, y0, x1, y1) seen through `matrix`."""
    corners = project(matrix, boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]])
    return np.concatenate([corners.min(1), corners.max(1)], axis=1)


def stand(image: np.ndarray, held: Board, matrix: np.ndarray) -> None:
    """Draws `held` into `image` uint8 [H, W, 3] in place; `matrix` maps the PLATE's pixels."""
    shift = np.array([[1.0, 0, -held.left], [0, 1, -held.top], [0, 0, 1]])
    size = image.shape[1], image.shape[0]
    cv2.warpPerspective(
        held.image, matrix @ shift, size, image, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT
    )


def shrunk(flat: FlatPlate, width: float) -> tuple[np.ndarray, np.ndarray]:
    """The plate about `width` pixels wide, if it is wider, and its characters' boxes [N, 4]."""
    boxes = np.array(flat.characters, float).reshape(-1, 4)
    height, full = flat.image.shape[:2]
    factor = min(1.0, width / full)
    if factor > 0.9:
        return flat.image, boxes
    size = max(8, round(factor * full)), max(8, round(factor * height))
    small = cv2.resize(flat.image, size, interpolation=cv2.INTER_AREA)
    return small, (boxes + 0.5) * np.tile(np.array(size) / (full, height), 2) - 0.5


def width_seen(rng: np.random.Generator, flat: FlatPlate) -> float:
    """How many pixels wide a plate is seen: 60 to 320, never so few that it cannot be read."""
    boxes = np.array(flat.characters, float).reshape(-1, 4)
    usual = float(np.median(boxes[:, 2] - boxes[:, 0])) / flat.image.shape[1]
    drawn = np.exp(rng.normal(np.log(150), 0.45))
    return float(min(max(drawn, 60, _LEAST / usual), 320))


def crop(rng: np.random.Generator, flat: FlatPlate) -> np.ndarray:
    """The plate in its surroundings, uint8 [H, W, 3] RGB, about 60 to 480 pixels wide.

    An upright box around the tilted plate, with a margin of -3 % to 15 % (seldom 35 %) a side;
    no character is cut.
    """
    seen = width_seen(rng, flat)
    small, boxes = shrunk(flat, _FINE * seen)
    plate = _bent(rng, legible(small, wear(rng, small, boxes), boxes))
    corners = pose(rng)(flat.image.shape[1] / flat.image.shape[0])
    corners *= seen / np.ptp(corners[:, 0])
    corners += rng.normal(0, 0.012 * np.ptp(corners[:, 1]), (4, 2))
    matrix = homography((plate.shape[0], plate.shape[1]), corners)
    marks = upright(matrix, boxes)
    low, high = _window(rng, corners, marks)
    size = tuple(int(v) for v in np.ceil(high - low)[::-1])
    matrix = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]]) @ matrix
    image = background(rng, (size[0], size[1]))
    if rng.random() < 0.5:
        _recess(rng, image, corners - low)
    stand(image, board(rng, plate, boxes), matrix)
    wide, high = np.median(boxes[:, 2:] - boxes[:, :2], axis=0)
    tall = float(min(high, 1.9 * wide)) * seen / plate.shape[1]
    return _resampled(rng, develop(rng, image, tall, boxes=marks - np.tile(low, 2)))


def _window(
    rng: np.random.Generator, corners: Quad, marks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Upper left and lower right corner of what is cut out."""
    low, high = corners.min(0), corners.max(0)
    spans = (high - low)[[0, 1, 0, 1]]
    kind = rng.random()
    if kind < 0.5:
        margin = rng.normal(0.02, 0.02, 4)
    elif kind < 0.92:
        margin = rng.uniform(-0.03, 0.15, 4)
    else:
        margin = rng.uniform(0, 0.35, 4)
    beyond = np.maximum(margin, -0.03) * spans
    spare = 0.02 * spans[1]
    low, high = low - beyond[:2], high + beyond[2:]
    return np.minimum(low, marks[:, :2].min(0) - spare), np.maximum(
        high, marks[:, 2:].max(0) + spare
    )


def _bent(rng: np.random.Generator, plate: np.ndarray) -> np.ndarray:
    """One plate in seven is dented: rows move up and down along it by up to 3 % of its height."""
    if rng.random() > 0.15:
        return plate
    height, width = plate.shape[:2]
    x = np.linspace(0, 1, width, dtype=np.float32)
    wave = np.sin(2 * np.pi * (rng.uniform(0.3, 1.5) * x + rng.random()))
    down = np.float32(height * rng.uniform(0.005, 0.03)) * wave.astype(np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None] + down
    columns = np.broadcast_to(np.arange(width, dtype=np.float32), (height, width))
    return cv2.remap(plate, np.array(columns), rows, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)


def _recess(rng: np.random.Generator, image: np.ndarray, corners: Quad) -> None:
    """The plate's own shadow, or the darker hollow it stands in, in place."""
    high = np.ptp(corners[:, 1])
    grown = corners.mean(0) + (corners - corners.mean(0)) * rng.uniform(1, 1.12)
    moved = grown + rng.normal(0, 0.04, 2) * high
    dark = [float(rng.uniform(0, 60))] * 3
    cv2.fillPoly(image, [np.rint(moved).astype(np.int32)], dark, cv2.LINE_AA)


def _resampled(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """As programs store crops: as they are, enlarged, or pressed into another shape."""
    if rng.random() < 0.4:
        return image
    height, width = image.shape[:2]
    factor = rng.uniform(0.85, 2.0)
    squeeze = np.exp(rng.normal(0, 0.2)) if rng.random() < 0.4 else 1.0
    wide = int(np.clip(round(width * factor), 60, 480))
    high = max(24, round(height * wide / width * squeeze))
    way = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA, cv2.INTER_NEAREST],
                         p=[0.45, 0.3, 0.2, 0.05]))  # fmt: skip
    return cv2.resize(image, (wide, high), interpolation=way)

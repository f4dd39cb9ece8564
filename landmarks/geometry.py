"""Where a point goes: affine maps between the original picture, the crop and the model.

Points are (x, y) in pixels and a whole number is a pixel's centre (as in cv2): a picture of width
W spans -0.5 .. W - 0.5, and its mirror image has W - 1 - x where the picture has x.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True, eq=False)
class Affine:
    """x' = A x + b, kept as float64 [2, 3] = [A | b] as cv2 has it.

    Raises:
        ValueError: the matrix has another shape, or numbers that are not finite.
    """

    matrix: np.ndarray

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, np.float64)
        if matrix.shape != (2, 3) or not np.isfinite(matrix).all():
            raise ValueError(f"`matrix` must be [2, 3] and finite; received: {self.matrix!r}")
        matrix.flags.writeable = False
        object.__setattr__(self, "matrix", matrix)

    def __call__(self, points: ArrayLike) -> np.ndarray:
        """Points [..., 2] -> points [..., 2], float64.

        Raises:
            ValueError: the last axis is not 2.
        """
        array = np.asarray(points, np.float64)
        if array.shape[-1:] != (2,):
            raise ValueError(f"`points` must be [..., 2]; received: shape={array.shape}")
        return array @ self.matrix[:, :2].T + self.matrix[:, 2]

    def inverse(self) -> "Affine":
        """The way back.

        Raises:
            ValueError: the map presses the plane into a line or a point.
        """
        (a, b), (c, d) = self.matrix[:, :2]
        if not abs(self._det) > 1e-12 * (abs(a * d) + abs(b * c)):
            raise ValueError(f"there is no way back from {self.matrix.tolist()}")
        back = np.array([[d, -b], [-c, a]]) / self._det
        return Affine(np.column_stack([back, -back @ self.matrix[:, 2]]))

    def then(self, other: "Affine") -> "Affine":
        """First this map, then `other`."""
        linear = other.matrix[:, :2] @ self.matrix
        linear[:, 2] += other.matrix[:, 2]
        return Affine(linear)

    @property
    def scale(self) -> float:
        """Length of a pixel's side after the map, sqrt(|det A|)."""
        return abs(self._det) ** 0.5

    @cached_property
    def _det(self) -> float:
        (a, b, _), (c, d, _) = self.matrix.tolist()
        return a * d - b * c


def identity() -> Affine:
    """Every point stays."""
    return Affine(np.eye(2, 3))


def shift(dx: float, dy: float) -> Affine:
    """`dx` pixels to the right and `dy` down."""
    return Affine(np.array([[1, 0, dx], [0, 1, dy]]))


def resized(old_hw: tuple[int, int], new_hw: tuple[int, int]) -> Affine:
    """Pixels of a picture (height, width) -> those of the same picture resized.

    Raises:
        ValueError: a side is not positive.
    """
    if min(*old_hw, *new_hw) <= 0:
        raise ValueError(f"sides must be positive; received: {old_hw} -> {new_hw}")
    sy, sx = new_hw[0] / old_hw[0], new_hw[1] / old_hw[1]
    return Affine(np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2]]))


def mirror(width: int) -> Affine:
    """Left-right mirror image of a picture `width` pixels wide.

    Raises:
        ValueError: `width` is not positive.
    """
    if width <= 0:
        raise ValueError(f"`width` must be positive; received: width={width}")
    return Affine(np.array([[-1, 0, width - 1], [0, 1, 0]]))


def turn(degrees: float, scale: float, about: tuple[float, float]) -> Affine:
    """Turn counter-clockwise, as seen, and scale; the point `about` = (x, y) stays.

    The same as `cv2.getRotationMatrix2D`.

    Raises:
        ValueError: `scale` is not positive.
    """
    if not scale > 0:
        raise ValueError(f"`scale` must be positive; received: scale={scale}")
    angle = np.deg2rad(degrees)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[cos, sin], [-sin, cos]])
    centre = np.array(about, np.float64)
    return Affine(np.column_stack([linear, centre - linear @ centre]))


def crop_box(height: int, width: int) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of the centred square of the shortest side.

    In pixel corners, as PIL has it: the whole picture is (0, 0, width, height). Halves come where
    the margin is odd.

    Raises:
        ValueError: a side is not positive.
    """
    if min(height, width) <= 0:
        raise ValueError(f"sides must be positive; received: height={height}, width={width}")
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def centre_crop(height: int, width: int, side: int) -> Affine:
    """Pixels of the original -> pixels of the [side, side] crop.

    The shortest side is scaled to `side`, and the middle of the longer one kept.

    Raises:
        ValueError: a side is not positive.
    """
    if side <= 0:
        raise ValueError(f"`side` must be positive; received: side={side}")
    left, top, right, _ = crop_box(height, width)
    square = round(right - left)
    return shift(-left, -top).then(resized((square, square), (side, side)))

"""A photograph of any size laid into the canvas that the detector sees, and the exact way back.

Points are x, y in pixels and a whole number is a pixel's centre, so that the first pixel reaches
from -0.5 to 0.5 and a point moves by x_canvas = (x + 0.5) * scale - 0.5.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from triptych import images

GREY = 114  # of what the photograph leaves free in the canvas
MULTIPLE = 32  # of a canvas's sides: the deepest stride of the backbones


@dataclass(frozen=True)
class Letterbox:
    """Where a photograph lies in its canvas: at the top left, the rest is grey."""

    scale: tuple[float, float]
    """Canvas pixels per photograph pixel, down and right; they differ by rounding."""
    inner: tuple[int, int]
    """Height and width of the photograph in the canvas, pixels."""
    canvas: tuple[int, int]
    """Height and width of the canvas, pixels."""

    def apply(self, image: np.ndarray) -> np.ndarray:
        """The canvas, uint8 [*canvas, 3], of a photograph uint8 [H, W, 3].

        Raises:
            ValueError: not uint8 [H, W, 3], or not of the size that was fitted.
        """
        height, width = (round(n / s) for n, s in zip(self.inner, self.scale, strict=True))
        if image.shape != (height, width, 3) or image.dtype != np.uint8:
            raise ValueError(
                f"`image` must be uint8 [{height}, {width}, 3]; "
                f"received: {image.dtype} {list(image.shape)}"
            )
        canvas = np.full((*self.canvas, 3), GREY, np.uint8)
        canvas[: self.inner[0], : self.inner[1]] = images.resize(image, self.inner)
        return canvas

    def to_canvas(self, points: ArrayLike) -> np.ndarray:
        """Points [..., 2] of the photograph in the canvas, float64."""
        return (np.asarray(points, np.float64) + 0.5) * self.scale[::-1] - 0.5

    def to_picture(self, points: ArrayLike) -> np.ndarray:
        """Points [..., 2] of the canvas in the photograph, float64."""
        return (np.asarray(points, np.float64) + 0.5) / self.scale[::-1] - 0.5


def fit(height: int, width: int, side: int, *, square: bool) -> Letterbox:
    """How a photograph of `height` x `width` pixels gets a longer side of `side` pixels.

    The canvas is `side` x `side` where it is `square`, as training needs it for pictures of any
    shape in one batch; else both sides are only rounded up to a multiple of 32, which saves time.

    Raises:
        ValueError: a size is not positive.
    """
    for name, size in (("height", height), ("width", width), ("side", side)):
        if size < 1:
            raise ValueError(f"`{name}` must be positive; received: {name}={size}")
    scale = side / max(height, width)
    inner = max(1, round(height * scale)), max(1, round(width * scale))
    canvas = (side, side) if square else (_rounded_up(inner[0]), _rounded_up(inner[1]))
    return Letterbox((inner[0] / height, inner[1] / width), inner, canvas)


def _rounded_up(size: int) -> int:
    return -(-size // MULTIPLE) * MULTIPLE

"""Test-time augmentation of crops: other cuts and other light, the same text."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from triptych.images import resize

View = Literal["shift", "scale", "contrast"]
Merge = Literal["average", "vote"]

_SHIFT = 0.03
_SCALE = 0.05
_GAMMA = 0.7


def render(image: np.ndarray, size: tuple[int, int], tta: Sequence[View] = ()) -> np.ndarray:
    """A crop [H, W, 3] uint8 stretched to `size` = (height, width), and the views that `tta` names.

    Returns uint8 [V, height, width, 3], the plain crop first. "shift" adds four cuts, 3 % of both
    sides aside (the border repeated); "scale" two, 5 % nearer and farther; "contrast" two, darker
    and lighter in the middle tones (gamma 0.7 and 1 / 0.7).
    """
    made = [resize(image, size)]
    height, width = image.shape[:2]
    if "shift" in tta:
        dy, dx = max(1, round(_SHIFT * height)), max(1, round(_SHIFT * width))
        made += [_moved(image, (y, -y), (x, -x), size) for y in (-dy, dy) for x in (-dx, dx)]
    if "scale" in tta:
        dy, dx = max(1, round(_SCALE * height)), max(1, round(_SCALE * width))
        made += [_moved(image, (y, y), (x, x), size) for y, x in ((-dy, -dx), (dy, dx))]
    if "contrast" in tta:
        light = np.arange(256) / 255
        made += [
            np.rint(255 * light**gamma).astype(np.uint8)[made[0]] for gamma in (_GAMMA, 1 / _GAMMA)
        ]
    return np.stack(made)


def _moved(
    image: np.ndarray, rows: tuple[int, int], columns: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """With so many pixels more before and after: the border repeated, or, below 0, cut off."""
    pad = [(max(0, a), max(0, b)) for a, b in (rows, columns)]
    padded = np.pad(image, [*pad, (0, 0)], mode="edge")
    (top, bottom), (left, right) = ((max(0, -a), max(0, -b)) for a, b in (rows, columns))
    inner = padded[top : padded.shape[0] - bottom, left : padded.shape[1] - right]
    return resize(np.ascontiguousarray(inner), size) if inner.size else resize(image, size)

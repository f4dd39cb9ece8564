"""Test-time augmentation: several views of a picture, whose answers are averaged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from triptych.images import resize

Kind = Literal["flip", "zoom", "corners", "scales"]


@dataclass(frozen=True)
class View:
    """A part of the picture (top, left, bottom, right as shares of its sides), perhaps mirrored.

    `scale` is the side of the view relative to the model's picture size.
    """

    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    mirror: bool = False
    scale: float = 1.0


def views(kinds: Sequence[Kind]) -> list[View]:
    """The whole picture, and what each kind adds.

    "zoom" adds the middle 0.9 of both sides, "corners" four corners of 0.85, "scales" the whole
    picture at 0.85 and 1.15 of the size; "flip" adds the mirror image of every view.
    """
    chosen = [View()]
    if "zoom" in kinds:
        chosen.append(View(box=(0.05, 0.05, 0.95, 0.95)))
    if "corners" in kinds:
        chosen += [View(box=(t, s, t + 0.85, s + 0.85)) for t in (0.0, 0.15) for s in (0.0, 0.15)]
    if "scales" in kinds:
        chosen += [View(scale=0.85), View(scale=1.15)]
    if "flip" in kinds:
        chosen += [View(v.box, not v.mirror, v.scale) for v in chosen]
    return chosen


def render(image: np.ndarray, view: View, size: tuple[int, int]) -> np.ndarray:
    """`view` of [H, W, 3] uint8 at `size` = (height, width) times its scale, in whole pixels."""
    height, width = image.shape[:2]
    top, left, bottom, right = view.box
    rows = slice(round(top * height), max(round(bottom * height), round(top * height) + 1))
    columns = slice(round(left * width), max(round(right * width), round(left * width) + 1))
    part = np.ascontiguousarray(image[rows, columns])
    # Multiples of 32 keep every stride of a backbone whole.
    side = (
        size if view.scale == 1 else tuple(max(32, round(s * view.scale / 32) * 32) for s in size)
    )
    resized = resize(part, (side[0], side[1]))
    return np.ascontiguousarray(resized[:, ::-1]) if view.mirror else resized

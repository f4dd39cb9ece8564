"""Parts of photographs with the true and the found plates drawn into them, on a sheet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from plates import geometry
from triptych import gallery
from triptych.gallery import BLACK, GREEN, GREY, RED

__all__ = ["BLACK", "GREEN", "GREY", "RED", "Case", "part", "sheet"]

_SIZE = (200, 300)  # height, width
_AROUND = 2.5
_COLUMNS = 5
# Every line lies on a broader black one, so that it is seen on a plate of its own colour.
_TRUE, _FOUND, _DARK = "#3ddc5a", "#ffd400", "#101010"


@dataclass(frozen=True)
class Case:
    """A plate worth a look: in which photograph, where (a quad [4, 2]), and lines (text, colour).

    All cases of a sheet have as many lines.
    """

    photograph: int
    where: np.ndarray
    lines: tuple[tuple[str, str], ...]


def part(
    image: np.ndarray,
    where: np.ndarray,
    true: Sequence[np.ndarray],
    found: Sequence[np.ndarray],
    size: tuple[int, int] = _SIZE,
) -> np.ndarray:
    """What is around points `where` [N, 2] in a photograph [H, W, 3], uint8, at most `size`.

    About two and a half times as wide as they are. Quads that are `true` are drawn green, `found`
    ones yellow. `size` = (height, width) in pixels.
    """
    left, top, right, bottom = geometry.bounds(where)
    ratio = size[1] / size[0]
    width = _AROUND * max(right - left, ratio * (bottom - top), 1.0)
    x0, x1 = _span((left + right) / 2, width, image.shape[1])
    y0, y1 = _span((top + bottom) / 2, width / ratio, image.shape[0])
    canvas = gallery.fit(image[y0:y1, x0:x1], size)
    scale = np.array([canvas.width / (x1 - x0), canvas.height / (y1 - y0)])
    pen = ImageDraw.Draw(canvas)
    drawn = [*((q, _TRUE) for q in true), *((q, _FOUND) for q in found)]
    for breadth, colours in ((4, [_DARK] * len(drawn)), (2, [colour for _, colour in drawn])):
        for (corners, _), colour in zip(drawn, colours, strict=True):
            points = (np.asarray(corners) + 0.5 - (x0, y0)) * scale - 0.5
            line = [(float(x), float(y)) for x, y in [*points, points[0]]]
            pen.line(line, colour, breadth, joint="curve")
    return np.asarray(canvas)


def sheet(
    cases: Sequence[Case],
    read: Callable[[int], np.ndarray],
    true: Sequence[Sequence[np.ndarray]],
    found: Sequence[Sequence[np.ndarray]],
    title: str,
    to: Path,
) -> None:
    """Write `cases` as a PNG, in that order, or no file where there are none.

    `read(i)` gives photograph i as [H, W, 3] uint8 RGB; `true` and `found` are the quads of every
    photograph, of which all that can be seen are drawn: green and yellow.
    """
    to.unlink(missing_ok=True)
    tiles = []
    for case in cases:
        i = case.photograph
        picture = part(read(i), case.where, true[i], found[i])
        # All of one size, so that the rows of a sheet are even.
        canvas = Image.new("RGB", _SIZE[::-1], "#eeeeee")
        height, width = picture.shape[:2]
        canvas.paste(Image.fromarray(picture), ((_SIZE[1] - width) // 2, (_SIZE[0] - height) // 2))
        tiles.append(gallery.Tile((np.asarray(canvas),), case.lines))
    if tiles:
        gallery.write(tiles, to, title=title, columns=_COLUMNS, box=_SIZE)


def _span(middle: float, length: float, size: int) -> tuple[int, int]:
    """Whole pixels about `middle`, those inside; at least the one at the border."""
    first = min(max(int(np.floor(middle - length / 2)), 0), size - 1)
    return first, min(max(int(np.ceil(middle + length / 2)) + 1, first + 1), size)

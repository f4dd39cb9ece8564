"""Plates drawn into a picture: their quads, and what they say."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw

from plates import geometry
from plates.reader.decode import Reading
from triptych import gallery

_QUAD, _CASING = (60, 235, 75), (0, 0, 0)
_PAPER, _INK = (16, 16, 16), (255, 255, 255)
_LEAST_TEXT = 14  # pixels, of a letter with what is above and below it
_SHIFT = 4  # bits of a pixel's fraction that cv2 draws with

_Box = tuple[int, int, int, int]


def label(reading: Reading, score: float) -> str:
    """The text, how sure its weakest character is, and the detector's score; for none "-"."""
    text = f"{reading.text}  {reading.weakest:.2f}" if reading.text else "-"
    return f"{text}  {score:.2f}"


def draw(image: np.ndarray, quads: Sequence[np.ndarray], labels: Sequence[str]) -> np.ndarray:
    """A picture [H, W, 3] uint8 RGB with quads [4, 2] (pixels), each with its label beside it.

    Lines are bright in a dark casing, letters white on black, to be seen on any ground. A small
    picture is enlarged (`gallery.enlarged`); `image` itself is not changed.
    """
    canvas, times = gallery.enlarged(image)
    large = [(quad + 0.5) * times - 0.5 for quad in quads]
    most = max(2, round(max(canvas.shape[:2]) / 500))
    for quad in large:
        points = np.rint(quad * 2**_SHIFT).astype(np.int32)[None]
        # The letters of a small plate must not lie under its outline.
        thick = max(1, min(most, round(geometry.sides(quad)[1] / 10)))
        for colour, thickness in ((_CASING, thick + 2), (_QUAD, thick)):
            cv2.polylines(canvas, points, True, colour, thickness, cv2.LINE_AA, _SHIFT)
    taken: list[_Box] = []
    for quad, text in zip(large, labels, strict=True):
        # As a thirtieth of the picture, it can still be read when all of that is on a screen.
        letters = max(_LEAST_TEXT, round(min(canvas.shape[:2]) / 30))
        paper = _paper(text, letters, canvas.shape[1])
        place = _place(quad, paper, canvas, taken, most + 2)
        taken.append(place)
        left, top, right, bottom = place
        canvas[top:bottom, left:right] = paper[: bottom - top, : right - left]
    return canvas


def _paper(text: str, letters: int, most: int) -> np.ndarray:
    """`text` in white on black, [h, w, 3] uint8, at most `most` pixels wide."""
    font = gallery.font(round(letters * 0.8))
    width = min(most, round(font.getlength(text)) + letters // 2)
    paper = Image.new("RGB", (width, round(letters * 1.2)), _PAPER)
    ImageDraw.Draw(paper).text((letters // 4, paper.height / 2), text, _INK, font, "lm")
    return np.asarray(paper)


def _place(
    quad: np.ndarray, paper: np.ndarray, canvas: np.ndarray, taken: Sequence[_Box], away: int
) -> _Box:
    """Where the paper lies: above the quad, else below; else where it is in nobody's way."""
    (height, width), (rows, columns) = paper.shape[:2], canvas.shape[:2]
    start, top, _, bottom = (round(side) for side in geometry.bounds(quad))
    left = max(0, min(start, columns - width))
    tops = [top - away - height, bottom + away]
    tops += [bottom + away + i * height for i in (1, 2)] + [top - away - i * height for i in (2, 3)]
    places = [(left, y, left + width, y + height) for y in tops if 0 <= y <= rows - height]
    free = [place for place in places if not any(_meet(place, other) for other in taken)]
    y = max(0, min(tops[0], rows - height))
    return [*free, *places, (left, y, left + width, min(rows, y + height))][0]


def _meet(a: _Box, b: _Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]

"""A sheet of pictures with captions, as one PNG."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

GREEN, RED, GREY, BLACK = "#1a7f37", "#c62828", "#707070", "#000000"
_MARGIN, _GAP, _TEXT = 16, 4, 15
_LEAST_SIDE = 480


@dataclass(frozen=True)
class Tile:
    """Pictures [H, W, 3] uint8 RGB of any size side by side; below them lines (text, colour)."""

    pictures: Sequence[np.ndarray]
    lines: Sequence[tuple[str, str]]


def write(
    tiles: Sequence[Tile],
    to: Path,
    *,
    title: str = "",
    columns: int = 3,
    box: tuple[int, int] = (165, 240),
) -> None:
    """Lay out tiles row by row and write a PNG; pictures are fitted into `box` = (height, width).

    Raises:
        ValueError: no tiles, or tiles of different numbers of pictures or lines.
    """
    shapes = {(len(t.pictures), len(t.lines)) for t in tiles}
    if len(shapes) != 1:
        raise ValueError(f"tiles must be alike, in pictures and lines; received: {sorted(shapes)}")
    ((pictures, lines),) = shapes
    width = pictures * (box[1] + _GAP) - _GAP
    caption = round((lines + 0.5) * 1.3 * _TEXT)
    rows = [
        [
            (tile, [fit(picture, box) for picture in tile.pictures])
            for tile in tiles[i : i + columns]
        ]
        for i in range(0, len(tiles), columns)
    ]
    heights = [max(image.height for _, images in row for image in images) for row in rows]
    y = 3 * _TEXT if title else _MARGIN
    sheet = Image.new(
        "RGB",
        (
            max(
                _MARGIN + min(columns, len(tiles)) * (width + _MARGIN),
                2 * _MARGIN + round(font(_TEXT + 3).getlength(title)),
            ),
            y + sum(heights) + len(rows) * (caption + _MARGIN),
        ),
        "white",
    )
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _TEXT), title, BLACK, font(_TEXT + 3))
    for row, height in zip(rows, heights, strict=True):
        for column, (tile, images) in enumerate(row):
            x = _MARGIN + column * (width + _MARGIN)
            for place, image in enumerate(images):
                # What is left of the row's height stays above: a caption touches its picture.
                left = x + place * (box[1] + _GAP)
                sheet.paste(image, (left, y + height - image.height))
            for line, (text, colour) in enumerate(tile.lines):
                at = (x, y + height + _GAP + round(line * 1.3 * _TEXT))
                draw.text(at, shorten(text, width), colour, font(_TEXT))
        y += height + caption + _MARGIN
    sheet.save(to)


def overlay(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The picture [H, W, 3] uint8 in grey, glowing where a map [h, w] in [0, 1] is high.

    The map is stretched over the whole picture; where it is 0 the grey stays as it is.
    """
    spread = stretch(heat, (picture.shape[0], picture.shape[1]))
    # Red on a red car would not be seen, hence the grey.
    grey = np.asarray(Image.fromarray(picture).convert("L").convert("RGB"))
    colours = mpl.colormaps["inferno"](spread)[..., :3] * 255
    share = 0.75 * spread[..., None]
    return (grey * (1 - share) + colours * share).round().astype(np.uint8)


def stretch(heat: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map [h, w] in [0, 1] at `size` = (height, width), smoothly between its values."""
    image = Image.fromarray(np.asarray(heat, np.float32))
    return np.asarray(image.resize(size[::-1], Image.Resampling.BICUBIC)).clip(0, 1)


def fit(picture: np.ndarray, box: tuple[int, int]) -> Image.Image:
    """The picture, its shape kept, as large as goes into `box` = (height, width) in pixels."""
    image = Image.fromarray(picture)
    scale = min(box[0] / image.height, box[1] / image.width)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BILINEAR)


def enlarged(picture: np.ndarray) -> tuple[np.ndarray, int]:
    """A copy of a picture [H, W, 3] uint8 to draw on, and by how much it is larger: a whole number.

    So large that its longer side has 480 pixels; 1 where it has them. What was at x, y is then at
    (x + 0.5) * times - 0.5 and (y + 0.5) * times - 0.5.
    """
    height, width = picture.shape[:2]
    times = -(-_LEAST_SIDE // max(height, width))
    size = (width * times, height * times)
    return cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), times


def shorten(text: str, width: int) -> str:
    """`text` cut in its middle to at most `width` pixels in a caption's font."""
    kept = len(text)
    shown = text
    while kept > 2 and font(_TEXT).getlength(shown) > width:
        kept -= 1
        shown = f"{text[: kept // 2]}…{text[len(text) - (kept - kept // 2) :]}"
    return shown


def font(size: int) -> ImageFont.FreeTypeFont:
    """The font that comes with matplotlib, so that every machine draws the same; `size` in px."""
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)

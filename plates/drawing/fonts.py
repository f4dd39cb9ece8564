"""Fonts for plates: our strokes first, and those that packages bring, as masks of equal height.

A glyph is an uint8 mask whose first `CAP` rows are the letter and whose last `TAIL` hold tails. All
are made once a process and resized where they are used.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from plates.drawing import strokes

__all__ = ["CAP", "FACES", "FILES", "TAIL", "WRITING", "glyph", "pick", "writing"]

CAP = 80
TAIL = CAP // 8
FACES = 320  # fonts of strokes
THICKS = (0.085, 0.21)  # of them, the thinnest and the thickest over height

FILES = (
    ("font_fjallaone", "files/FjallaOne-Regular.ttf"),
    ("font_fredoka_one", "files/FredokaOne-Regular.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans-Bold.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf/DejaVuSansMono-Bold.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf/DejaVuSerif-Bold.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf/STIXGeneralBol.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf/cmtt10.ttf"),
)
"""Fonts for the characters: package, file in it (OFL, Bitstream Vera's licence, Knuth's)."""

WRITING = (
    *FILES[:4],
    *FILES[5:7],
    ("matplotlib", "mpl-data/fonts/ttf/STIXGeneralBolIta.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf/STIXGeneralItalic.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf/DejaVuSerif-BoldItalic.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans-BoldOblique.ttf"),
)
"""Fonts for the small print."""

_BOLD = 4  # weights that a file's letters are drawn in
_WIDTHS = (0.44, 0.52, 0.6, 0.72)  # of an H of our strokes over its height


def pick(rng: np.random.Generator, thick: tuple[float, float], files: float = 0.2) -> int:
    """A font's number: with probability `files` one of a package, else one of our strokes.

    Strokes are between the two values of `thick` over the height of the letters.
    """
    if rng.random() < files:
        return FACES + int(rng.choice(len(FILES) * _BOLD, p=_shares()))
    low, high = (
        np.clip((np.array(thick) - THICKS[0]) / np.ptp(THICKS), 0, 1) * (FACES - 1)
    ).astype(int)
    return int(rng.integers(low, high + 1))


@cache
def _shares() -> np.ndarray:
    """Plain, heavy fonts are as on plates; serifs are rare."""
    share = np.repeat([4.0, 2, 4, 2, 3, 0.5, 0.5, 0.7], _BOLD)
    return np.asarray(share / share.sum())


@cache
def glyph(font: int, character: str) -> np.ndarray:
    """A character's mask, uint8 [CAP + TAIL, its width], ink in its first and last column.

    Raises KeyError for a character that is not 0-9, A-Z, IndexError for an unknown font.
    """
    if font < FACES:
        mask = strokes.draw(_face(font), character, round(CAP * _WIDTHS[font % len(_WIDTHS)]), CAP)
    else:
        mask = _printed(FILES[(font - FACES) // _BOLD], (font - FACES) % _BOLD, character)
    inked = np.flatnonzero(mask.max(0) > 96)
    mask = np.ascontiguousarray(mask[:, inked[0] : inked[-1] + 1])
    mask.setflags(write=False)
    return mask


@lru_cache(4096)
def writing(font: int, words: str) -> np.ndarray:
    """A line of small print in font `WRITING[font]`: uint8 [H, W], cropped to its ink."""
    pen = _file(*WRITING[font], 40)
    box = pen.getbbox(words)
    picture = Image.new("L", (int(box[2] - box[0]) + 4, int(box[3] - box[1]) + 4))
    ImageDraw.Draw(picture).text((2 - box[0], 2 - box[1]), words, 255, pen)
    mask = np.array(picture)
    mask.setflags(write=False)
    return mask


@cache
def _face(number: int) -> strokes.Face:
    rng = np.random.default_rng([number, 36])
    return strokes.face(rng, THICKS[0] + float(np.ptp(THICKS)) * number / (FACES - 1))


@cache
def _file(package: str, name: str, size: int) -> ImageFont.FreeTypeFont:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the fonts need the package {package}: pip install {package}")
    return ImageFont.truetype(str(Path(spec.origin).parent / name), size)


def _printed(file: Sequence[str], weight: int, character: str) -> np.ndarray:
    """A package's character, its capitals `CAP` high, made bolder (or with 0 thinner)."""
    if character not in strokes.SHAPES:
        raise KeyError(character)
    size = CAP * 2
    pen = _file(file[0], file[1], size)
    top, foot = (pen.getbbox("H")[k] for k in (1, 3))
    box = pen.getbbox(character)
    picture = Image.new("L", (int(box[2] - box[0]) + 24, size * 2))
    ImageDraw.Draw(picture).text((12 - box[0], 0), character, 255, pen)
    mask = np.array(picture)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    if weight == 0:
        mask = cv2.erode(mask, kernel) if file[1].endswith(("Bold.ttf", "Regular.ttf")) else mask
    else:
        mask = cv2.dilate(mask, kernel, iterations=weight - 1)
    start, high = int(top), int(foot) - int(top)
    mask = mask[start : start + high * (CAP + TAIL) // CAP]
    wide = max(mask.shape[1] * CAP // high, 1)
    return cv2.resize(mask, (wide, CAP + TAIL), interpolation=cv2.INTER_AREA)

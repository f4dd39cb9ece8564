"""Our own alphabet of single strokes: the stamped letters of number plates, in many shapes.

A glyph is a list of strokes parted by ";", a stroke a list of points on a grid of 9 x 9: a column
`a`..`i` and a row `0`..`8` (`9` lies below the line, for tails). A capital column rounds the
stroke's corner there, `z` closes the stroke: `A0 I0 I8 A8 z` is an O, `a8 a0 I0 I4 a4` a P. One
roundness then makes a font stadium-like or square, and one thickness makes it thin or heavy.
"""

from dataclasses import dataclass
from functools import cache
from zlib import crc32

import cv2
import numpy as np

__all__ = ["SHAPES", "Face", "draw", "face"]

SHAPES: dict[str, tuple[str, ...]] = {
    "0": (*("A0 I0 I8 A8 z",) * 11, "A0 I0 I8 A8 z; b7 h1"),
    "1": ("a2 f0 f8", "b1 f0 f8", "e0 e8", "a1 e0 e8", "b2 e0 e8; a8 i8", "b0 e0 e8; b8 h8",
          "e0 e8; b0 e0; a8 i8"),
    "2": ("a2 A0 I0 I3 a8 i8", "a2 A0 I0 I4 A6 a8 i8", "a1 A0 I0 I4 A4 a8 i8", "a1 A0 I0 I5 a8 i8"),
    "3": ("a1 A0 I0 I4 d4; d4 I4 I8 A8 a7", "a0 i0 d3 I3 I8 A8 a7",
          "a2 A0 I0 I4 c4; c4 I4 I8 A8 a6",
          "a0 i0 e3 I4 I8 A8 a6"),
    "4": ("g8 g0 a6 i6", "f0 a6 i6; g4 g8", "d0 a6 i6; g3 g8", "a0 a5 i5; g2 g8", "g8 g0 a5 i5",
          "e0 a6 i6; f4 f8"),
    "5": ("h0 b0 a4 I3 I8 A8 a7", "i0 a0 a4 I3 I8 A8 a6", "i0 a0 a3 I3 I8 A8 a7",
          "h0 b0 b4 A4 I3 I8 A8 a6"),
    "6": ("i1 I0 A0 A8 I8 I4 A4 a5", "g0 b4; A3 I3 I8 A8 z", "i2 I0 A0 A8 I8 I3 A3 a5",
          "f0 a5; A4 I4 I8 A8 z", "h0 A0 A8 I8 I4 A4 a5"),
    "7": ("a0 i0 d8", "a0 i0 c8", "a1 a0 i0 d8", "a0 i0 I2 d5 d8", "a0 i0 c8; c4 h4", "a0 i0 b8"),
    "8": ("A0 I0 I4 A4 z; A4 I4 I8 A8 z", "B0 H0 H4 B4 z; A4 I4 I8 A8 z",
          "A0 I0 H4 I8 A8 B4 z; b4 h4"),
    "9": ("a7 A8 I8 I0 A0 A4 I4 i3", "c8 h4; A0 I0 I5 A5 z", "a6 A8 I8 I0 A0 A5 I5 i3",
          "d8 i3; A0 I0 I4 A4 z", "b8 I8 I0 A0 A4 I4 i3"),
    "A": ("a8 e0 i8; b6 h6", "a8 e0 i8; c5 g5", "a8 d0 f0 i8; b6 h6", "a8 A0 I0 i8; a5 i5",
          "a8 a2 d0 f0 i2 i8; a5 i5", "a8 d0 f0 i8; b5 h5"),
    "B": ("a4 a0 I0 I4 a4; a4 I4 I8 a8 a4", "a4 a0 H0 H4 a4; a4 I4 I8 a8 a4",
          "a4 a0 H0 H3 a4; a4 I4 I8 a8 a4"),
    "C": ("i2 I0 A0 A8 I8 i6", "i1 I0 A0 A8 I8 i7", "i2 I0 A0 A8 I8 i7"),
    "D": ("a0 I0 I8 a8 z", "a0 H0 I2 I6 H8 a8 z"),
    "E": ("i0 a0 a8 i8; a4 g4", "i0 a0 a8 i8; a4 h4", "i0 a0 a8 i8; a4 f4"),
    "F": ("i0 a0 a8; a4 g4", "i0 a0 a8; a4 h4", "i0 a0 a8; a5 g5"),
    "G": ("i2 I0 A0 A8 I8 i5 e5", "i1 I0 A0 A8 I8 i4 e4", "i2 I0 A0 A8 i8 i5 f5",
          "i2 I0 A0 A8 I8 i5 d5; i5 i8"),
    "H": ("a0 a8; i0 i8; a4 i4",),
    "I": ("e0 e8", "a0 i0; e0 e8; a8 i8", "e0 e8"),
    "J": ("i0 I8 A8 a6", "d0 i0 I8 A8 a6", "h0 H8 A8 a7", "i0 I8 A8 a5"),
    "K": ("a0 a8; i0 a5; d3 i8", "a0 a8; i0 a4 i8", "a0 a8; i0 a6; c4 i8",
          "a0 a8; i0 c4 i8; a4 c4"),
    "L": ("a0 a8 i8",),
    "M": ("a8 a0 e5 i0 i8", "a8 a0 e8 i0 i8", "a8 a0 e3 i0 i8", "a8 b0 e6 h0 i8", "a8 a0 e4 i0 i8"),
    "N": ("a8 a0 i8 i0", "a8 a0 i7; i8 i0"),
    "O": ("A0 I0 I8 A8 z",),
    "P": ("a8 a0 I0 I4 a4", "a8 a0 I0 I5 a5"),
    "Q": ("A0 I0 I8 A8 z; f6 i9", "A0 I0 I8 A8 z; e6 i8", "A0 I0 I8 A8 z; g6 i9",
          "A0 I0 I8 A8 z; f6 i8",
          "A0 I0 I8 A8 z; e7 g9"),
    "R": ("a8 a0 I0 I4 a4; e4 i8", "a8 a0 I0 I4 a4; d4 i8", "a8 a0 I0 I5 a5; e5 i8",
          "a8 a0 I0 I4 a4; g4 i5 i8"),
    "S": ("i2 I0 A0 A4 I4 I8 A8 a6", "i1 I0 A0 A4 I4 I8 A8 a7", "i2 I0 A0 A3 I5 I8 A8 a6"),
    "T": ("a0 i0; e0 e8",),
    "U": ("a0 A8 I8 i0",),
    "V": ("a0 e8 i0", "a0 d8 f8 i0"),
    "W": ("a0 c8 e3 g8 i0", "a0 b8 e4 h8 i0", "a0 c8 e0 g8 i0", "a0 a8 e3 i8 i0", "a0 c8 e4 g8 i0"),
    "X": ("a0 i8; i0 a8",),
    "Y": ("a0 e4 i0; e4 e8", "a0 e5 i0; e5 e8", "a0 e3 i0; e3 e8"),
    "Z": (*("a0 i0 a8 i8",) * 7, "a0 i0 a8 i8; c4 g4"),
}  # fmt: skip
"""Shapes of each character; the first is the plainest."""

WIDTHS = {
    "1": 0.62, "J": 0.9, "L": 0.9, "E": 0.92, "F": 0.9, "M": 1.28, "W": 1.4,
    "A": 1.12, "V": 1.1, "X": 1.06, "Y": 1.06, "T": 1.0, "0": 0.97, "O": 1.08, "Q": 1.08, "G": 1.04,
}  # fmt: skip
"""Widths in a proportional face over that of an H."""

SCALE = 2  # glyphs are drawn this much larger and shrunk: quicker than OpenCV's thick smooth lines
_ARC = np.linspace(0, np.pi / 2, 7)[:, None]


@dataclass(frozen=True)
class Face:
    """A font of strokes: what all glyphs of one plate share."""

    seed: int
    """Chooses each character's shape."""
    thick: float
    """Thickness of the strokes over the height of the letters."""
    round: float
    """Radius of the rounded corners over the width of a letter, 0..1; 0.5 is a full arc."""
    waist: float
    """Height of the middle bars, 0 top .. 1 foot; 0.5 in the middle."""
    square: bool
    """Strokes end flat, with sharp corners."""
    proportional: float
    """0: all letters are equally wide; 1: each as wide as in `WIDTHS`."""


def face(rng: np.random.Generator, thick: float) -> Face:
    """A random face with strokes of `thick` over the height of its letters."""
    return Face(
        seed=int(rng.integers(1 << 30)),
        thick=thick,
        round=float(rng.choice([0.5, 0.5, 0.45, 0.35, 0.25, 0.6])),
        waist=float(rng.choice([0.5, 0.5, rng.uniform(0.44, 0.56)])),
        square=bool(rng.random() < 0.6),
        proportional=float(rng.choice([0, 1, rng.random()])),
    )


def draw(face: Face, character: str, width: int, height: int) -> np.ndarray:
    """The ink of one character: uint8 [height + height // 8, its width], 255 where there is ink.

    `width` is that of an H. The letter fills `height` rows, edge to edge; those below are for
    tails. Raises KeyError for a character that is not 0-9, A-Z.
    """
    options = SHAPES[character]
    shape = options[crc32(f"{face.seed}{character}".encode()) % len(options)]
    big = height * SCALE
    thick = min(face.thick * big, (0.2 if character in "MW" else 0.26) * width * SCALE)
    if shape.startswith("e0 e8") and ";" not in shape:
        wide = thick  # a bare bar
    elif character in "1I" and "i" in shape:
        wide = 0.8 * width * SCALE  # with serifs
    else:
        wide = width * SCALE * (1 + face.proportional * (WIDTHS.get(character, 1) - 1))
    canvas = np.zeros((big + big // 8, round(wide)), np.uint8)
    size = np.array([round(wide) - thick, big - thick])
    for points, closed in _strokes(shape):
        part = canvas[:big] if points[:, 1].max() <= 8 else canvas
        _stroke(part, face, points, closed, size, thick)
    small = (max(round(wide / SCALE), 1), height + height // 8)
    return cv2.resize(canvas, small, interpolation=cv2.INTER_AREA)


@cache
def _strokes(shape: str) -> list[tuple[np.ndarray, bool]]:
    """Strokes of a shape: points int [P, 3] of column, row, whether rounded; closed or not."""
    found = []
    for stroke in shape.split(";"):
        words = stroke.split()
        closed = words[-1] == "z"
        points = [
            ("abcdefghi".index(w[0].lower()), int(w[1]), w[0].isupper())
            for w in (words[:-1] if closed else words)
        ]
        found.append((np.array(points), closed))
    return found


def _stroke(
    canvas: np.ndarray, face: Face, grid: np.ndarray, closed: bool, size: np.ndarray, thick: float
) -> None:
    """Draws one stroke of points [P, 3] on the grid into the canvas."""
    rows = grid[:, 1] / 8
    rows = np.where(rows <= 1, np.interp(rows, (0, 0.5, 1), (0, face.waist, 1)), rows)
    at = np.column_stack([grid[:, 0] / 8, rows]) * size + thick / 2
    line = _rounded(at, grid[:, 2] > 0, closed, face.round * size[0])
    pieces = [line]
    if face.square:
        pieces += _ends(grid, at, closed, thick)
    fixed = [np.rint(p * 16).astype(np.int32) for p in pieces]
    cv2.polylines(canvas, fixed[:1], closed, 255, max(round(thick), 1), cv2.LINE_8, 4)
    for piece in fixed[1:]:
        cv2.fillConvexPoly(canvas, piece, 255, cv2.LINE_8, 4)


def _rounded(at: np.ndarray, bend: np.ndarray, closed: bool, radius: float) -> np.ndarray:
    """The stroke's points [P, 2] with quarter ellipses at the corners marked in `bend`."""
    count = len(at)
    parts: list[np.ndarray] = []
    for k in range(count):
        if not bend[k]:
            parts.append(at[k : k + 1])
            continue
        sides = []
        for other in ((k - 1) % count, (k + 1) % count):
            way = at[other] - at[k]
            length = float(np.hypot(*way)) + 1e-9
            free = length / 2 if bend[other] else length
            reach = radius * 1.3 if abs(way[1]) > abs(way[0]) else radius
            sides.append(way / length * min(reach, free))
        parts.append(at[k] + sides[0] * (1 - np.sin(_ARC)) + sides[1] * (1 - np.cos(_ARC)))
    return np.concatenate(parts)


def _ends(grid: np.ndarray, at: np.ndarray, closed: bool, thick: float) -> list[np.ndarray]:
    """Patches [4, 2] that make ends and sharp corners flat: what passes the edge is cut off."""
    patches = []
    count = len(at)
    for k in range(count):
        if grid[k, 2]:
            continue
        for other in (k - 1, k + 1):
            if not closed and not 0 <= other < count:
                continue
            way = at[k] - at[other % count]
            way = way / (np.hypot(*way) + 1e-9)
            column, row = grid[k, :2]
            level = min(abs(way)) < 1e-6
            past = (row == 0 and way[1] < 0) or (row >= 8 and way[1] > 0)
            past = past or (column == 0 and way[0] < 0) or (column == 8 and way[0] > 0)
            if not level and not past:
                continue
            reach = way * thick * (0.5 if level else 1.5)
            half = np.array([-way[1], way[0]]) * thick / 2
            patches.append(
                np.stack([at[k] + half, at[k] + half + reach, at[k] - half + reach, at[k] - half])
            )
    return patches

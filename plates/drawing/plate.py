"""Flat, clean plates as a camera would see them from the front, before wear."""

from dataclasses import dataclass

import cv2
import numpy as np

from plates.drawing import fonts, formats, parts
from plates.drawing.formats import FORMATS, GAPS, KINDS, Format, Span
from plates.drawing.parts import Sheet, paint
from plates.text import LATIN

__all__ = ["KINDS", "FlatPlate", "draw"]

HEIGHTS = (112, 144)
SMALL = 0.78  # height of the small characters over the others'
WIDTHS: dict[str, Span] = {
    " ": (0.3, 0.9), "_": (1.0, 2.2), "-": (0.4, 0.8), ".": (0.15, 0.3), ":": (0.2, 0.5),
    "*": (0.7, 1.3), "@": (0.4, 0.7), "|": (0.2, 0.4), "=": (0.9, 1.5), "!": (0.4, 0.6),
}  # fmt: skip
"""Width of what is not read over that of an H."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class FlatPlate:
    """One drawn plate."""

    image: np.ndarray
    """uint8 [h, w, 3] RGB, the plate (and at most its frame) from edge to edge."""
    text: str
    """What is to be read: Latin, no separators; the upper line, then the lower one."""
    country: str
    """"" for plates of no country."""
    rows: int
    """Lines of text: 1 or 2."""
    characters: tuple[Box, ...]
    """Of each character of `text` its box x0, y0, x1, y1 in pixels of `image`."""


@dataclass(frozen=True)
class Hand:
    """How the characters of one plate are written."""

    font: int
    ink: np.ndarray
    even: bool  # every character has the same room
    space: float  # between two, over the width of an H
    rim: np.ndarray | None  # colour of the embossed edge
    carons: bool


def draw(rng: np.random.Generator, kind: str = "any", alphabet: str = LATIN) -> FlatPlate:
    """A plate of a format of `KINDS` with a random text in `alphabet`.

    "any" draws the format first. Raises ValueError for an unknown kind, or an alphabet that is
    empty or has characters outside 0-9, A-Z.
    """
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}; received: kind={kind}")
    if not set(alphabet) <= set(LATIN):
        raise ValueError(f"`alphabet` must be of 0-9, A-Z; received: alphabet={alphabet}")
    if kind == "any":
        kind = formats.choose(rng)
    style = FORMATS[kind]
    lines = formats.lines(rng, kind, alphabet)
    height = int(rng.integers(HEIGHTS[0], HEIGHTS[1] + 1))
    width = round(height * rng.uniform(*style.aspect))
    sheet, hand = _sheet(rng, style, height, width)

    cap = height * rng.uniform(*style.cap)
    gap = height * rng.uniform(0.04, 0.12) if len(lines) > 1 else 0
    block = len(lines) * cap + (len(lines) - 1) * gap
    top = (style.centre + rng.normal(0, 0.01)) * height - block / 2
    letter = rng.uniform(*style.letter)
    boxes: list[Box] = []
    for k, line in enumerate(lines):
        boxes += _line(rng, sheet, style, hand, line, top + k * (cap + gap), cap, cap * letter)
    image = sheet.image
    if ("footer" in style.parts or "frame" in style.parts) and rng.random() < 0.3:
        image, (dx, dy) = parts.framed(rng, image)
        boxes = [(x0 + dx, y0 + dy, x1 + dx, y1 + dy) for x0, y0, x1, y1 in boxes]
    return FlatPlate(image, formats.text(lines), style.country, len(lines), tuple(boxes))


def _sheet(rng: np.random.Generator, style: Format, height: int, width: int) -> tuple[Sheet, Hand]:
    """The plate with its fittings, no character on it yet, and how they will be written."""
    below, above = str(rng.choice(style.colours)).split()
    image = parts.ground(rng, below, height, width)
    if below == "scene" and above == "white":
        image = image // 3
    ink = parts.colour(rng, above)
    sheet = Sheet(image, ink, 0.03 * width, 0.97 * width)
    for name in style.parts:
        part = parts.PARTS.get(name.rstrip("?"))
        if part and (not name.endswith("?") or rng.random() < 0.35):
            part(rng, sheet)
    rim = None
    if "embossed" in style.parts and rng.random() < 0.4:
        rim = image[height // 2, width // 2] * rng.uniform(0.6, 0.9) + rng.choice([0.0, 80.0])
    hand = Hand(
        font=fonts.pick(rng, style.thick, style.files),
        ink=ink,
        even=bool(rng.random() < 0.45),
        space=float(rng.uniform(0.12, 0.42)),
        rim=None if rim is None else np.clip(rim, 0, 255),
        carons="carons" in style.parts,
    )
    return sheet, hand


def _line(
    rng: np.random.Generator, sheet: Sheet, style: Format, hand: Hand, line: str, top: float,
    cap: float, wide: float,
) -> list[Box]:  # fmt: skip
    """Writes a line, its characters `cap` high from row `top`, an H `wide`; returns their boxes."""
    room = [_room(rng, hand, mark) for mark in line]
    spaces = [hand.space] * (len(line) - 1)
    total = (sum(room) + sum(spaces)) * wide
    free = (sheet.right - sheet.left) * rng.uniform(*style.share)
    stretch = 1.0
    if total > free:
        wide *= free / total
    elif rng.random() < 0.6 and spaces:
        # Spread, but not so far that the characters fall apart.
        more = min((free - total) / len(spaces) / wide, 0.7) * rng.random()
        stretch = 1 + more / hand.space
    spaces = [space * stretch for space in spaces]
    total = (sum(room) + sum(spaces)) * wide
    slack = (sheet.right - sheet.left - total) / 2
    x = sheet.left + slack * (1 + rng.uniform(-0.3, 0.3))
    boxes: list[Box] = []
    raised = False
    for k, mark in enumerate(line):
        cell = (x, top, x + room[k] * wide, top + cap)
        if mark in GAPS:
            raised = raised or mark == "|"
            _gap(rng, sheet, hand, mark, cell)
        else:
            boxes.append(_character(rng, sheet, hand, mark, cell, wide, raised))
        x += (room[k] + (spaces[k] if k < len(spaces) else 0)) * wide
    if raised and boxes:
        box = (boxes[-2][0], top + cap * 0.84, boxes[-1][2], top + cap)
        parts.write(rng, sheet.image, "RUS", box, hand.ink, 0)
    return boxes


def _room(rng: np.random.Generator, hand: Hand, mark: str) -> float:
    """Width of the cell of a character or gap over that of an H."""
    if mark in GAPS:
        return float(rng.uniform(*WIDTHS[mark]))
    own = _ratio(hand, mark.upper())
    return (1.0 if hand.even else own) * (SMALL if mark.islower() else 1)


def _ratio(hand: Hand, character: str) -> float:
    ratio: float = fonts.glyph(hand.font, character).shape[1] / fonts.glyph(hand.font, "H").shape[1]
    return ratio


def _character(
    rng: np.random.Generator,
    sheet: Sheet,
    hand: Hand,
    mark: str,
    cell: Box,
    wide: float,
    raised: bool,
) -> Box:
    """Writes one character into its cell and returns its box."""
    x0, top, x1, foot = cell
    letter = mark.upper()
    small = 0.68 if raised else SMALL if mark.islower() else 1
    high = (foot - top) * small
    if not raised:
        top = foot - high
    width = max(round(min(_ratio(hand, letter) * wide * small, x1 - x0)), 2)
    size = (width, round(high * (fonts.CAP + fonts.TAIL) / fonts.CAP))
    mask = cv2.resize(fonts.glyph(hand.font, letter), size, interpolation=cv2.INTER_AREA)
    x = round((x0 + x1 - width) / 2)
    if hand.rim is not None:
        paint(sheet.image, mask, x - 1, top - 1, hand.rim)
        paint(sheet.image, mask, x + 2, top + 2, hand.rim * 0.7)
    paint(sheet.image, mask, x, top, hand.ink)
    if hand.carons and letter in "CSZ" and rng.random() < 0.4:
        roof = np.array([(-2, -3), (0, -1), (2, -3)]) * high * 0.07 + (x + width / 2, top)
        cv2.polylines(
            sheet.image, [roof.round().astype(np.int32)], False, hand.ink.tolist(), 3, cv2.LINE_AA
        )
    return float(x), float(round(top)), float(x + width), float(round(top) + round(high))


def _gap(rng: np.random.Generator, sheet: Sheet, hand: Hand, mark: str, cell: Box) -> None:
    """Draws what stands between characters and is not read."""
    x0, y0, x1, y1 = cell
    middle, high = (x0 + x1) / 2, y1 - y0
    image, ink = sheet.image, hand.ink.tolist()
    if mark == "-":
        half = min(x1 - x0, high * 0.5) / 2 * rng.uniform(0.6, 1)
        thick = max(high * rng.uniform(0.06, 0.15), 2) / 2
        y = (y0 + y1) / 2
        corners = (round(middle - half), round(y - thick)), (round(middle + half), round(y + thick))
        cv2.rectangle(image, *corners, ink, -1, cv2.LINE_AA)
    elif mark in ".:":
        size = round(high * rng.uniform(0.045, 0.085))
        at = (round(middle), round(y1 - size) if mark == "." else round((y0 + y1) / 2))
        if rng.random() < 0.3:
            cv2.rectangle(
                image, (at[0] - size, at[1] - size), (at[0] + size, at[1] + size), ink, -1
            )
        else:
            cv2.circle(image, at, size, ink, -1, cv2.LINE_AA)
    elif mark == "@":
        for y in rng.permutation([0.25, 0.75])[: int(rng.integers(1, 3))].tolist():
            tint = parts.colour(rng, str(rng.choice(["red", "green", "blue", "orange", "grey"])))
            size = round(min((x1 - x0) * 0.45, high * 0.2))
            at = (round(middle), round(y0 + high * y))
            cv2.circle(image, at, size, tint.tolist(), -1, cv2.LINE_AA)
            if rng.random() < 0.5:
                cv2.circle(image, at, size // 2, (235, 235, 235), -1, cv2.LINE_AA)
    elif mark == "|":
        ends = (round(middle), round(y0 - 0.1 * high)), (round(middle), round(y1 + 0.1 * high))
        cv2.line(image, *ends, ink, int(rng.integers(1, 4)))
    elif mark == "!":
        letters = rng.choice(list(LATIN[10:]), int(rng.integers(2, 4)))
        for k, letter in enumerate(letters.tolist()):
            small = high / len(letters) * 0.85
            size_ = (
                max(round(x1 - x0), 2),
                max(round(small * (fonts.CAP + fonts.TAIL) / fonts.CAP), 2),
            )
            mask = cv2.resize(fonts.glyph(hand.font, letter), size_, interpolation=cv2.INTER_AREA)
            paint(image, mask, x0, y0 + k * high / len(letters), hand.ink)
    elif mark in "*=":
        _emblem(rng, image, cell, hand.ink)


def _emblem(rng: np.random.Generator, image: np.ndarray, cell: Box, ink: np.ndarray) -> None:
    """Arms, or a picture of no meaning: a shield in two or three colours, or a blot."""
    x0, y0, x1, y1 = cell
    size = np.array([x1 - x0, (y1 - y0) * rng.uniform(0.35, 0.9)])
    corner = np.array([x0, (y0 + y1 - size[1]) / 2])
    if rng.random() < 0.6:
        outline = np.array([(0.1, 0.1), (0.9, 0.1), (0.9, 0.6), (0.5, 1), (0.1, 0.6)])
    else:
        angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
        radius = rng.uniform(0.2, 0.5, 9)
        outline = np.column_stack([0.5 + radius * np.cos(angles), 0.5 + radius * np.sin(angles)])
    shape = (corner + outline * size).round().astype(np.int32)
    plain = rng.random() < 0.35
    cv2.fillPoly(image, [shape], (ink if plain else parts.colour(rng, "")).tolist(), cv2.LINE_AA)
    if plain:
        return
    tint = parts.colour(rng, str(rng.choice(["red", "blue", "white", "yellow", "green"]))).tolist()
    side = np.maximum(size / 5, 1)
    for k in range(1, 4):
        for row in range(1, 4):
            if (k + row) % 2:
                at = corner + side * (k, row)
                low = at + side - 1
                cv2.rectangle(
                    image, tuple(at.astype(int).tolist()), tuple(low.astype(int).tolist()), tint, -1
                )

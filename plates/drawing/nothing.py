"""Pictures without a plate that can be read: what a detector cuts out by mistake."""

from collections.abc import Callable

import cv2
import numpy as np

from plates.drawing.camera import homography, pose, shrunk, stand
from plates.drawing.develop import develop
from plates.drawing.plate import FlatPlate, draw
from plates.drawing.surroundings import background, board
from plates.drawing.texture import Size, colour, words, write


def nothing(rng: np.random.Generator, kind: str = "any") -> np.ndarray:
    """Car parts, lamps, road, words that are no plate, pieces of plates, plates too small to read.

    uint8 [H, W, 3] RGB, 60 to 320 pixels wide; its text is "". `kind` is that of the plates.
    """
    maker = _MAKERS[int(rng.choice(len(_MAKERS), p=_SHARES))]
    width = float(np.clip(np.exp(rng.normal(np.log(150), 0.45)), 60, 320))
    size = round(width / rng.uniform(1.1, 4.8)), round(width)
    image = maker(rng, size, lambda: draw(rng, kind))
    return develop(rng, image, 0.5 * size[0])


Drawn = Callable[[], FlatPlate]


def _part(rng: np.random.Generator, size: Size, drawn: Drawn) -> np.ndarray:
    """A piece of a car or a street, now and then with lamps."""
    image = background(rng, size)
    for _ in range(int(rng.integers(0, 3))):
        at = int(rng.integers(0, size[1])), int(rng.integers(0, size[0]))
        axes = np.rint(rng.uniform(0.1, 0.6, 2) * size[0]).astype(int).tolist()
        glass = np.clip(colour(rng, 0.4) + 40, 0, 255).tolist()
        cv2.ellipse(image, at, axes, float(rng.uniform(0, 180)), 0, 360, glass, -1, cv2.LINE_AA)
        inner = [max(1, round(0.6 * v)) for v in axes]
        cv2.ellipse(image, at, inner, 0.0, 0, 360, [0.6 * v for v in glass], 2, cv2.LINE_AA)
    return image


def _lettering(rng: np.random.Generator, size: Size, drawn: Drawn) -> np.ndarray:
    """Words on paint or plaster: a make, a model, a shop."""
    image = background(rng, size)
    _write(rng, image, words(rng, 1, 3))
    return image


def _sign(rng: np.random.Generator, size: Size, drawn: Drawn) -> np.ndarray:
    """A sticker or sign of a plate's shape; its words have small letters, as no plate's have."""
    sign = np.empty((*size, 3), np.uint8)
    sign[:] = colour(rng)
    lines = 1 if rng.random() < 0.5 else 2
    for part in np.array_split(sign, lines):
        _write(rng, part, words(rng, 1, 3).lower())
    image = background(rng, size)
    corners = pose(rng)(size[1] / size[0]) * 0.85 * size[1] + np.array(size[::-1]) / 2
    stand(image, board(rng, sign, np.array([[0, 0, *size[::-1]]])), homography(size, corners))
    return image


def _write(rng: np.random.Generator, image: np.ndarray, text: str) -> None:
    height, width = image.shape[:2]
    ink = colour(rng)
    if abs(float(np.mean(ink) - image.mean())) < 60:
        ink = np.full(3, 235.0 if image.mean() < 128 else 20.0)
    left, top = rng.uniform(0.02, 0.3) * width, rng.uniform(0.05, 0.4) * height
    write(rng, image, text, (left, top, width - left, height - top), ink)


def _piece(rng: np.random.Generator, size: Size, drawn: Drawn) -> np.ndarray:
    """A margin of a plate with no more of the characters than a quarter."""
    plate, boxes = shrunk(drawn(), 1.5 * size[1])
    height, width = plate.shape[:2]
    bite = rng.uniform(-0.5, 0.25) * np.min(boxes[:, 2:] - boxes[:, :2], axis=0)
    (x0, y0), (x1, y1) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    cuts = (
        (0, 0, x0 + bite[0], height),
        (x1 - bite[0], 0, width, height),
        (0, 0, width, y0 + bite[1]),
        (0, y1 - bite[1], width, height),
    )
    cut = [round(float(v)) for v in cuts[int(rng.integers(0, 4))]]
    part = plate[max(0, cut[1]) : max(cut[3], 0), max(0, cut[0]) : max(cut[2], 0)]
    image = background(rng, size)
    if min(part.shape[:2]) < 6:
        return image
    scale = min(size[0] / part.shape[0], size[1] / part.shape[1])
    sides = [max(1, round(scale * n)) for n in part.shape[1::-1]]
    y, x = (int(rng.integers(0, n - m + 1)) for n, m in zip(size, sides[::-1], strict=True))
    image[y : y + sides[1], x : x + sides[0]] = cv2.resize(part, sides)
    return image


def _unreadable(rng: np.random.Generator, size: Size, drawn: Drawn) -> np.ndarray:
    """A plate whose characters are 2 to 4 pixels high, enlarged."""
    flat = drawn()
    boxes = np.array(flat.characters, float)
    tall = float(np.median(boxes[:, 3] - boxes[:, 1])) / flat.image.shape[1]
    small, boxes = shrunk(flat, max(8.0, rng.uniform(1.8, 3.6) / tall))
    height, width = small.shape[:2]
    around = round(height * rng.uniform(1, 1.5)), round(width * rng.uniform(1, 1.3))
    corners = pose(rng)(width / height) * width + np.array(around[::-1]) / 2
    image = background(rng, around)
    stand(image, board(rng, small, boxes), homography((height, width), corners))
    way = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
    return cv2.resize(image, size[::-1], interpolation=way)


_MAKERS = (_part, _lettering, _sign, _piece, _unreadable)
_SHARES = (0.3, 0.15, 0.2, 0.2, 0.15)

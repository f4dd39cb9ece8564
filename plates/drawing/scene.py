"""Whole pictures with cars in a street, and the exact corners of their plates."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from plates.drawing.camera import Quad, homography, pose, shrunk, stand, upright
from plates.drawing.car import Pair, aside, car
from plates.drawing.develop import develop, legible
from plates.drawing.plate import FlatPlate, draw
from plates.drawing.surroundings import board, ground
from plates.drawing.texture import Size, colour
from plates.drawing.things import bars, fill, leaves, panes
from plates.drawing.wear import wear
from plates.text import LATIN

Plate = tuple[Quad, str]
"""Corners float64 [4, 2] of a plate, pixels of the picture; its text."""

_LEAST, _MOST = 40, 340  # width of a plate in a picture 1024 pixels wide
_CLOSE, _NEAR = 0.1, 800  # how often a single one is seen from near, and the most it is wide then
_CARS = (0.08, 0.56, 0.26, 0.10)  # how often 0, 1, 2, 3 of them


def scene(
    rng: np.random.Generator,
    size: Size = (768, 1024),
    kinds: Sequence[str] = ("any",),
    alphabet: str = LATIN,
) -> tuple[np.ndarray, list[Plate]]:
    """A street with 0 to 3 cars, uint8 [H, W, 3] RGB, and their plates from left to right.

    Plates are 40 to 340 pixels wide where the picture is 1024, seldom up to 800. Raises
    ValueError for a side under 128, an unknown kind, or an alphabet that cannot be drawn.
    """
    if min(size) < 128:
        raise ValueError(f"`size` must be at least 128 x 128; received: size={size}")
    height, width = size
    image = _street(rng, size)
    count = int(rng.choice(len(_CARS), p=_CARS))
    room, scale = width / max(count, 1), width / 1024
    bare: list[tuple[FlatPlate, Pair, float]] = []
    for k in range(count):
        most = min(_MOST, room / scale / 2)
        seen = float(np.clip(np.exp(rng.normal(np.log(120), 0.5)), _LEAST, most)) * scale
        if count == 1 and rng.random() < _CLOSE:
            seen = rng.uniform(_MOST, _NEAR) * scale
        wide = seen * rng.uniform(3.0, 4.5)
        wide = wide if count == 1 else min(wide, 1.25 * room)
        x, foot = room * (k + rng.uniform(0.42, 0.58)), rng.uniform(0.5, 0.97) * height
        foot += max(0.0, 0.3 * (wide - width))  # of a near car only the middle is in the picture
        flat = draw(rng, str(rng.choice(list(kinds))), alphabet)
        plate = seen, seen * flat.image.shape[0] / flat.image.shape[1]
        bare.append((flat, car(rng, image, x, foot, wide, plate), seen))
    # No car stands before another's plate.
    found: list[Plate] = []
    marks = [np.empty((0, 4))]
    for flat, middle, seen in bare:
        corners, boxes = _mounted(rng, image, flat, middle, seen)
        found.append((corners, flat.text))
        marks.append(boxes)
    every = np.concatenate(marks)
    tall = float(np.min(every[:, 3] - every[:, 1], initial=40.0))
    return develop(rng, image, tall, 0.6, every), found


def _mounted(
    rng: np.random.Generator,
    image: np.ndarray,
    flat: FlatPlate,
    middle: Pair,
    seen: float,
) -> tuple[Quad, np.ndarray]:
    """Draws the plate `seen` pixels wide at `middle`, in place; its corners, characters' boxes."""
    small, boxes = shrunk(flat, 1.2 * seen)
    plate = legible(small, wear(rng, small, boxes), boxes)
    corners = pose(rng)(flat.image.shape[1] / flat.image.shape[0])
    corners *= seen / np.ptp(corners[:, 0])
    corners += np.array(middle) - corners.mean(0)
    # All of it is in the picture: pushed in where it is not.
    last = np.array(image.shape[1::-1]) - 2
    corners -= np.minimum(corners.min(0) - 1, 0) + np.maximum(corners.max(0) - last, 0)
    matrix = homography((plate.shape[0], plate.shape[1]), corners)
    stand(image, board(rng, plate, boxes), matrix)
    return corners, upright(matrix, boxes)


def _street(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Sky, houses, fences, trees, signs, road, other cars; or nothing but things."""
    height, width = size
    horizon = round(height * float(rng.uniform(0.2, 0.6)))
    image = np.empty((*size, 3), np.uint8)
    top, low = colour(rng, 0.5) * 0.5 + 110, colour(rng, 0.7) * 0.4 + 140
    image[:] = np.linspace(top, low, height).clip(0, 255)[:, None]
    for _ in range(int(rng.integers(0, 5))):
        wide, high = rng.uniform(0.05, 0.3) * width, rng.uniform(0.1, 0.6) * horizon
        middle = rng.uniform(0, width), horizon - high
        walls = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (wide, high) + middle
        fill(image, walls, partial(ground, rng))
        panes(rng, image, middle, np.array((wide, high)) * rng.uniform(0.6, 1))
    if rng.random() < 0.6:
        leaves(rng, image[:horizon], int(rng.integers(5, 80)))
    road = [(0, horizon), (width, horizon), (width, height), (0, height)]
    fill(image, road, partial(ground, rng))
    vanish = rng.uniform(0.2, 0.8) * width
    for x in rng.uniform(-0.3, 1.3, int(rng.integers(0, 4))) * width:
        half = rng.uniform(0.003, 0.02) * width
        line = [(vanish, horizon), (x + half, height), (x - half, height)]
        fill(image, line, colour(rng, 0.7) * 0.3 + 170)
    for _ in range(int(rng.poisson(0.5))):
        foot, long = rng.uniform(0.8, 1.5) * horizon, rng.uniform(0.2, 0.8) * width
        aside(rng, image, rng.uniform(-0.2, 1) * width, foot, long)
    if rng.random() < 0.4:
        x0, x1 = np.sort(rng.uniform(-0.2, 1.2, 2)) * width
        y0, y1 = horizon - rng.uniform(0.05, 0.4) * height, horizon + rng.uniform(0, 0.1) * height
        bars(rng, image, (x0, y0, x1, y1), rng.uniform(0.008, 0.06) * width)
    if rng.random() < 0.35:
        leaves(rng, image, int(rng.integers(20, 200)))
    return image

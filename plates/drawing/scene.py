"""Whole pictures with cars, drawn simply, and the exact corners of their plates."""

from collections.abc import Sequence

import cv2
import numpy as np

from plates.drawing.camera import Quad, homography, pose, shrunk, stand, upright
from plates.drawing.develop import develop, legible
from plates.drawing.plate import FlatPlate, draw
from plates.drawing.surroundings import board
from plates.drawing.texture import Size, clouds, colour, words, write
from plates.drawing.wear import wear
from plates.text import LATIN

Plate = tuple[Quad, str]
"""Corners float64 [4, 2] of a plate, pixels of the picture; its text."""

_LEAST, _MOST = 40, 340  # width of a plate in a picture 1024 pixels wide
_CARS = (0.08, 0.56, 0.26, 0.10)  # how often 0, 1, 2, 3 of them


def scene(
    rng: np.random.Generator,
    size: Size = (768, 1024),
    kinds: Sequence[str] = ("any",),
    alphabet: str = LATIN,
) -> tuple[np.ndarray, list[Plate]]:
    """A street with 0 to 3 cars, uint8 [H, W, 3] RGB, and their plates from left to right.

    Plates are 40 to 340 pixels wide where the picture is 1024. Raises ValueError for a side under
    128, an unknown kind, or an alphabet that cannot be drawn.
    """
    if min(size) < 128:
        raise ValueError(f"`size` must be at least 128 x 128; received: size={size}")
    height, width = size
    image = _street(rng, size)
    count = int(rng.choice(len(_CARS), p=_CARS))
    found: list[Plate] = []
    marks = [np.empty((0, 4))]
    for k in range(count):
        room, scale = width / count, width / 1024
        seen = np.clip(np.exp(rng.normal(np.log(120), 0.5)), _LEAST, min(_MOST, room / scale / 2))
        seen = float(seen) * scale
        x = room * (k + rng.uniform(0.42, 0.58))
        foot = rng.uniform(0.68, 0.97) * height
        middle = _car(rng, image, x, foot, min(seen * rng.uniform(3.0, 4.5), 1.25 * room))
        flat = draw(rng, str(rng.choice(list(kinds))), alphabet)
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
    middle: tuple[float, float],
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


def _polygon(image: np.ndarray, points: object, ink: np.ndarray) -> None:
    corners = np.rint(np.array(points, float)).astype(np.int32)
    cv2.fillPoly(image, [corners], np.clip(ink, 0, 255).tolist(), cv2.LINE_AA)


def _street(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Sky, houses with windows, signs with words, road."""
    height, width = size
    horizon = round(height * float(rng.uniform(0.25, 0.55)))
    image = np.empty((*size, 3), np.uint8)
    top, low = colour(rng, 0.5) * 0.5 + 110, colour(rng, 0.7) * 0.4 + 140
    image[:] = np.linspace(top, low, height).clip(0, 255)[:, None]
    for _ in range(int(rng.integers(0, 7))):
        _house(rng, image, horizon)
    road = clouds(rng, (height - horizon, width), 8) * rng.uniform(10, 50) + rng.uniform(40, 150)
    image[horizon:] = road[..., None]
    vanish = rng.uniform(0.2, 0.8) * width
    for x in rng.uniform(-0.3, 1.3, int(rng.integers(0, 4))) * width:
        half = 0.01 * width
        _polygon(
            image, [(vanish, horizon), (x + half, height), (x - half, height)], np.full(3, 210)
        )
    for _ in range(int(rng.integers(0, 4))):
        _signpost(rng, image, horizon)
    return image


def _house(rng: np.random.Generator, image: np.ndarray, foot: int) -> None:
    width = image.shape[1]
    x, wide, top = (
        rng.uniform(-0.1, 1) * width,
        rng.uniform(0.1, 0.5) * width,
        rng.uniform(-0.3, 0.8) * foot,
    )
    _polygon(image, [(x, top), (x + wide, top), (x + wide, foot), (x, foot)], colour(rng, 0.5))
    step = wide / int(rng.integers(3, 9))
    glass, share = colour(rng, 0.8), rng.uniform(0.4, 0.8)
    for y in np.arange(top + 0.3 * step, foot - step, 1.3 * step):
        for left in np.arange(x + 0.15 * step, x + wide - 0.8 * step, step):
            right, low = left + share * step, y + share * step
            _polygon(image, [(left, y), (right, y), (right, low), (left, low)], glass)


def _signpost(rng: np.random.Generator, image: np.ndarray, horizon: int) -> None:
    """A sign or an advertisement: has words, is no plate."""
    width = image.shape[1]
    wide = rng.uniform(0.05, 0.25) * width
    high = wide * rng.uniform(0.2, 0.9)
    x, y = rng.uniform(0, 1) * (width - wide), rng.uniform(0.05, 1) * horizon
    ground = colour(rng, 0.4)
    _polygon(image, [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)], ground)
    ink = np.full(3, 20.0 if ground.mean() > 128 else 235.0)
    text = words(rng, 1, 3)
    # Capitals alone might be a plate's; small letters never are.
    write(rng, image, text.lower() if text.isupper() else text, (x, y, x + wide, y + high), ink)


def _car(
    rng: np.random.Generator, image: np.ndarray, x: float, foot: float, wide: float
) -> tuple[float, float]:
    """Draws a car from before or behind, `wide` pixels, in place; returns its plate's middle."""
    body, half = colour(rng), wide / 2
    high = wide * rng.uniform(0.6, 0.85)
    belt, top = foot - high * rng.uniform(0.52, 0.62), foot - high

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x + half * u, y) for u, y in points]

    _polygon(
        image,
        at((-1.1, foot), (1.1, foot), (0.9, foot + 0.06 * high), (-0.9, foot + 0.06 * high)),
        np.full(3, 25),
    )
    for side in (-0.78, 0.78):
        _polygon(
            image,
            at(
                (side - 0.16, belt),
                (side + 0.16, belt),
                (side + 0.16, foot + 0.03 * high),
                (side - 0.16, foot + 0.03 * high),
            ),
            np.full(3, 15),
        )
    roof = rng.uniform(0.55, 0.75)
    _polygon(image, at((-roof, top), (roof, top), (0.95, belt), (-0.95, belt)), body * 0.9)
    _polygon(
        image,
        at(
            (0.05 - roof, top + 0.06 * high),
            (roof - 0.05, top + 0.06 * high),
            (0.82, belt),
            (-0.82, belt),
        ),
        colour(rng, 0.8) * 0.5,
    )
    sill = foot - 0.1 * high
    _polygon(
        image,
        at(
            (-0.95, belt),
            (0.95, belt),
            (1, belt + 0.1 * high),
            (0.98, sill),
            (-0.98, sill),
            (-1, belt + 0.1 * high),
        ),
        body,
    )
    bumper = belt + (sill - belt) * rng.uniform(0.5, 0.65)
    _polygon(
        image,
        at((-1, bumper), (1, bumper), (0.96, foot - 0.05 * high), (-0.96, foot - 0.05 * high)),
        body * rng.uniform(0.3, 1.1),
    )
    lamp = np.array((200, 20, 25)) if rng.random() < 0.5 else np.array((235, 235, 220))
    for side in (-1, 1):
        low = belt + 0.18 * high
        _polygon(
            image,
            at(
                (side * 0.97, belt + 0.05 * high),
                (side * 0.6, belt + 0.07 * high),
                (side * 0.62, low),
                (side * 0.97, low),
            ),
            lamp,
        )
    if rng.random() < 0.4:
        box = (x - 0.3 * half, belt + 0.04 * high, x + 0.3 * half, belt + 0.12 * high)
        write(rng, image, words(rng, 1, 1).lower(), box, np.full(3, 200.0))
    return x, float(rng.choice([(belt + 0.12 * high + bumper) / 2, (bumper + sill) / 2]))

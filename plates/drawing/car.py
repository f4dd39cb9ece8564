"""Cars from before, behind and aside, drawn simply but with all that is taken for a plate."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from plates.drawing.surroundings import grille, paint
from plates.drawing.texture import colour, words, write
from plates.drawing.things import badge, ellipse, fill, lamp, rim, thing, wheel

Pair = tuple[float, float]
"""x, y or width, height in pixels."""
_SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])


@dataclass(frozen=True)
class _Car:
    """Where it stands: columns and rows in pixels."""

    x: float  # the middle
    half: float  # of its width
    top: float
    belt: float  # under the window
    bumper: float
    sill: float
    foot: float
    tone: np.ndarray

    @property
    def high(self) -> float:
        return self.foot - self.top

    def at(self, *points: Pair) -> np.ndarray:
        """Points whose columns are given in half widths from the middle."""
        return np.array([(self.x + self.half * u, y) for u, y in points])

    def mirrored(self, points: np.ndarray) -> np.ndarray:
        """The same on the other side."""
        return points * (-1, 1) + (2 * self.x, 0)

    def row(self, share: float) -> float:
        """So much of its height under the window."""
        return self.belt + share * self.high

    def strip(self, u: float, y: float, deep: float) -> np.ndarray:
        """A rectangle from -u to u, `deep` pixels down from row `y`."""
        return self.at((-u, y), (u, y), (u, y + deep), (-u, y + deep))


def car(
    rng: np.random.Generator, image: np.ndarray, x: float, foot: float, wide: float, plate: Pair
) -> Pair:
    """Draws a car `wide` pixels wide around column `x`, standing on row `foot`, in place.

    Returns x, y of the middle of the place for a plate of the size `plate`.
    """
    high = wide * rng.uniform(0.6, 0.9)
    belt, sill = foot - high * rng.uniform(0.5, 0.62), foot - 0.1 * high
    bumper = belt + (sill - belt) * rng.uniform(0.45, 0.65)
    one = _Car(x, wide / 2, foot - high, belt, bumper, sill, foot, colour(rng))
    rear = rng.random() < 0.6
    _under(image, one)
    _cabin(rng, image, one)
    _body(rng, image, one, rear)
    _lamps(rng, image, one, rear)
    _marks(rng, image, one)
    places = (one.row(0.12) + bumper) / 2, (bumper + sill) / 2
    middle = x + one.half * rng.normal(0, 0.03), places[int(rng.integers(2))]
    _hollow(rng, image, np.array(middle), plate, one.tone)
    for _ in range(int(rng.poisson(1.5))):  # stickers, hooks, pipes, sensors
        spot = rng.uniform((x - one.half, belt), (x + one.half, foot))
        thing(rng, image, spot, rng.uniform(0.008, 0.05, 2) * wide)
    return middle


def aside(rng: np.random.Generator, image: np.ndarray, x: float, foot: float, long: float) -> None:
    """A car from the side, `long` pixels from column `x` on: it shows no plate. In place."""
    high, tone = long * rng.uniform(0.28, 0.4), colour(rng)

    def at(*points: Pair) -> np.ndarray:
        return np.array([(x + long * u, foot - high * v) for u, v in points])

    front, back = rng.uniform(0.15, 0.35), rng.uniform(0.7, 0.97)
    body = at((0, 0.15), (0.01, 0.5), (front, 0.6), (front + 0.12, 1), (back - 0.1, 1),
              (back, 0.62), (0.99, 0.55), (1, 0.15))  # fmt: skip
    fill(image, body, partial(paint, rng, tone=tone))
    glass = at((front + 0.03, 0.62), (front + 0.14, 0.93), (back - 0.12, 0.93), (back - 0.04, 0.62))
    fill(image, glass, partial(paint, rng, tone=np.full(3, 45.0)))
    for u in rng.uniform(front + 0.1, back - 0.1, 2):
        rim(image, at((u, 0.2), (u, 0.95)), tone * 0.5, 0.01 * long)
    for u in (rng.uniform(0.12, 0.2), rng.uniform(0.76, 0.86)):
        wheel(rng, image, at((u, 0.16))[0], 0.19 * high + 0.01 * long)


def _under(image: np.ndarray, one: _Car) -> None:
    """Shadow and tyres."""
    low = one.foot + 0.06 * one.high
    shadow = one.at((-1.1, one.foot), (1.1, one.foot), (0.9, low), (-0.9, low))
    fill(image, shadow, np.full(3, 25.0))
    for u in (-0.78, 0.78):
        low = one.foot + 0.03 * one.high
        tyre = one.at((u - 0.16, one.belt), (u + 0.16, one.belt), (u + 0.16, low), (u - 0.16, low))
        fill(image, tyre, np.full(3, 15.0))


def _cabin(rng: np.random.Generator, image: np.ndarray, one: _Car) -> None:
    """Roof, window, what is seen behind it and what sticks on it."""
    roof, high = rng.uniform(0.55, 0.8), one.belt - one.top
    shell = one.at((-roof, one.top), (roof, one.top), (0.95, one.belt), (-0.95, one.belt))
    fill(image, shell, one.tone * 0.9)
    y0, y1 = one.top + 0.15 * high, one.belt - 0.03 * high
    pane = one.at((0.05 - roof, y0), (roof - 0.05, y0), (0.84, y1), (-0.84, y1))
    glass = colour(rng, 0.8) * 0.45
    fill(image, pane, partial(paint, rng, tone=glass))
    for u in (-0.4, 0.4):
        if rng.random() < 0.5:
            seat = ellipse(
                one.at((u, one.belt - 0.3 * high))[0], np.ptp(pane, axis=0) * (0.09, 0.22)
            )
            fill(image, seat, glass * 0.5)
    for _ in range(int(rng.poisson(0.6))):
        spot = rng.uniform(pane.min(0), pane.max(0))
        thing(rng, image, spot, rng.uniform(0.03, 0.12, 2) * np.ptp(pane[:, 0]))


def _body(rng: np.random.Generator, image: np.ndarray, one: _Car, rear: bool) -> None:
    """Metal, the lid's gap, the grille, the bumper and what is let into it."""
    low = one.sill if rng.random() < 0.7 else one.foot - 0.04 * one.high
    sides = one.at((-0.95, one.belt), (0.95, one.belt), (1, one.row(0.1)), (0.98, low),
                   (-0.98, low), (-1, one.row(0.1)))  # fmt: skip
    fill(image, sides, partial(paint, rng, tone=one.tone))
    gap, lid = one.tone * rng.uniform(0.3, 0.7), rng.uniform(0.6, 0.85)
    edge = one.at((-lid, one.belt), (lid, one.belt), (lid - 0.08, one.bumper),
                  (0.08 - lid, one.bumper))  # fmt: skip
    rim(image, edge, gap, 1)
    if not rear:
        face = one.strip(
            rng.uniform(0.25, 0.6),
            one.row(rng.uniform(0.04, 0.12)),
            rng.uniform(0.05, 0.22) * one.high,
        )
        fill(image, face, partial(grille, rng))
        rim(image, face, np.full(3, rng.uniform(20, 240)), rng.uniform(0.5, 0.02 * one.high + 1))
    skirt = one.tone if rng.random() < 0.6 else np.full(3, rng.uniform(15, 90))
    low = one.foot - 0.05 * one.high
    apron = one.at((-1, one.bumper), (1, one.bumper), (0.96, low), (-0.96, low))
    fill(image, apron, partial(paint, rng, tone=skirt))
    rim(image, apron[:2], gap, rng.uniform(0.5, 0.03 * one.high + 1))
    if rng.random() < 0.5:
        y, deep = rng.uniform(one.bumper, one.sill), rng.uniform(0.03, 0.12) * one.high
        fill(image, one.strip(rng.uniform(0.3, 0.8), y, deep), partial(grille, rng))


def _lamps(rng: np.random.Generator, image: np.ndarray, one: _Car, rear: bool) -> None:
    """Lamps at both sides, and small ones or reflectors in the bumper."""
    inner = rng.uniform(0.5, 0.85)
    above, below = one.row(rng.uniform(-0.05, 0.08)), one.row(rng.uniform(0.12, 0.3))
    corners = one.at((0.99, above), (inner, above + rng.uniform(-0.02, 0.06) * one.high),
                     (inner + rng.uniform(-0.1, 0.1), below), (0.99, below))  # fmt: skip
    if rng.random() < 0.3:
        corners = ellipse((corners.min(0) + corners.max(0)) / 2, np.ptp(corners, axis=0) / 2)
    lamp(rng, image, corners, rear)
    lamp(rng, image, one.mirrored(corners), rear)
    if rng.random() < 0.5:
        spot = one.at((rng.uniform(0.5, 0.85), rng.uniform(one.bumper, one.sill)))[0]
        axes = np.array((rng.uniform(0.05, 0.12) * one.half, rng.uniform(0.015, 0.06) * one.high))
        small = ellipse(spot, axes) if rng.random() < 0.5 else _SQUARE * axes + spot
        lamp(rng, image, small, rear)
        lamp(rng, image, one.mirrored(small), rear)


def _marks(rng: np.random.Generator, image: np.ndarray, one: _Car) -> None:
    """The maker's badge, the model's name, a strip or handle."""
    chrome = np.full(3, float(rng.choice([30, 200, 235])))
    if rng.random() < 0.7:
        spot = one.at((0, one.row(rng.uniform(0.03, 0.14))))[0]
        badge(rng, image, spot, rng.uniform(0.02, 0.06) * one.high)
    for side in (-1, 1):
        if rng.random() < 0.5:
            u, wide = side * rng.uniform(0.35, 0.65), rng.uniform(0.12, 0.25)
            y = one.row(rng.uniform(0.04, 0.16))
            low = y + 0.04 * one.high
            (x0, y0), (x1, y1) = one.at((u - wide / 2, y), (u + wide / 2, low)).tolist()
            write(rng, image, words(rng, 1, 1)[:9], (x0, y0, x1, y1), chrome)
    if rng.random() < 0.4:
        y = rng.uniform(one.belt, one.bumper)
        bar = one.strip(rng.uniform(0.2, 0.9), y, 0.03 * one.high)
        fill(image, bar, partial(paint, rng, tone=chrome))


def _hollow(
    rng: np.random.Generator, image: np.ndarray, middle: np.ndarray, plate: Pair, tone: np.ndarray
) -> None:
    """What the plate stands in: a recess or panel that is larger than it, one in another."""
    for least, most in ((1.3, 2.6), (1.02, 1.5)):
        if rng.random() < 0.5:
            continue
        points = _SQUARE * rng.uniform(least, most, 2) * np.array(plate) / 2
        points[2:, 0] *= rng.uniform(0.85, 1.15)
        points += middle + rng.normal(0, 0.06, 2) * plate
        ink = tone * rng.uniform(0.25, 1.2) if rng.random() < 0.6 else colour(rng, 0.9)
        fill(image, points, partial(paint, rng, tone=ink))
        if rng.random() < 0.5:
            rim(image, points, ink * rng.uniform(0.3, 1.8), rng.uniform(0.5, 0.06 * plate[1] + 1))

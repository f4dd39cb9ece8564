"""The surface of a car, a side profile swept across its width, and the camera that sees it."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from carclf.drawing.bodies import Body
from carclf.drawing.scenery import SMOOTH, Colour, Light, rgb, tint

ANGLES = np.linspace(0, 2 * np.pi, 40, endpoint=False)
UNIT = np.column_stack([np.cos(ANGLES), np.sin(ANGLES), np.zeros(40)])


def rounded(corners: np.ndarray, radii: np.ndarray, steps: int = 7) -> np.ndarray:
    """A closed curve: the polygon `corners` [N, 2] with each corner replaced by a Bezier arc.

    `radii` [N] is the length of edge given to the arc, at most 0.48 of the shorter edge.
    """
    before, after = np.roll(corners, 1, 0) - corners, np.roll(corners, -1, 0) - corners
    t = np.linspace(0, 1, steps)[None, :, None]
    arms = []
    for edge in (before, after):
        length = np.linalg.norm(edge, axis=1) + 1e-9
        arms.append(corners + edge * np.minimum(0.48, radii / length)[:, None])
    start, end = arms[0][:, None], arms[1][:, None]
    curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * corners[:, None] + t**2 * end
    return curve.reshape(-1, 2)


class Car:
    """The surface of one car: `at` turns (x, y, f) into 3-D, f = -1..1 across the width."""

    def __init__(self, body: Body) -> None:
        self.body = b = body
        nose, deck, low = b.nose, b.deck, b.clearance
        back = b.length
        bonnet = ((0.2 + b.cowl[0]) / 2, (nose + b.cowl[1]) / 2 + 0.035)
        points = [
            (0.14, low, 0.1),
            (0.0, low + 0.14, 0.12),
            (0.02, nose - 0.14, 0.16),
            (0.17, nose, 0.2),
            (*bonnet, 0.9),
            (*b.cowl, 0.14),
        ]
        if b.roof:
            front, rear, fall = b.roof
            points += [
                (front, b.height - 0.05, 0.4),
                ((front + rear) / 2, b.height, 0.9),
                (rear, b.height - fall, 0.34),
            ]
        points += [
            (*b.tail, 0.08 if b.bed else 0.16),
            (back - 0.06, deck, 0.1),
            (back, deck - 0.24, 0.2),
            (back - 0.02, low + 0.2, 0.14),
            (back - 0.16, low + 0.04, 0.1),
        ]
        table = np.array(points)
        self.outline = rounded(table[:, :2], table[:, 2])
        self.half = b.width / 2

    def at(self, x: np.ndarray, y: np.ndarray, f: np.ndarray | float) -> np.ndarray:
        """Points [N, 3]: metres forward of the middle, up, and towards the camera side."""
        b = self.body
        narrow = 0.07 if b.height > 2 else 0.16
        above = np.minimum(np.maximum((y - b.cowl[1]) / (b.height - b.cowl[1]), 0), 1)
        below = np.minimum(np.maximum((b.clearance + 0.35 - y) / 0.35, 0), 1)
        half = self.half * (1 - narrow * above * np.sqrt(above)) * (1 - 0.05 * below)
        along = 1 - x * (2 / b.length)
        size = np.abs(f)
        z = f * half
        out = np.empty((*z.shape, 3))
        out[..., 0] = b.length / 2 - x - 0.26 * (size * size * size) * (along * along * along)
        out[..., 1] = y
        out[..., 2] = z
        return out

    def end_x(self, y: float, front: bool) -> float:
        """x of the front or rear face at height `y` metres."""
        o = self.outline
        low = o[:, 1] <= (self.body.nose if front else self.body.tail[1]) + 0.02
        side = o[low & ((o[:, 0] < self.body.length / 2) == front)]
        side = side[np.argsort(side[:, 1])]
        return float(np.interp(y, side[:, 1], side[:, 0]))

    def roof_y(self, x: float) -> float:
        """Height of the silhouette above `x`."""
        o = self.outline
        top = o[o[:, 1] > self.body.nose - 0.2]
        top = top[np.argsort(top[:, 0])]
        return float(np.interp(x, top[:, 0], top[:, 1]))


@dataclass
class Camera:
    """A pinhole camera around the car; angles in radians, `side` -1 or 1 is the way it faces."""

    side: int
    yaw: float
    pitch: float
    roll: float
    distance: float
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    def view(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels [..., 2] and nearness [...] of points [..., 3]."""
        x, y, z = points[..., 0] * self.side, points[..., 1], points[..., 2]
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        x, z = x * cos + z * sin, z * cos - x * sin
        cos, sin = math.cos(self.pitch), math.sin(self.pitch)
        y, z = y * cos - z * sin, z * cos + y * sin
        s = self.scale * self.distance / (self.distance - z)
        u, v = s * x, -s * y
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        out = np.empty((*u.shape, 2))
        out[..., 0] = u * cos - v * sin + self.shift[0]
        out[..., 1] = u * sin + v * cos + self.shift[1]
        return out, z


def area(p: np.ndarray) -> np.ndarray:
    """Signed area of polygons [..., N, 2] in pixels."""
    q = np.roll(p, -1, -2)
    return 0.5 * (p[..., 0] * q[..., 1] - q[..., 0] * p[..., 1]).sum(-1)


class Sketch:
    """A canvas, a camera and a car: fills polygons given on the car's surface."""

    def __init__(self, canvas: np.ndarray, camera: Camera, car: Car) -> None:
        self.canvas, self.camera, self.car = canvas, camera, car

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Pixels [N, 2] of points [N, 3] = (x, y, f) on the surface."""
        p = np.asarray(points, float)
        return self.camera.view(self.car.at(p[:, 0], p[:, 1], p[:, 2]))[0]

    def fill(self, points: np.ndarray, colour: Colour) -> None:
        p = self.pixels(points)
        cv2.fillPoly(self.canvas, [np.round(p * 16).astype(np.int32)], colour, SMOOTH, 4)

    def line(self, points: np.ndarray, colour: Colour, width: float, closed: bool = False) -> None:
        """`width` in metres."""
        p = np.round(self.pixels(points) * 16).astype(np.int32)
        thick = max(1, round(width * self.camera.scale))
        cv2.polylines(self.canvas, [p], closed, colour, thick, SMOOTH, 4)

    def shade(self, points: np.ndarray, values: np.ndarray, table: np.ndarray) -> None:
        """Fills with `table` [256, 3] looked up at `values` [N] in 0..1, linear between points."""
        p = self.pixels(points)
        self.fill(points, rgb(table[128]))
        height, width = self.canvas.shape[:2]
        low = np.clip(np.floor(p.min(0)).astype(int), 0, (width, height))
        high = np.clip(np.ceil(p.max(0)).astype(int) + 1, 0, (width, height))
        if (high <= low).any():
            return
        plane = np.linalg.lstsq(np.column_stack([p, np.ones(len(p))]), values, rcond=None)[0]
        xs = np.arange(low[0], high[0], dtype=np.float32) * np.float32(255 * plane[0])
        ys = np.arange(low[1], high[1], dtype=np.float32) * np.float32(255 * plane[1])
        level = np.clip(xs[None] + (ys + np.float32(255 * plane[2]))[:, None], 0, 255)
        colours = cv2.LUT(cv2.merge([level.astype(np.uint8)] * 3), table[None])
        mask = np.zeros(level.shape, np.uint8)
        cv2.fillPoly(mask, [np.round(p - low).astype(np.int32)], 255)
        box = self.canvas[low[1] : high[1], low[0] : high[0]]
        cv2.copyTo(colours, mask, box)

    def faces(self, points: np.ndarray) -> bool:
        """Whether a patch, corners in the outline's order then across, looks at the camera."""
        return bool(area(self.pixels(points)) * self.camera.side > 4)


def table(knots: list[tuple[float, Colour]]) -> np.ndarray:
    """A colour table [256, 3] uint8 from (position 0..1, colour) knots."""
    at = np.array([k for k, _ in knots])
    colours = np.array([c for _, c in knots])
    t = np.linspace(0, 1, 256)
    rows = [np.interp(t, at, colours[:, i]) for i in range(3)]
    return np.clip(np.stack(rows, 1), 0, 255).astype(np.uint8)


def lit(colour: Colour, light: Light, normal: np.ndarray) -> np.ndarray:
    """Colours [N, 3] of a glossy surface with unit normals [N, 3] in the car's frame."""
    sun = np.array(light.direction) / np.linalg.norm(light.direction)
    facing = np.clip(normal @ sun, 0, 1)[:, None]
    matt = np.array(colour) * (np.array(light.ambient) + facing * np.array(light.sun))
    sky = np.clip(normal[:, 1:2], 0, 1) ** 1.5 * np.array(light.bottom) * 0.22
    return np.clip(matt + sky + 255 * 0.35 * facing**24 * np.array(light.sun), 0, 255)


def patch(x0: float, y0: float, x1: float, y1: float, wide: float, mid: float = 0.0) -> np.ndarray:
    """A strip of the surface between two points of the outline, `wide` to both sides of `mid`."""
    f = np.linspace(-wide, wide, 7) + mid
    first = np.column_stack([np.full(7, x0), np.full(7, y0), f])
    second = np.column_stack([np.full(7, x1), np.full(7, y1), f[::-1]])
    return np.concatenate([first, second])


def flat(points: np.ndarray, f: float = 1.0) -> np.ndarray:
    """Profile points [N, 2] as surface points [N, 3] at one `f`; 1 is the near side."""
    p = np.asarray(points, float)
    return np.column_stack([p, np.full(len(p), f)])


def circle(x: float, y: float, radius: float, f: float = 1.0) -> np.ndarray:
    """A circle in the plane of the wheels, [40, 3] surface points."""
    return UNIT * (radius, radius, 0) + (x, y, f)


def seen_quads(sketch: Sketch, band: np.ndarray, up: bool) -> tuple[np.ndarray, np.ndarray]:
    """The small quads of a patch in pixels [6, 4, 2], and which of them the camera sees.

    `up` says that the patch runs the outline's way: up the front, over the roof, down the rear.
    """
    p = sketch.pixels(band)
    low, high = p[:7], p[:6:-1]
    quads = np.stack([low[:-1], low[1:], high[1:], high[:-1]], 1)
    return quads, area(quads) * (sketch.camera.side if up else -sketch.camera.side) > 0


def glass(light: Light, rng: np.random.Generator) -> np.ndarray:
    """Colours of a window from foot to top: dark inside, the sky's reflection above."""
    inside = tint((34, 40, 46), light)
    mirror = np.array(light.bottom) * rng.uniform(0.45, 0.85)
    horizon = rng.uniform(0.3, 0.6)
    middle = np.array(inside) * 0.65 + mirror * 0.35
    return table([(0, inside), (horizon, inside), (horizon + 0.06, rgb(middle)), (1, rgb(mirror))])


def head_lamp(light: Light) -> Colour:
    """White, or warm and shining when the lamps are on."""
    return (255.0, 248.0, 220.0) if light.lamps else tint((226, 232, 236), light)


def tail_lamp(light: Light) -> Colour:
    """Dark red glass, or shining red."""
    return (250.0, 40.0, 34.0) if light.lamps else tint((168, 22, 24), light)

"""The side of a drawn car: shaded skin, windows, doors, lamps, mirror."""

import numpy as np

from carclf.drawing.scenery import Colour, Light, rgb, tint
from carclf.drawing.shell import Sketch, flat, glass, head_lamp, lit, rounded, table, tail_lamp


def flank(
    sketch: Sketch, light: Light, paint: Colour, trim: Colour, rng: np.random.Generator
) -> None:
    """The near side, shaded by height, with all that is mounted on it."""
    car, b = sketch.car, sketch.car.body
    base = lit(paint, light, np.array([[0.0, 0.15, 0.99]]))[0]
    sky = np.array(light.bottom) * 0.2
    crease = b.cowl[1] - rng.uniform(0.1, 0.2)
    knots = [
        (0.0, base * 0.35),
        (b.clearance + 0.06, base * 0.5),
        (b.clearance + 0.3, base * 0.8),
        (crease - 0.08, base * 0.93),
        (crease - 0.02, base * 0.84),
        (crease + 0.02, base * 1.08 + sky),
        (b.cowl[1] + 0.05, base * 0.98 + sky * 0.5),
        (b.height, base * 1.1 + sky),
    ]
    shades = table([(y / b.height, rgb(c)) for y, c in knots])
    skin = flat(car.outline)
    sketch.shade(skin, skin[:, 1] / b.height, shades)
    upper = skin[(skin[:, 1] > b.nose + 0.02)]
    sketch.line(upper, rgb(base * 1.15 + sky * 1.6), 0.022)
    seam = rgb(base * 0.42)
    sill = np.array(
        [
            (b.axles[0], b.clearance),
            (b.axles[1], b.clearance),
            (b.axles[1], b.clearance + 0.12),
            (b.axles[0], b.clearance + 0.12),
        ]
    )
    sketch.fill(flat(sill), trim)
    _windows(sketch, light, rng, shades)
    _doors(sketch, light, seam, rgb(base * 1.1), rng)
    _side_lamps(sketch, light)
    if rng.random() < b.rails and b.roof:
        xs = np.linspace(b.roof[0] + 0.15, b.roof[1] - 0.05, 12)
        rail = np.array([(x, car.roof_y(x) + 0.05, 0.95) for x in xs])
        metal = (150, 152, 156) if rng.random() < 0.5 else (40, 40, 42)
        sketch.line(rail, tint(metal, light), 0.035)
    x, y = b.cowl[0] + (0.34 if b.roof else 0.2), b.cowl[1] + 0.1
    a = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    bulge = np.column_stack([x + 0.085 * np.cos(a), y + 0.075 * np.sin(a), np.full(24, 1.16)])
    sketch.fill(bulge, rgb(base * 0.75))
    sketch.fill(np.add(bulge, (0.0, 0.02, 0.0)), rgb(base))


def _windows(sketch: Sketch, light: Light, rng: np.random.Generator, shades: np.ndarray) -> None:
    b = sketch.car.body
    frame = tint((22, 22, 24), light)
    if not b.roof:
        edge = np.array([b.cowl, (b.cowl[0] + 0.5, b.height)])
        sketch.line(flat(edge, 0.98), frame, 0.05)
        return
    front, rear, fall = b.roof
    foot, foot_rear = b.cowl[1] + 0.05, b.tail[1] + 0.05
    top = min(b.height - 0.11, foot + 0.74)
    slope = (front - b.cowl[0]) / (b.height - 0.05 - b.cowl[1])
    back = (b.tail[0] - rear) / (b.height - fall - b.tail[1])
    left = b.cowl[0] + 0.2 + slope * 0.04
    right = b.tail[0] - back * 0.05 - 0.17
    end = rear + back * (b.height - fall - top) - 0.15
    if b.glass_end:
        right = end = b.glass_end
    shape = np.array(
        [
            (left, foot),
            (b.cowl[0] + slope * (top - b.cowl[1]) + 0.13, top - 0.02),
            ((front + min(rear, end)) / 2, top + (0.025 if top > b.height - 0.2 else 0)),
            (end, top - fall * 0.6),
            (right, foot_rear if not b.glass_end else foot),
        ]
    )
    pane = rounded(shape, np.array([0.05, 0.12, 0.8, 0.12, 0.07]))
    values = (pane[:, 1] - foot) / (top - foot)
    lean = (pane[:, 0] - left) / (right - left + 1e-6)
    sketch.shade(flat(pane), 0.1 + 0.75 * values + 0.12 * lean, glass(light, rng))
    inside = tint((16, 18, 20), light)
    for x in np.arange(left + 0.75, right - 0.2, 0.85):
        seat = np.array(
            [(x, foot), (x + 0.1, foot + 0.26), (x + 0.24, foot + 0.26), (x + 0.3, foot)]
        )
        sketch.fill(flat(rounded(seat, np.full(4, 0.05), 4)), inside)
    sketch.line(flat(pane), frame, 0.025, closed=True)
    if rng.random() < 0.3:
        sketch.line(flat(pane), tint((200, 202, 204), light), 0.018, closed=True)
    body_posts = rng.random() < 0.4
    for x in b.pillars:
        if left + 0.15 < x < right - 0.15:
            y = np.interp(x, [left, right], [foot, foot_rear])
            post = np.array([(x, y - 0.01), (x + 0.03, top), (x + 0.1, top), (x + 0.09, y - 0.01)])
            colour = rgb(shades[200]) if body_posts else frame
            sketch.fill(flat(post), colour)


def _doors(
    sketch: Sketch, light: Light, seam: Colour, bright: Colour, rng: np.random.Generator
) -> None:
    b = sketch.car.body
    belt = b.cowl[1] + 0.04
    low = b.clearance + 0.13
    ys = np.linspace(belt, low, 14)
    reach = 1.24 * b.wheel
    for k, x in enumerate(b.doors):
        xs = np.full(14, x) + 0.05 * np.sin(np.linspace(0, np.pi, 14)) * (-1 if k == 0 else 1)
        for axle, sign in zip(b.axles, (1, -1), strict=True):
            clear = np.sqrt(np.maximum(reach**2 - (ys - b.wheel) ** 2, 0))
            inside = np.abs(xs - axle) < clear
            xs = np.where(inside, axle + sign * clear, xs)
        sketch.line(flat(np.column_stack([xs, ys])), seam, 0.014)
        if k:
            y = belt - rng.uniform(0.13, 0.17)
            left, right, low_edge = x - 0.3, x - 0.1, y - 0.035
            handle = np.array([(left, y), (right, y), (right, low_edge), (left, low_edge)])
            sketch.fill(flat(handle), seam)
            sketch.line(flat(handle[:2]), bright, 0.015)
    floor = np.array([(b.doors[0], low), (min(b.doors[-1], b.axles[1] - reach), low)])
    sketch.line(flat(floor), seam, 0.012)
    if sketch.car.body.height > 2:
        rail = np.array([(b.doors[-1], belt - 0.2), (b.length - 0.5, belt - 0.2)])
        sketch.line(flat(rail), seam, 0.025)
    if b.bed:
        edge = np.array([(b.tail[0] + 0.04, belt - 0.06), (b.tail[0] + 0.04, low + 0.15)])
        sketch.line(flat(edge), seam, 0.025)
        rim = np.array([(b.tail[0] + 0.1, b.tail[1] - 0.02), (b.length - 0.1, b.deck - 0.02)])
        sketch.line(flat(rim), tint((30, 30, 32), light), 0.04)


def _side_lamps(sketch: Sketch, light: Light) -> None:
    b, end_x = sketch.car.body, sketch.car.end_x
    top = b.nose - 0.06
    front = np.array(
        [
            (end_x(top - 0.14, True) + 0.01, top - 0.14),
            (end_x(top, True) + 0.02, top),
            (0.42, top + 0.015),
            (0.3, top - 0.1),
        ]
    )
    sketch.fill(flat(rounded(front, np.full(4, 0.04), 4)), head_lamp(light))
    y0, y1 = (b.deck - 0.3, b.deck - 0.01) if b.tall_lights else (b.deck - 0.22, b.deck - 0.08)
    wide = 0.14 if b.tall_lights else 0.3
    rear = np.array(
        [
            (end_x(y0, False) - 0.01, y0),
            (end_x(y1, False) - 0.01, y1),
            (b.length - wide - 0.06, y1),
            (b.length - wide, y0),
        ]
    )
    sketch.fill(flat(rounded(rear, np.full(4, 0.03), 4)), tail_lamp(light))

"""A drawn car, painted from far to near: shadow, shell, glass, ends, side, wheels."""

import cv2
import numpy as np

from carclf.drawing.ends import end_seen, front_face, rear_face
from carclf.drawing.scenery import Colour, Light, tint
from carclf.drawing.shell import Sketch, area, circle, flat, glass, lit, patch, rounded, seen_quads
from carclf.drawing.side import flank

RUBBER = (30.0, 30.0, 32.0)


def paint_car(sketch: Sketch, rng: np.random.Generator, light: Light, paint: Colour) -> None:
    """Paints the whole car and its shadow onto the sketch's canvas."""
    front_seen, rear_seen = (end_seen(sketch, front) for front in (True, False))
    cladding = sketch.car.body.height > 1.6 and rng.random() < 0.55
    trim = tint((52, 53, 56), light) if cladding else tint(paint, light, 0.5)
    _shadow(sketch, light, rng)
    _far_wheels(sketch, light)
    _shell(sketch, light, paint)
    _screens(sketch, light, rng)
    if front_seen:
        front_face(sketch, light, rng, trim)
    if rear_seen:
        rear_face(sketch, light, rng, trim)
    flank(sketch, light, paint, trim, rng)
    _wheels(sketch, light, rng)
    if light.lamps:
        _glow(sketch, front_seen, rear_seen)


def _shadow(sketch: Sketch, light: Light, rng: np.random.Generator) -> None:
    canvas, b = sketch.canvas, sketch.car.body
    height, width = canvas.shape[:2]
    lean = rng.uniform(-0.25, 0.25)
    foot = np.array(
        [
            (0.05 + lean, 0, -1.05),
            (b.length - 0.05 + lean, 0, -1.05),
            (b.length - 0.05, 0, 1.04),
            (0.05, 0, 1.04),
        ]
    )
    mask = np.zeros((height // 4, width // 4), np.uint8)
    cv2.fillPoly(mask, [np.round(sketch.pixels(foot) / 4).astype(np.int32)], 255)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.05 * sketch.camera.scale / 4 + 0.8)
    soft = cv2.resize(soft, (width, height))
    # convertScaleAbs never sees a negative value: depth is below 1
    depth = 0.45 + 0.4 * light.sun[0]
    keep = cv2.convertScaleAbs(soft, alpha=-depth, beta=255)
    cv2.multiply(canvas, cv2.merge([keep] * 3), dst=canvas, scale=1 / 255)


def _far_wheels(sketch: Sketch, light: Light) -> None:
    b = sketch.car.body
    belly = [(b.axles[0], b.clearance + 0.1), (b.axles[1], b.clearance + 0.1)]
    for f in (-0.95, -0.75, 0.7):
        for x in b.axles:
            sketch.fill(circle(x, b.wheel, b.wheel, f), tint(RUBBER, light, 0.6))
    low = np.array([(x, y, f) for f in (-0.9, 0.9) for x, y in belly])[[0, 1, 3, 2]]
    sketch.fill(low, tint((20, 20, 22), light, 0.6))


def _shell(sketch: Sketch, light: Light, paint: Colour) -> None:
    """The swept surface as small quads, far ones first."""
    car, camera = sketch.car, sketch.camera
    o = car.outline
    f = np.linspace(-1, 1, 9)
    grid = car.at(o[:, :1], o[:, 1:], f[None])
    spots, near = camera.view(grid)
    nxt = np.roll(np.arange(len(o)), -1)
    quads = np.stack([spots[:, :-1], spots[nxt, :-1], spots[nxt, 1:], spots[:, 1:]], 2)
    along, across = grid[nxt, :-1] - grid[:, :-1], grid[:, 1:] - grid[:, :-1]
    normal = np.cross(along, across)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9
    depth = (near[:, :-1] + near[nxt, 1:]) / 2
    seen = area(quads) * camera.side < 0
    colours = lit(paint, light, normal[seen])
    low = grid[:, :-1][seen][:, 1] < car.body.clearance + 0.12
    colours[low] *= 0.5
    pixels = np.round(quads[seen] * 16).astype(np.int32)
    for k in np.argsort(depth[seen]):
        cv2.fillConvexPoly(sketch.canvas, pixels[k], colours[k].tolist(), cv2.LINE_8, 4)


def _screens(sketch: Sketch, light: Light, rng: np.random.Generator) -> None:
    b = sketch.car.body
    panes = []
    if b.bed:
        floor = patch(b.tail[0] + 0.1, b.tail[1], b.length - 0.14, b.deck, 0.84)
        sketch.fill(floor, tint((34, 34, 36), light))
    if b.roof:
        front, rear, fall = b.roof
        panes.append((b.cowl, (front, b.height - 0.05), 0.08, 0.9))
        foot = (b.tail[0], max(b.tail[1], b.height * 0.58 if b.height > 2 else 0.0))
        panes.append(((rear, b.height - fall), foot, 0.16, 0.9))
    else:
        _cockpit(sketch, light, rng)
        panes.append((b.cowl, (b.cowl[0] + 0.5, b.height), 0.02, 1.0))
    colours = glass(light, rng)
    for (x0, y0), (x1, y1), start, end in panes:
        xs = x0 + (x1 - x0) * np.array([start, end])
        ys = y0 + (y1 - y0) * np.array([start, end])
        pane = patch(xs[0], ys[0], xs[1], ys[1], 0.88)
        seen = seen_quads(sketch, pane, True)[1]
        if not seen.any():
            continue
        columns = np.flatnonzero(np.append(seen, False) | np.append(False, seen))
        pane = pane[np.concatenate([columns, 13 - columns[::-1]])]
        values = (pane[:, 1] - ys.min()) / (ys.max() - ys.min() + 1e-6)
        sketch.shade(pane, values * 0.8 + 0.1 + 0.1 * pane[:, 2], colours)
        sketch.line(pane, tint((18, 18, 20), light), 0.02, closed=True)


def _cockpit(sketch: Sketch, light: Light, rng: np.random.Generator) -> None:
    b = sketch.car.body
    x0, x1 = b.cowl[0] + 0.16, b.tail[0] - 0.1
    y = b.cowl[1] + 0.01
    sketch.fill(patch(x0, y, x1, y, 0.86), tint((36, 34, 34), light))
    leather = [(60, 56, 54), (150, 60, 40), (196, 176, 140), (28, 28, 30)][rng.integers(4)]
    for f in (-0.42, 0.42):
        for x in np.linspace(x1 - 0.28, x1 - 0.95, int(rng.integers(1, 3))):
            seat = np.array(
                [
                    (x, y - 0.1),
                    (x + 0.2, y + 0.2),
                    (x + 0.24, y + 0.33),
                    (x + 0.36, y + 0.33),
                    (x + 0.36, y - 0.1),
                ]
            )
            outline = rounded(seat, np.full(5, 0.06), 4)
            for g in (f - 0.2, f, f + 0.2):
                sketch.fill(flat(outline, g), tint(leather, light, 0.8 + 0.2 * (g > f)))
    wheel = [
        (x0 + 0.3 + 0.05 * np.cos(a), y + 0.04 + 0.13 * np.sin(a), 0.42 + 0.16 * np.cos(a))
        for a in np.linspace(0, 6.28, 20)
    ]
    sketch.line(np.array(wheel), tint((24, 24, 26), light), 0.025, closed=True)


def _wheels(sketch: Sketch, light: Light, rng: np.random.Generator) -> None:
    b = sketch.car.body
    spokes = int(rng.choice([0, 5, 6, 7, 8, 10]))
    width = rng.uniform(0.25, 0.6)
    metal = [(196, 198, 202), (150, 152, 156), (70, 72, 76)][rng.choice(3, p=(0.5, 0.3, 0.2))]
    bright, dark = tint(metal, light), tint((28, 28, 30), light)
    turn = rng.uniform(0, 2 * np.pi)
    rim = b.wheel * rng.uniform(0.62, 0.74)
    for x in b.axles:
        arch = circle(x, b.wheel, b.wheel * 1.13)
        arch = arch[arch[:, 1] > b.clearance + 0.015]
        arch = arch[np.argsort(np.arctan2(arch[:, 1] - b.wheel, arch[:, 0] - x + 1e-9))]
        sketch.fill(arch, tint((14, 14, 16), light))
        for f in (0.72, 0.8, 0.88, 0.95):
            sketch.fill(circle(x, b.wheel, b.wheel, f), tint(RUBBER, light, 0.75))
        sketch.fill(circle(x, b.wheel, b.wheel, 0.99), tint(RUBBER, light, 1.25))
        sketch.fill(circle(x, b.wheel, rim, 0.99), bright)
        if spokes:
            sketch.fill(circle(x, b.wheel, rim * 0.9, 0.97), dark)
            for k in range(spokes):
                a = turn + 2 * np.pi * k / spokes
                h = width * np.pi / spokes
                ends = ((0.2, -1.2), (0.94, -0.6), (0.94, 0.6), (0.2, 1.2))
                ring = [(r, a + side * h) for r, side in ends]
                spoke = [(x + rim * r * np.cos(t), b.wheel + rim * r * np.sin(t)) for r, t in ring]
                sketch.fill(flat(np.array(spoke), 0.99), bright)
        sketch.fill(circle(x, b.wheel, rim * 0.24), bright)
        sketch.fill(circle(x, b.wheel, rim * 0.12), dark)


def _glow(sketch: Sketch, front_seen: bool, rear_seen: bool) -> None:
    canvas, b = sketch.canvas, sketch.car.body
    height, width = canvas.shape[:2]
    small = np.zeros((height // 4, width // 4, 3), np.uint8)
    sides = (-0.8, 0.8)
    spots = [(True, b.nose - 0.12, f, (255, 240, 200), 0.16) for f in sides] * front_seen
    spots += [(False, b.deck - 0.15, f, (255, 40, 30), 0.09) for f in sides] * rear_seen
    for front, y, f, colour, radius in spots:
        at = sketch.pixels(np.array([(sketch.car.end_x(y, front), y, f)]))[0] / 4
        cv2.circle(
            small,
            (int(at[0]), int(at[1])),
            max(1, int(radius * sketch.camera.scale / 4)),
            colour,
            -1,
        )
    soft = cv2.GaussianBlur(small, (0, 0), 0.14 * sketch.camera.scale / 4 + 0.5)
    cv2.add(canvas, cv2.resize(soft, (width, height)), dst=canvas)

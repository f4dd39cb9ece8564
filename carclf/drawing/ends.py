"""The front and the rear of a drawn car: grille, lamps, number plate, tailgate."""

import cv2
import numpy as np

from carclf.drawing.scenery import SMOOTH, Colour, Light, tint
from carclf.drawing.shell import Sketch, head_lamp, patch, seen_quads, tail_lamp

LETTERS = "ABCDEFHKLMNPRSTUVXYZ"


def end_seen(sketch: Sketch, front: bool) -> bool:
    """Whether the front or rear face, as a whole, looks at the camera."""
    b = sketch.car.body
    low, high = b.clearance + 0.15, (b.nose if front else b.deck) - 0.2
    xs = [sketch.car.end_x(y, front) for y in (low, high)]
    quad = patch(xs[0], low, xs[1], high, 0.5)
    return sketch.faces(quad if front else quad[::-1])


def _band(sketch: Sketch, front: bool, y0: float, y1: float, f0: float, f1: float) -> np.ndarray:
    """A patch on the front or rear face: heights in metres, f across."""
    low, high = sketch.car.end_x(y0, front), sketch.car.end_x(y1, front)
    return patch(low, y0, high, y1, (f1 - f0) / 2, (f0 + f1) / 2)


def _cover(
    sketch: Sketch, front: bool, band: np.ndarray, colour: Colour, edge: Colour | None = None
) -> None:
    """Fills what the camera sees of a band: the ends of a car are curved. Edge if all is seen."""
    quads, seen = seen_quads(sketch, band, front)
    for quad in np.round(quads[seen] * 16).astype(np.int32):
        cv2.fillConvexPoly(sketch.canvas, quad, colour, cv2.LINE_8, 4)
    if edge and seen.all():
        sketch.line(band, edge, 0.015, closed=True)


def front_face(sketch: Sketch, light: Light, rng: np.random.Generator, trim: Colour) -> None:
    """Grille, lamps, bumper and plate of the front."""
    b = sketch.car.body
    top, low = b.nose - 0.05, b.clearance
    dark = tint((24, 25, 27), light)
    tall = rng.uniform(0.11, 0.2) * b.nose / 0.75
    _cover(sketch, True, _band(sketch, True, low + 0.02, low + 0.16, -0.95, 0.95), trim)
    _cover(sketch, True, _band(sketch, True, low + 0.06, low + 0.17, -0.62, 0.62), dark)
    half = rng.uniform(0.3, 0.56)
    grille = _band(sketch, True, top - tall, top, -half, half)
    chrome = tint((196, 198, 200), light) if rng.random() < 0.7 else None
    _cover(sketch, True, grille, dark, chrome)
    for k in range(int(rng.integers(0, 4))):
        y = top - tall * (k + 0.7) / 4
        sketch.line(_band(sketch, True, y, y, -half, half)[:7], tint((150, 152, 154), light), 0.015)
    start, lamp = rng.uniform(0.58, 0.66), head_lamp(light)
    for sign in (-1, 1):
        ends = sorted((sign * start, sign * 0.98))
        _cover(sketch, True, _band(sketch, True, top - tall * 0.9, top - 0.01, *ends), dark)
        ends = sorted((sign * (start + 0.05), sign * 0.96))
        _cover(sketch, True, _band(sketch, True, top - tall * 0.72, top - 0.04, *ends), lamp)
    _plate(sketch, light, rng, True, low + 0.24)


def rear_face(sketch: Sketch, light: Light, rng: np.random.Generator, trim: Colour) -> None:
    """Lamps, tailgate, bumper and plate of the rear."""
    b = sketch.car.body
    low = b.clearance
    _cover(sketch, False, _band(sketch, False, low + 0.02, low + 0.18, -0.95, 0.95), trim)
    red = tail_lamp(light)
    low_lamp, gap, f0 = (0.3, 0.01, 0.84) if b.tall_lights else (0.24, 0.08, 0.6)
    y0, y1 = b.deck - low_lamp, b.deck - gap
    for sign in (-1, 1):
        ends = sorted((sign * f0, sign * 0.99))
        lamp = _band(sketch, False, y0, y1, *ends)
        _cover(sketch, False, lamp, red, tint((60, 16, 16), light))
    if b.height > 2:
        ys = np.linspace(low + 0.2, b.tail[1], 5)
        rows = [(sketch.car.end_x(y, False), y, 0.0) for y in ys]
        sketch.line(np.array(rows), tint((20, 20, 22), light), 0.015)
    else:
        lid = _band(sketch, False, low + 0.4, b.deck - 0.06, -0.8, 0.8)
        if seen_quads(sketch, lid, False)[1].all():
            sketch.line(lid, tint((90, 90, 90), light, 0.4), 0.012, closed=True)
    _plate(sketch, light, rng, False, low + (0.26 if rng.random() < 0.5 else 0.42))


def _plate(sketch: Sketch, light: Light, rng: np.random.Generator, front: bool, y: float) -> None:
    digits = "".join(LETTERS[rng.integers(len(LETTERS))] for _ in range(3))
    text = f"{digits} {rng.integers(100, 1000)}"
    ground = (240, 240, 236) if rng.random() < 0.75 else (240, 206, 70)
    label = np.full((30, 136, 3), ground, np.uint8)
    cv2.putText(label, text, (6, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.82, (20, 22, 30), 2, SMOOTH)
    cv2.rectangle(label, (0, 0), (135, 29), (30, 30, 34), 2)
    label = (label * np.array(tint((235, 235, 235), light)) / 255).astype(np.uint8)
    x0, x1 = (sketch.car.end_x(v, front) for v in (y, y + 0.115))
    quad = sketch.pixels(
        np.array([(x1, y + 0.115, -0.29), (x1, y + 0.115, 0.29), (x0, y, 0.29), (x0, y, -0.29)])
    ).astype(np.float32)
    if quad[0, 0] > quad[1, 0]:
        quad = quad[[1, 0, 3, 2]]
    corners = np.array([(0, 0), (136, 0), (136, 30), (0, 30)], np.float32)
    height, width = sketch.canvas.shape[:2]
    matrix = cv2.getPerspectiveTransform(corners, quad)
    shrunk = cv2.warpPerspective(
        label,
        matrix,
        (width, height),
        dst=sketch.canvas,
        flags=cv2.INTER_AREA,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
    sketch.canvas[:] = shrunk

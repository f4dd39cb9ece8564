"""What surrounds a face or covers a part of it: hair, ears, neck, glasses, hands, microphones."""

import numpy as np

from landmarks.drawing.head import FIRST_JAW
from landmarks.drawing.sketch import CIRCLE, Sketch, ball


def behind(sketch: Sketch, rng: np.random.Generator) -> None:
    """All that the face hides: long hair, shoulders, neck, skull, ears."""
    look, level, face = sketch.look, sketch.level, sketch.face
    wide = face.traits.width
    hair, shade = look.hair * level * 0.8, look.skin * level * 0.62
    if look.long:
        sketch.hull(
            ball((0, look.long / 2 - 0.2, -0.75), (1.12 * wide, 1.15 + look.long / 2, 0.75)),
            hair * 0.75,
        )
    centre = sketch.camera.pixels(np.array([0.0, 2.0, -0.8]))
    size = sketch.camera.scale * np.array((rng.uniform(1.5, 2.1), rng.uniform(0.5, 0.7)))
    sketch.fill(centre + CIRCLE * size, look.cloth * level)
    body = centre + np.array([(-1, 0), (1, 0), (1.05, 6), (-1.05, 6)]) * size
    sketch.fill(body, look.cloth * level)
    half = rng.uniform(0.42, 0.58)
    neck = np.concatenate(
        [ball((0, 0.75, -0.55), (half * 1.05, 0.1, 0.4)), ball((0, 1.9, -0.75), (half, 0.2, 0.4))]
    )
    sketch.hull(neck, shade)
    edge = face.mask[FIRST_JAW + 8 :, [0, -1]].reshape(-1, 3)
    sketch.hull(np.concatenate([edge, ball((0, 1.0, -0.5), (half, 0.1, 0.3))]), shade)
    bald = look.hairline < -1.1
    skull = ball((0, -0.3, -0.62), (0.9 * wide, 0.9, 0.95))
    sketch.hull(skull, look.skin * level * 0.85 if bald else hair)
    if not bald:
        thick = rng.uniform(1.02, 1.2)
        cap = ball((0, -0.36, -0.55), (0.92 * wide * thick, 0.88 * thick, 0.85))
        sketch.hull(cap, hair)
    if not look.long or rng.random() < 0.4:
        for sign, k in ((-1, 0), (1, 1)):
            ear = ball((sign * 0.93 * wide, 0.18, -0.75), (0.05, 0.26, 0.12))
            sketch.hull(ear, look.skin * sketch.sides[k] * 0.88)
            inner = ball((sign * 0.96 * wide, 0.18, -0.74), (0.03, 0.15, 0.06))
            sketch.hull(inner, look.skin * sketch.sides[k] * 0.6)


def glasses(sketch: Sketch, rng: np.random.Generator) -> None:
    """Frames before the eyes; now and then dark."""
    marks = sketch.face.marks
    frame = rng.uniform(0, 90) * np.ones(3) if rng.random() < 0.8 else rng.uniform(60, 200, 3)
    width, power = rng.uniform(0.012, 0.04), rng.uniform(0.5, 1.0)
    shape = (
        np.sign(CIRCLE)
        * np.abs(CIRCLE) ** power
        * (rng.uniform(0.2, 0.25), rng.uniform(0.13, 0.19))
    )
    dark = rng.random() < 0.25
    inner = []
    for first, sign, side in ((36, -1, 0), (42, 1, 1)):
        centre = (marks[first] + marks[first + 3]) / 2 + (0.01 * sign, 0.03, 0.16)
        rim = sketch.camera.pixels(np.column_stack([shape, np.zeros(len(shape))]) + centre)
        sketch.blend(rim, np.full(3, 22.0 if dark else 230.0), 0.85 if dark else 0.1)
        if sketch.normal[FIRST_JAW, 1 if sign < 0 else -2, 2] > -0.05:
            arm = np.array([np.add(centre, (sign * 0.22, -0.04, 0)), (sign * 0.9, 0.02, -0.6)])
            sketch.line(sketch.camera.pixels(arm), frame * sketch.sides[side], width)
        sketch.line(rim, frame * sketch.sides[side], width, closed=True)
        inner.append(centre - (sign * 0.2, 0.03, 0))
    sketch.line(sketch.camera.pixels(np.array(inner)), frame * sketch.level, width)


def hand(sketch: Sketch, rng: np.random.Generator) -> None:
    """Fingers that reach over the lower face from the left or the right."""
    sign = rng.choice([-1, 1])
    tip = np.array([sign * rng.uniform(0.25, 0.7), rng.uniform(0.6, 1.2)])
    way = np.array([sign * rng.uniform(0.2, 0.7), 1.0])
    way /= np.linalg.norm(way)
    across = np.array([-way[1], way[0]])
    thick = rng.uniform(0.12, 0.17)
    tone = sketch.look.skin * sketch.level
    for k in range(int(rng.integers(2, 5))):
        start = tip + across * k * thick * 1.05 + way * 0.08 * (k - 1.5) ** 2
        ends = np.column_stack([[start, start + way * 0.9], [0.35, 0.3]])
        line = sketch.camera.pixels(ends)
        sketch.line(line, tone * 0.6, thick * 1.12)
        sketch.line(line, tone * (0.95 - 0.05 * k), thick)
    palm = tip + way * 0.95 + across * thick * 1.5
    pixels = sketch.camera.pixels(
        np.column_stack([palm + CIRCLE * 0.42, np.full(len(CIRCLE), 0.3)])
    )
    sketch.fill(pixels, tone * 0.85)


def microphone(sketch: Sketch, rng: np.random.Generator) -> None:
    """A ball before or under the mouth on a stick from below."""
    centre = np.array([rng.normal(0, 0.3), rng.uniform(0.95, 1.35), 0.5])
    radius = rng.uniform(0.14, 0.22)
    foot = np.add(centre, (rng.normal(0, 0.4), 1.8, 0))
    grey = rng.uniform(20, 110) * np.ones(3) if rng.random() < 0.7 else rng.uniform(20, 200, 3)
    sketch.line(sketch.camera.pixels(np.array([centre, foot])), grey * 0.5, radius * 0.9)
    rim = np.column_stack([CIRCLE * radius, np.zeros(len(CIRCLE))]) + centre
    sketch.fill(sketch.camera.pixels(rim), grey * sketch.level)
    gleam = (
        np.column_stack([CIRCLE * radius * 0.45, np.zeros(len(CIRCLE))]) + centre - (0.06, 0.06, 0)
    )
    sketch.fill(sketch.camera.pixels(gleam), (grey + 50) * sketch.level)

"""The skin and what lies on it: eyes, brows, lips, nostrils, hair that grows from it."""

import cv2
import numpy as np

from landmarks.drawing.head import ANGLES, COLUMNS, FIRST_JAW, STEP, spline
from landmarks.drawing.sketch import CIRCLE, SMOOTH, Sketch, fixed, rgb

NOSE_FROM = COLUMNS // 2 - 4  # the mask's columns of the nose are this far from its edges


def skin(sketch: Sketch, rng: np.random.Generator) -> None:
    """The front of the head with hairline, beard and the nose's shade."""
    mask, look = sketch.face.mask, sketch.look
    x, y = mask[..., 0], mask[..., 1]
    colour = np.broadcast_to(look.skin, mask.shape).copy()
    colour *= 1 + 0.02 * rng.standard_normal((*x.shape, 1))
    red = np.exp(-(((np.abs(x) - 0.48) / 0.2) ** 2) - ((y - 0.45) / 0.18) ** 2)
    red += 0.6 * np.exp(-((x / 0.12) ** 2) - ((y - 0.47) / 0.1) ** 2)
    colour *= 1 - red[..., None] * (0.0, 0.09, 0.09)
    socket = np.exp(-(((np.abs(x) - 0.36) / 0.17) ** 2) - ((y - 0.02) / 0.1) ** 2)
    colour *= 1 - 0.2 * socket[..., None]
    strands = 1 + 0.13 * rng.standard_normal((*x.shape, 1))
    if look.beard:
        marks = sketch.face.marks
        low = np.clip((y - 0.52 + np.clip(np.abs(x) - 0.6, 0, 0.25)) / 0.18, 0, 1)
        bare = np.exp(-((x / 0.33) ** 4) - ((y - marks[57, 1] + 0.08) / 0.2) ** 4)
        cheek = np.exp(-(((np.abs(x) - 0.4) / 0.22) ** 4) - ((y - 0.6) / 0.22) ** 4)
        share = (look.beard * low * (1 - bare) * (1 - cheek))[..., None]
        colour = colour * (1 - share) + look.hair * 0.8 * strands * share
    side = (np.abs(ANGLES) / (np.pi / 2)) ** 2.5
    edge = look.hairline + look.parting * ANGLES + (look.temple - look.hairline) * side
    share = np.clip((edge - y) / 0.06 + 0.5, 0, 1)[..., None]
    colour = colour * (1 - share) + look.hair * strands * share
    _quads(sketch, look.lit(colour, sketch.normal))
    # The quads are flat; a blur of their size makes them one surface.
    size = np.ptp(sketch.screen[:, 0, 1]) / len(mask)
    cv2.GaussianBlur(sketch.canvas, (0, 0), 0.35 * size, dst=sketch.canvas)
    sketch.skin = sketch.canvas.copy()


def nose(sketch: Sketch) -> None:
    """The nose once more, in front of the far eye; then the nostrils."""
    rows, columns = slice(FIRST_JAW, FIRST_JAW + 3 * STEP), slice(NOSE_FROM, COLUMNS - NOSE_FROM)
    shape = np.zeros(sketch.canvas.shape[:2], np.uint8)
    for quad in fixed(_seen(sketch.screen[rows, columns])[0]):
        cv2.fillConvexPoly(shape, quad, 255, cv2.LINE_8, 4)
    cv2.copyTo(sketch.skin, shape, sketch.canvas)
    m = sketch.marks
    dark = sketch.look.skin * 0.3 * sketch.level
    across = (m[35] - m[31]) * 0.17
    down = (m[33] - m[30]) * 0.14
    for outer, inner in ((31, 32), (35, 34)):
        centre = 0.35 * m[outer] + 0.65 * m[inner] - down * 0.8
        sketch.fill(centre + CIRCLE[:, :1] * across + CIRCLE[:, 1:] * down, dark)
    wing = spline(m[[31, 32, 33, 34, 35]], np.linspace(0, 4, 17))
    sketch.line(wing, sketch.look.skin * 0.5 * sketch.level, 0.008)


def _seen(screen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The quads [Q, 4, 2] of a part of the mask that face the camera, and which they are."""
    p = screen
    quads = np.stack([p[:-1, :-1], p[:-1, 1:], p[1:, 1:], p[1:, :-1]], 2)
    a, b = quads[:, :, 2] - quads[:, :, 0], quads[:, :, 3] - quads[:, :, 1]
    seen = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0] > 0
    return quads[seen], seen


def _quads(sketch: Sketch, lit: np.ndarray) -> None:
    """Fills the mask's quads that face the camera, the farthest first."""
    quads, seen = _seen(sketch.screen)
    z = sketch.turned[..., 2]
    order = np.argsort((z[:-1, :-1] + z[1:, 1:])[seen])
    colours = (lit[:-1, :-1] + lit[:-1, 1:] + lit[1:, 1:] + lit[1:, :-1])[seen][order] / 4
    for shape, colour in zip(fixed(quads[order]), colours.tolist(), strict=True):
        cv2.fillConvexPoly(sketch.canvas, shape, colour, cv2.LINE_8, 4)


def eye(sketch: Sketch, first: int) -> None:
    """One eye whose six lid marks start at `first`: white, iris, pupil, lids."""
    look, m = sketch.look, sketch.marks
    side = 0 if first == 36 else 1
    level = sketch.sides[side]
    lids = m[first : first + 6]
    outline = spline(lids, np.linspace(0, 6, 36, endpoint=False), closed=True)
    box = sketch.box(outline)
    if box is None:
        return
    x, y, patch = box
    over = np.empty_like(patch)
    over[:] = np.clip(np.array((236, 232, 228)) * min(level, 1.05), 0, 255).astype(np.uint8)
    mask = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillPoly(mask, [fixed(outline - (x, y))], 255, SMOOTH, 4)
    marks = sketch.face.marks
    centre = (marks[first] + marks[first + 3]) / 2 + (*look.gaze, 0.03)
    ring = np.column_stack([CIRCLE, np.zeros(len(CIRCLE))]) * look.iris_size
    iris = sketch.camera.pixels(ring + centre) - (x, y)
    cv2.fillPoly(over, [fixed(iris)], rgb(look.iris * level), SMOOTH, 4)
    pupil = iris.mean(0) + (iris - iris.mean(0)) * 0.48
    cv2.fillPoly(over, [fixed(pupil)], rgb(np.full(3, 12.0)), SMOOTH, 4)
    gleam = iris.mean(0) + (iris - iris.mean(0)) * 0.18 + (iris[20] - iris.mean(0)) * 0.4
    cv2.fillPoly(over, [fixed(gleam)], rgb(np.full(3, 250.0 * min(level, 1))), SMOOTH, 4)
    share = mask[..., None].astype(np.float32) / 255
    patch[:] = (patch * (1 - share) + over * share).astype(np.uint8)
    dark = look.skin * 0.55 * level * (1 - look.lash) + look.brow * 0.35 * look.lash
    upper = spline(lids[:4], np.linspace(0, 3, 16))
    lower = spline(lids[[3, 4, 5, 0]], np.linspace(0, 3, 16))
    sketch.line(lower, look.skin * 0.62 * level, 0.008)
    sketch.line(upper, dark, 0.012 + 0.014 * look.lash)
    crease = upper + (m[27] - m[8]) * 0.03
    sketch.line(crease[2:-2], look.skin * 0.66 * level, 0.008)


def brow(sketch: Sketch, first: int) -> None:
    """One eyebrow through five marks, thick at the nose and thin outside."""
    m, look = sketch.marks, sketch.look
    line = spline(m[first : first + 5], np.linspace(0, 4, 17))
    down = (m[8] - m[27]) / np.linalg.norm(m[8] - m[27]) * look.brow_thick * sketch.camera.scale
    outer = np.linspace(0.35, 1, 17) if first == 17 else np.linspace(1, 0.35, 17)
    shape = np.concatenate([line - down * outer[:, None], (line + down * outer[:, None])[::-1]])
    sketch.fill(shape, look.brow * sketch.sides[0 if first == 17 else 1])


def mouth(sketch: Sketch) -> None:
    """Lips, and between them the dark of the mouth with teeth."""
    m, look, level = sketch.marks, sketch.look, sketch.level
    outer = spline(m[48:60], np.linspace(0, 12, 60, endpoint=False), closed=True)
    inner = spline(m[60:68], np.linspace(0, 8, 40, endpoint=False), closed=True)
    sketch.fill(outer, look.lip * level)
    upper = np.concatenate([outer[:31], spline(m[[64, 63, 62, 61, 60]], np.linspace(0, 4, 17))])
    sketch.fill(upper, look.lip * level * 0.82)
    gap = float(np.linalg.norm(m[66] - m[62])) / sketch.camera.scale
    if gap > 0.03:
        sketch.fill(inner, np.array((60, 22, 22)) * level)
        top = spline(m[60:65], np.linspace(0, 4, 17))
        drop = (m[66] - m[62]) * min(0.75, 0.05 / gap)
        bow = 1 - np.linspace(-1, 1, 17)[:, None] ** 2
        sketch.fill(
            np.concatenate([top, (top + drop * bow)[::-1]]), np.array((235, 230, 220)) * level
        )
    else:
        sketch.line(inner[:20], look.lip * 0.4 * level, 0.014)
    below = m[57] + (m[8] - m[57]) * 0.16 + (m[[55, 57, 59]] - m[57]) * 0.7
    sketch.line(spline(below, np.linspace(0, 2, 9)), look.skin * 0.72 * level, 0.012)

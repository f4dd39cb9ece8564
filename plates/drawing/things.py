"""What is no plate: signs, badges, lamps, wheels, fences, bars, walls, leaves, of every size."""

from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np

from plates.drawing.surroundings import grille, ground, paint
from plates.drawing.texture import Size, clouds, colour, words, write

Place = Sequence[float] | np.ndarray
"""x, y in pixels."""
Texture = Callable[[Size], np.ndarray]
"""(height, width) -> a piece of a surface, [H, W, 3] RGB 0..255."""

_FINE = 400  # most pixels of a texture's longer side: larger ones are enlarged


def fill(image: np.ndarray, points: object, texture: Texture | np.ndarray) -> None:
    """Fills a polygon [N, 2] (x, y in pixels) of `image` uint8 [H, W, 3], in place.

    With a texture that covers its bounding box, or a colour [3]. What is outside `image` is cut.
    """
    corners = np.array(points, float)
    if isinstance(texture, np.ndarray):
        fixed = np.rint(corners * 16).astype(np.int32)
        cv2.fillPoly(image, [fixed], texture.clip(0, 255).tolist(), cv2.LINE_AA, 4)
        return
    last = np.array(image.shape[1::-1])
    x0, y0 = (int(v) for v in np.clip(np.floor(corners.min(0)), 0, last))
    x1, y1 = (int(v) for v in np.clip(np.ceil(corners.max(0)) + 1, 0, last))
    if x1 <= x0 or y1 <= y0:
        return
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    fixed = np.rint((corners - (x0, y0)) * 16).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, 4)
    part = image[y0:y1, x0:x1]
    least = min(1.0, _FINE / max(mask.shape))
    size = max(2, round(least * mask.shape[0])), max(2, round(least * mask.shape[1]))
    over = cv2.convertScaleAbs(np.maximum(texture(size), 0))
    over = cv2.resize(over, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    share = mask * np.float32(1 / 255)
    part[:] = cv2.blendLinear(part, over, 1 - share, share)


def ellipse(middle: Place, axes: object, turn: float = 0.0, corners: int = 28) -> np.ndarray:
    """Points [`corners`, 2] on an ellipse with half axes `axes`, turned by `turn` radians."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    at = np.column_stack([np.cos(angles), np.sin(angles)]) * np.asarray(axes, float)
    return at @ _turned(turn) + np.asarray(middle, float)


def rim(image: np.ndarray, points: object, ink: np.ndarray, thick: float) -> None:
    """A line `thick` pixels wide along a polygon [N, 2], in place."""
    at = np.rint(np.array(points, float) * 16).astype(np.int32)
    tone = [float(v) for v in np.clip(ink, 0, 255)]
    cv2.polylines(image, [at], True, tone, max(1, round(thick)), cv2.LINE_AA, 4)


def leaves(rng: np.random.Generator, image: np.ndarray, count: int) -> None:
    """`count` things over each other in `image`, in place, many small ones and few large ones.

    Occlusion with a power law of sizes gives the statistics of natural images (Lee, Mumford and
    Huang 2001): edges and texture everywhere, at every scale.
    """
    height, width = image.shape[:2]
    least, most = 0.008 * height, 0.4 * height
    # Of the density r^-2.2 between the two, the large ones first so that all are seen.
    power = -1.2
    shares = rng.random(count)
    radii = (least**power + shares * (most**power - least**power)) ** (1 / power)
    for radius in np.sort(radii)[::-1].tolist():
        middle = rng.random(2) * (width, height)
        thing(rng, image, middle, radius * np.exp(rng.normal(0, 0.4, 2)))


def thing(rng: np.random.Generator, image: np.ndarray, middle: Place, axes: np.ndarray) -> None:
    """One of them in `image`, in place, with half axes `axes` [2] in pixels around `middle`."""
    shape = rng.random()
    turn = rng.normal(0, 0.1) if rng.random() < 0.7 else rng.uniform(0, np.pi)
    if shape < 0.5:
        points = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * axes @ _turned(turn)
    elif shape < 0.75:
        points = ellipse((0, 0), axes, turn, 20)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
        points = np.column_stack([np.cos(angles), np.sin(angles)]) * axes @ _turned(turn)
    points = points + np.asarray(middle, float)
    fill(image, points, _surface(rng))
    if rng.random() < 0.35:
        rim(image, points, colour(rng, 0.8), rng.uniform(0.5, 0.12 * axes.min() + 1))
    if axes.min() < 5:
        return
    inside = rng.random()
    if inside < 0.12:
        _lettered(rng, image, middle, axes)
    elif inside < 0.3:
        _rings(rng, image, middle, axes)
    elif inside < 0.36:
        panes(rng, image, middle, axes)


def badge(rng: np.random.Generator, image: np.ndarray, middle: Place, radius: float) -> None:
    """A maker's sign: a ring or shield with bars or letters in it, in place."""
    axes = radius * rng.uniform((0.8, 0.5), (1.6, 1.1))
    tone = colour(rng, 0.6)
    points = ellipse(middle, axes)
    if rng.random() < 0.25:
        points = np.array([(-1, -1), (1, -1), (0.9, 0.4), (0, 1.2), (-0.9, 0.4)]) * axes + middle
    if rng.random() < 0.7:
        fill(image, points, tone)
    chrome = np.full(3, rng.uniform(120, 250))
    rim(image, points, chrome, rng.uniform(0.08, 0.3) * radius)
    if rng.random() < 0.5:
        _lettered(rng, image, middle, axes * 0.75, "".join(rng.choice(list("ABDFHKMORSVW"), 3)))
        return
    for _ in range(int(rng.integers(1, 4))):
        ends = rng.uniform(-1, 1, (2, 2)) * axes * 0.8 + np.asarray(middle, float)
        rim(image, ends, chrome, rng.uniform(0.08, 0.25) * radius)


def lamp(rng: np.random.Generator, image: np.ndarray, points: object, rear: bool) -> None:
    """Glass of a lamp over a polygon [N, 2], with bulbs and stripes, in place."""
    glass = np.array((170, 20, 25)) if rear else np.array((190, 195, 200))
    glass = glass * rng.uniform(0.5, 1.3) + rng.normal(0, 12, 3)
    fill(image, points, partial(paint, rng, tone=glass))
    corners = np.array(points, float)
    low, high = corners.min(0), corners.max(0)
    for _ in range(int(rng.integers(0, 4))):
        middle = rng.uniform(low, high)
        axes = rng.uniform(0.1, 0.35, 2) * (high - low).min()
        other = [(245, 240, 225), (240, 150, 40), (60, 60, 66), (255, 90, 80)]
        fill(image, ellipse(middle, axes), np.array(other[int(rng.integers(4))], float))
    if rng.random() < 0.5:
        rim(image, points, np.full(3, rng.uniform(20, 230)), 0.05 * (high - low).min() + 1)


def wheel(rng: np.random.Generator, image: np.ndarray, middle: Place, radius: float) -> None:
    """Tyre, rim and spokes seen from the side, in place."""
    squeeze = np.array((rng.uniform(0.5, 1.0), 1.0))
    fill(image, ellipse(middle, radius * squeeze), np.full(3, rng.uniform(8, 45)))
    metal = np.full(3, rng.uniform(70, 220))
    fill(image, ellipse(middle, 0.65 * radius * squeeze), metal)
    for angle in np.linspace(0, 2 * np.pi, int(rng.integers(4, 9)), endpoint=False) + rng.random():
        gap = 0.42 * radius * squeeze * (np.cos(angle), np.sin(angle)) + np.asarray(middle, float)
        fill(image, ellipse(gap, 0.14 * radius * squeeze, corners=10), metal * 0.3)


def bars(rng: np.random.Generator, image: np.ndarray, box: tuple[float, ...], step: float) -> None:
    """A fence or gate over a box x0, y0, x1, y1, one bar in `step` pixels, in place."""
    x0, y0, x1, y1 = box
    ink = colour(rng, 0.7) * 0.7
    thick = rng.uniform(0.12, 0.5) * step
    if rng.random() < 0.7:
        for x in np.arange(x0, x1, step):
            rim(image, [(x, y0), (x, y1)], ink, thick)
    for y in np.linspace(y0, y1, int(rng.integers(2, 5)) if y1 - y0 < 8 * step else 12):
        rim(image, [(x0, y), (x1, y)], ink, thick * rng.uniform(0.8, 1.6))


def panes(rng: np.random.Generator, image: np.ndarray, middle: Place, axes: np.ndarray) -> None:
    """Windows, tiles or bricks in rows, in place."""
    columns, rows = (int(v) for v in rng.integers(2, 9, 2))
    glass, share = colour(rng, 0.8), rng.uniform(0.4, 0.95)
    cell = 2 * axes / (columns, rows)
    first = np.asarray(middle, float) - axes + cell * (1 - share) / 2
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * cell * share
    for row in range(rows):
        for column in range(columns):
            shade = glass * rng.uniform(0.8, 1.2)
            fill(image, first + cell * (column, row) + square, shade.clip(0, 255))


def _surface(rng: np.random.Generator) -> Texture:
    """A texture of any kind."""
    tone = colour(rng)
    other = colour(rng)

    def shaded(size: Size) -> np.ndarray:
        ramp = np.linspace(0, 1, size[0], dtype=np.float32)[:, None, None]
        return np.broadcast_to(tone + (other - tone) * ramp * 0.5, (*size, 3))

    def mottled(size: Size) -> np.ndarray:
        lumps = clouds(rng, size, max(2.0, size[0] / rng.uniform(3, 12)))[..., None]
        return tone + (other - tone) * lumps

    kinds: tuple[Texture, ...] = (
        shaded,
        partial(paint, rng, tone=tone),
        partial(grille, rng),
        partial(ground, rng),
        mottled,
    )
    return kinds[int(rng.choice(len(kinds), p=(0.4, 0.2, 0.12, 0.12, 0.16)))]


def _lettered(
    rng: np.random.Generator, image: np.ndarray, middle: Place, axes: np.ndarray, text: str = ""
) -> None:
    """Words over `middle`: one large word in small letters, or some lines of any."""
    x, y = (float(v) for v in np.asarray(middle, float))
    wide, high = axes * rng.uniform(0.6, 0.95)
    part = image[
        max(0, round(y - high)) : round(y + high), max(0, round(x - wide)) : round(x + wide)
    ]
    if not part.size:
        return
    ink = np.full(3, 15.0 if part.mean() > 120 else 235.0) + rng.uniform(-15, 15, 3)
    lines = 1 if text else int(rng.integers(1, 5))
    step = 2 * high / lines
    for line in range(lines):
        said = text or (words(rng, 1, 1).lower() if lines == 1 else words(rng, 2, 3))
        top = y - high + line * step
        write(rng, image, said, (x - wide, top, x + wide, top + 0.8 * step), ink.clip(0, 255))


def _rings(rng: np.random.Generator, image: np.ndarray, middle: Place, axes: np.ndarray) -> None:
    """One in another, as lamps, wheels and shields have them."""
    for share in np.sort(rng.uniform(0.2, 0.9, int(rng.integers(1, 4))))[::-1].tolist():
        points = ellipse(middle, share * axes)
        if rng.random() < 0.5:
            fill(image, points, colour(rng, 0.7))
        else:
            rim(image, points, colour(rng, 0.7), rng.uniform(0.03, 0.15) * axes.min() + 1)


def _turned(turn: float) -> np.ndarray:
    cos, sin = np.cos(turn), np.sin(turn)
    return np.array([(cos, sin), (-sin, cos)])

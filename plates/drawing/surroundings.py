"""What stands around a plate: paint, bumper, grille, and the holder with the dealer's words."""

from dataclasses import dataclass

import cv2
import numpy as np

from plates.drawing.texture import Size, clouds, colour, grain, words, write


@dataclass(frozen=True)
class Board:
    """A plate in its holder: what stands in one plane and is seen as one."""

    image: np.ndarray  # uint8 [H, W, 3] RGB
    left: int  # the plate begins so many pixels from the left of `image`
    top: int


def background(rng: np.random.Generator, size: Size) -> np.ndarray:
    """A piece of a car or of what stands behind it, uint8 [H, W, 3]."""
    height, width = size
    kind = rng.choice(len(_KINDS), p=_SHARES)
    image = _KINDS[kind](rng, size)
    if rng.random() < 0.3:
        # Another part begins above or below: a bumper under a boot lid, a road under a bumper.
        other = _KINDS[rng.choice(len(_KINDS), p=_SHARES)](rng, size)
        y = rng.uniform(-0.1, 1.1) * height
        tilt = rng.normal(0, 0.05) * width
        part = np.array([[0, y - tilt], [width, y + tilt], [width, 9999], [0, 9999]])
        mask = np.zeros(size, np.uint8)
        cv2.fillPoly(mask, [np.rint(part).astype(np.int32)], 255, cv2.LINE_AA)
        other -= image
        other *= mask[..., None] * np.float32(1 / 255)
        image += other
    return np.clip(image, 0, 255).astype(np.uint8)


def _plain(rng: np.random.Generator, size: Size) -> np.ndarray:
    return np.full((*size, 3), colour(rng), np.float32)


def _filled(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Black, or seldom white or grey: what other programs fill corners with."""
    return np.full((*size, 3), rng.choice([0, 0, 0, 114, 128, 255]), np.float32)


def paint(rng: np.random.Generator, size: Size, tone: np.ndarray | None = None) -> np.ndarray:
    """Painted metal, float32 [H, W, 3]: bent, so darker above or below, with soft reflections.

    Of the colour `tone` [3], 0..255, or of any.
    """
    steps = np.sort(rng.random(4)).astype(np.float32)
    values = 1 + rng.normal(0, 0.3, 4).astype(np.float32)
    down = np.interp(np.linspace(0, 1, size[0]), steps, values).astype(np.float32)
    light = down[:, None] * (1 + rng.uniform(0, 0.3) * (clouds(rng, size, 2) - 0.5))
    image = light[..., None].astype(np.float32) * (colour(rng) if tone is None else tone)
    for _ in range(int(rng.integers(0, 3))):
        y, shine = rng.uniform(0, size[0]), float(rng.choice([rng.uniform(0, 60), 230]))
        bend = rng.normal(0, 0.08, 2) * size[1]
        ends = (0, round(y + bend[0])), (size[1], round(y + bend[1]))
        thick = max(1, round(float(rng.uniform(0.005, 0.05)) * size[0]))
        cv2.line(image, *ends, (shine, shine, shine), thick, cv2.LINE_AA)
    return image


def grille(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Bars or a mesh, dark or chromed, float32 [H, W, 3]."""
    height = size[0]
    y, x = (np.arange(n, dtype=np.float32) for n in size)
    step = height * rng.uniform(0.06, 0.3)
    skew = rng.normal(0, 0.1)
    across = np.sin((y[:, None] + skew * x) * np.float32(2 * np.pi / step))
    if rng.random() < 0.4:
        wide = step * rng.uniform(0.7, 2)
        along = np.sin((x - skew * y[:, None]) * np.float32(2 * np.pi / wide))
        across = np.maximum(across, along)
    elif rng.random() < 0.3:
        across = np.sin(x * np.float32(2 * np.pi / step))[None] + 0 * y[:, None]
    bars = np.clip(across * rng.uniform(1, 4) + rng.uniform(-0.5, 0.5), -1, 1)
    low, high = rng.uniform(5, 50), rng.uniform(40, 160)
    return ((bars * 0.5 + 0.5) * (high - low) + low)[..., None].astype(np.float32) * np.ones(
        3, np.float32
    )


def clutter(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Patches of all colours: lamps, stickers, pipes, shrubs, float32 [H, W, 3]."""
    image = _plain(rng, size)
    for _ in range(int(rng.integers(3, 12))):
        count = int(rng.integers(3, 6))
        middle = rng.random(2) * size[::-1]
        corners = middle + rng.normal(0, 0.3 * size[0], (count, 2))
        ink = [float(v) for v in colour(rng)]
        if rng.random() < 0.3:
            radius = max(1, round(float(rng.uniform(0.05, 0.4)) * size[0]))
            cv2.circle(image, (round(middle[0]), round(middle[1])), radius, ink, -1, cv2.LINE_AA)
        else:
            cv2.fillPoly(image, [np.rint(corners).astype(np.int32)], ink, cv2.LINE_AA)
    return image


def ground(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Asphalt, gravel, plaster or leaves, float32 [H, W, 3]."""
    lumps = clouds(rng, size, rng.uniform(3, 12)) - 0.5
    spread = rng.uniform(5, 40)
    image = colour(rng, 0.8) + (lumps * rng.uniform(10, 120))[..., None].astype(np.float32)
    return image + np.float32(spread) * grain(rng, size, 1)


_KINDS = (_plain, _filled, paint, grille, clutter, ground)
_SHARES = (0.12, 0.10, 0.40, 0.14, 0.14, 0.10)


def board(rng: np.random.Generator, plate: np.ndarray, boxes: np.ndarray) -> Board:
    """The plate [H, W, 3] in a holder, or bare; `boxes` [N, 4] of its characters stay uncovered."""
    height, width = plate.shape[:2]
    if rng.random() < 0.35:
        return Board(plate, 0, 0)
    thick = rng.uniform(0.01, 0.10, 4) * height  # left, top, right, bottom
    if rng.random() < 0.6:
        thick[:] = thick.mean()
    lettered = rng.random() < 0.45
    side = int(rng.choice([1, 3, 3, 3]))
    if lettered:
        thick[side] = rng.uniform(0.08, 0.22) * height
    left, top, right, bottom = (max(1, round(float(v))) for v in thick)
    tone = colour(rng) if rng.random() < 0.4 else np.full(3, rng.uniform(5, 60), np.float32)
    image = np.empty((height + top + bottom, width + left + right, 3), np.uint8)
    image[:] = tone
    if lettered:
        bright = np.dot(tone, (0.3, 0.6, 0.1)) > 110
        ink = rng.uniform(0, 70, 3) if bright else rng.uniform(120, 255, 3)
        y0, y1 = (0, top) if side == 1 else (top + height, top + height + bottom)
        inset = rng.uniform(0.02, 0.3) * width
        write(rng, image, words(rng, 1, 4), (left + inset, y0, left + width - inset, y1), ink)
    if rng.random() < 0.5:
        rim = [float(v) for v in np.clip(tone + rng.uniform(20, 120), 0, 255)]
        cv2.rectangle(image, (0, 0), (image.shape[1] - 1, image.shape[0] - 1), rim, 1)
    image[top : top + height, left : left + width] = plate
    if rng.random() < 0.3:
        _overlap(rng, image[top : top + height, left : left + width], boxes, tone)
    return Board(image, left, top)


def _overlap(
    rng: np.random.Generator, plate: np.ndarray, boxes: np.ndarray, tone: np.ndarray
) -> None:
    """The holder's rim covers the plate's edges, at most as far as the characters, in place."""
    height, width = plate.shape[:2]
    low, high = boxes[:, :2].min(0), (width, height) - boxes[:, 2:].max(0)
    most = 0.15 * height
    left, top, right, bottom = (
        int(min(most, max(0.0, float(v)) * rng.uniform(0, 0.95))) for v in (*low, *high)
    )
    plate[:top] = tone
    plate[height - bottom :] = tone
    plate[:, :left] = tone
    plate[:, width - right :] = tone

"""What years on the road do to a plate: faded and chipped letters, dirt, mud, scratches, rust.

Every effect takes and gives the plate as float32 [H, W, 3] RGB 0..255. All sizes are in parts of
the characters' height, so a plate may be drawn at any scale. What is worn can still be read.
"""

import cv2
import numpy as np

from plates.drawing.texture import above, clouds, grain, lerp, rough

Boxes = np.ndarray
"""Characters' boxes, float [N, 4]: x0, y0, x1, y1 in pixels of the plate."""

_GREY = np.array((0.299, 0.587, 0.114), np.float32)


def wear(rng: np.random.Generator, image: np.ndarray, boxes: Boxes) -> np.ndarray:
    """A used plate, uint8 [H, W, 3], of a new one; about one in four stays as new."""
    if rng.random() < 0.25:
        return image
    worn = image.astype(np.float32)
    tall = float(np.median(boxes[:, 3] - boxes[:, 1]))
    for effect, chance in EFFECTS:
        if rng.random() < chance:
            worn = effect(rng, worn, boxes, tall)
    return np.clip(worn, 0, 255).astype(np.uint8)


def _ground(image: np.ndarray) -> np.ndarray:
    """The plate's own colour, float32 [3]: characters cover less than half of it."""
    some = np.sort(image[::5, ::5].reshape(-1, 3), axis=0)
    return np.asarray(some[len(some) // 2])


def relief(rng: np.random.Generator, image: np.ndarray, boxes: Boxes, tall: float) -> np.ndarray:
    """Light and shade along the edges of stamped letters, from a random side."""
    soft = cv2.GaussianBlur(image @ _GREY, (0, 0), max(0.6, tall * float(rng.uniform(0.01, 0.04))))
    angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.3)
    x, y = (cv2.Sobel(soft, cv2.CV_32F, dx, 1 - dx, ksize=3) for dx in (1, 0))
    slope = cv2.addWeighted(x, depth * float(np.cos(angle)), y, depth * float(np.sin(angle)), 0)
    return image + slope[..., None]


def outline(rng: np.random.Generator, image: np.ndarray, boxes: Boxes, tall: float) -> np.ndarray:
    """Paint rubbed off the raised rims of letters: their edges tend to the plate's colour."""
    grey = image @ _GREY
    soft = cv2.GaussianBlur(grey, (0, 0), max(0.6, 0.03 * tall))
    edge = np.clip(np.abs(grey - soft) / 60, 0, 1) * np.float32(rng.uniform(0.2, 0.8))
    return lerp(image, _ground(image), edge * clouds(rng, grey.shape, 4))


def fade(rng: np.random.Generator, image: np.ndarray, boxes: Boxes, tall: float) -> np.ndarray:
    """Letters bleached to the plate's colour, some parts of the plate more than others."""
    ground = _ground(image)
    most = rng.uniform(0.15, 0.65)
    share = most * (1 - rng.uniform(0, 0.6) * clouds(rng, image.shape[:2], 2))
    return lerp(image, ground, share.astype(np.float32))


def chips(rng: np.random.Generator, image: np.ndarray, boxes: Boxes, tall: float) -> np.ndarray:
    """Paint off in small flakes: the plate's colour or bare metal shows."""
    height = image.shape[0]
    flakes = rough(rng, image.shape[:2], height / tall * rng.uniform(6, 14))
    where = clouds(rng, image.shape[:2], 3)
    bare = np.full(3, rng.uniform(110, 200), np.float32)
    under = _ground(image) if rng.random() < 0.6 else bare
    return lerp(image, under, above(flakes + 0.5 * where, rng.uniform(0.01, 0.10)))


def dirt(rng: np.random.Generator, image: np.ndarray, boxes: Boxes, tall: float) -> np.ndarray:
    """A film of dust, brown or grey, thicker below or in clouds."""
    size = image.shape[:2]
    film = clouds(rng, size, rng.uniform(1.5, 4)) * clouds(rng, size, rng.uniform(6, 20))
    down = np.linspace(0, 1, size[0], dtype=np.float32)[:, None] ** 3
    alpha = rng.uniform(0.1, 0.8) * (film + rng.uniform(0, 0.6) * down)
    return lerp(image, _soil(rng), np.clip(alpha, 0, 0.7).astype(np.float32))


def mud(rng: np.random.Generator, image: np.ndarray, boxes: Boxes, tall: float) -> np.ndarray:
    """Splashes that hide what is below them, each smaller than a stroke or two."""
    spots = rough(rng, image.shape[:2], image.shape[0] / tall * rng.uniform(4, 9))
    alpha = above(spots, rng.uniform(0.005, 0.05)) * np.float32(rng.uniform(0.5, 0.95))
    return lerp(image, _soil(rng), alpha)


def _soil(rng: np.random.Generator) -> np.ndarray:
    value = rng.uniform(40, 190)
    return (value * np.array((1, rng.uniform(0.8, 1), rng.uniform(0.55, 1)))).astype(np.float32)


def scratches(rng: np.random.Generator, image: np.ndarray, boxes: Boxes, tall: float) -> np.ndarray:
    """Thin light or dark lines, most of them about parallel."""
    height, width = image.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    main = rng.uniform(0, np.pi)
    for _ in range(int(rng.integers(1, 9))):
        angle = main + rng.normal(0, 0.3)
        x, y, far = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.3, 3) * tall
        end = round(x + far * np.cos(angle)), round(y + far * np.sin(angle))
        line = 1 if rng.random() < 0.8 else 2
        cv2.line(mask, (round(x), round(y)), end, float(rng.uniform(60, 230)), line, cv2.LINE_AA)
    tone = np.full(3, rng.choice([rng.uniform(20, 80), rng.uniform(150, 250)]), np.float32)
    return lerp(image, tone, mask * np.float32(1 / 255))


def bolts(rng: np.random.Generator, image: np.ndarray, boxes: Boxes, tall: float) -> np.ndarray:
    """Two or four screw heads or caps beside, above or between the characters, with some rust."""
    height, width = image.shape[:2]
    away = rng.uniform(0.04, 0.45) * width
    rows = [rng.choice([0.08, 0.12, 0.5, 0.88, 0.92]) * height]
    if rng.random() < 0.3:
        rows.append(height - rows[0])
    radius = tall * float(rng.uniform(0.04, 0.1))
    tone = rng.uniform(30, 220) * np.array((1, rng.uniform(0.85, 1), rng.uniform(0.7, 1)))
    canvas = np.ascontiguousarray(image)
    for x in (away, width - 1 - away):
        for y in rows:
            _bolt(rng, canvas, boxes, (float(x), float(y)), radius, tone)
    return canvas


def _bolt(
    rng: np.random.Generator,
    canvas: np.ndarray,
    boxes: Boxes,
    centre: tuple[float, float],
    radius: float,
    tone: np.ndarray,
) -> None:
    (x, y), (x0, y0, x1, y1) = centre, boxes.T
    if ((x0 - radius < x) & (x < x1 + radius) & (y0 < y) & (y < y1)).any():
        return
    at, reach = (round(x), round(y)), max(1, round(radius))
    if rng.random() < 0.3:  # rust runs from it
        low, left = max(0, at[1] - 3 * reach), max(0, at[0] - 3 * reach)
        part = canvas[low : at[1] + 3 * reach + 1, left : at[0] + 3 * reach + 1]
        rows, columns = np.ogrid[: part.shape[0], : part.shape[1]]
        far = ((rows + low - y) ** 2 + (columns + left - x) ** 2) / (1.3 * reach) ** 2
        rust = np.array((120, 70, 35), np.float32)
        part[:] = lerp(part, rust, (rng.uniform(0.2, 0.7) * np.exp(-far)).astype(np.float32))
    cv2.circle(canvas, at, reach, [float(v) for v in tone], -1, cv2.LINE_AA)
    dark = [float(v) * 0.5 for v in tone]
    cv2.circle(canvas, at, reach, dark, 1, cv2.LINE_AA)


def snow(rng: np.random.Generator, image: np.ndarray, boxes: Boxes, tall: float) -> np.ndarray:
    """Snow on the upper or lower edge as far as the characters, and flakes on them."""
    height, width = image.shape[:2]
    reach = height - boxes[:, 3].max() if rng.random() < 0.6 else -boxes[:, 1].min()
    depth = np.arange(height, dtype=np.float32)[:, None]
    depth = height - depth if reach > 0 else depth
    edge = abs(reach) + 0.15 * tall * (clouds(rng, (1, width), 1) * 2 - 1)
    alpha = np.clip((edge - depth) / (0.05 * tall), 0, 1)
    flakes = above(rough(rng, (height, width), height / tall * 9), rng.uniform(0, 0.06))
    tone = np.full(3, rng.uniform(190, 250), np.float32)
    return lerp(image, tone, np.maximum(alpha, flakes) * np.float32(rng.uniform(0.6, 1)))


def speckle(rng: np.random.Generator, image: np.ndarray, boxes: Boxes, tall: float) -> np.ndarray:
    """The grain of reflecting sheeting and of coarse paint."""
    amount = 1 + rng.uniform(0.02, 0.10) * grain(rng, image.shape[:2], 1)
    return image * amount.astype(np.float32)


EFFECTS = (
    (speckle, 0.15),
    (outline, 0.20),
    (fade, 0.30),
    (chips, 0.25),
    (scratches, 0.20),
    (relief, 0.35),
    (bolts, 0.30),
    (dirt, 0.35),
    (mud, 0.12),
    (snow, 0.03),
)

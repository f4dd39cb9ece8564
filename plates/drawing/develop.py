"""From light to a picture: shadows, glare, haze, blur, exposure, colours, noise, JPEG."""

import cv2
import numpy as np

from plates.drawing.texture import above, clouds, grain, lerp, rough

# Least contrast of a character that people still read, as a standard deviation of grey levels.
_LEAST = 9.0


def contrast(image: np.ndarray, boxes: np.ndarray) -> float:
    """The standard deviation of grey levels in the least visible of the upright `boxes` [N, 4].

    0..127; a character of ink and ground that differ by d has about 0.45 d. 255 without a box.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    found = [255.0]
    for x0, y0, x1, y1 in boxes.tolist():
        part = grey[max(0, round(y0)) : round(y1) + 1, max(0, round(x0)) : round(x1) + 1]
        if part.size:
            found.append(float(cv2.meanStdDev(part)[1][0, 0]))
    return min(found)


def legible(before: np.ndarray, after: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """`after`, or so much of `before` mixed in that no character of `boxes` is lost."""
    least = min(_LEAST, 0.7 * contrast(before, boxes))
    for _ in range(3):
        if contrast(after, boxes) >= least:
            return after
        after = cv2.addWeighted(before, 0.5, after, 0.5, 0)
    return before


def develop(
    rng: np.random.Generator,
    image: np.ndarray,
    tall: float,
    hard: float = 1.0,
    boxes: np.ndarray | None = None,
) -> np.ndarray:
    """What a camera makes of the scene `image` uint8 [H, W, 3], in the same size.

    `tall` is the characters' height in pixels: blur is a part of it. `hard` scales the chances of
    all that spoils a picture; 0 leaves it as it is. Characters in the upright `boxes` [N, 4]
    (pixels) stay legible.
    """
    boxes = np.empty((0, 4)) if boxes is None else boxes

    def happens(chance: float) -> bool:
        return bool(rng.random() < chance * hard)

    seen = image
    if happens(0.8):
        seen = legible(seen, _light(rng, seen, hard), boxes)
    if happens(0.7):
        seen = _blur(rng, seen, tall, hard)
    if happens(0.25):
        seen = cv2.cvtColor(cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    seen = _expose(rng, seen, hard, boxes)
    if happens(0.08):
        seen = seen.copy()
        for channel, way in ((0, 1), (2, -1)):  # colours refracted apart
            seen[..., channel] = np.roll(seen[..., channel], way, axis=1)
    if happens(0.04):
        seen = seen.copy()
        seen[1::2] = np.roll(seen[1::2], int(rng.choice([-2, -1, 1, 2])), axis=1)  # interlaced
    visible = contrast(seen, boxes)
    if happens(0.6):
        seen = _noise(rng, seen, visible)
    if happens(0.2):
        soft = cv2.GaussianBlur(seen, (0, 0), float(rng.uniform(0.6, 2)))
        most = float(rng.uniform(0.3, 2.5))
        seen = cv2.addWeighted(seen, 1 + most, soft, -most, 0)
    if happens(0.5):
        seen = jpeg(seen, max(int(rng.integers(15, 80)), round(70 - 2 * visible)))
    return seen


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """`image` uint8 [H, W, 3] after JPEG of `quality` 1..100."""
    back = cv2.imdecode(np.frombuffer(encoded(image, quality), np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(np.asarray(back), cv2.COLOR_BGR2RGB)


def encoded(image: np.ndarray, quality: int) -> bytes:
    """`image` uint8 [H, W, 3] RGB as a JPEG file of `quality` 1..100."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), settings)[1].tobytes()


def _light(rng: np.random.Generator, image: np.ndarray, hard: float) -> np.ndarray:
    """Uneven light, shadows with an edge, glare, haze."""
    size = image.shape[:2]
    y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in size)
    y = y[:, None]
    slope = rng.normal(0, 0.12 * hard, 2)
    light = 1 + np.float32(slope[0]) * x + np.float32(slope[1]) * y
    if rng.random() < 0.2:
        angle, soft = rng.uniform(0, 2 * np.pi), rng.uniform(0.01, 0.3)
        beyond = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y + rng.normal(0, 0.4)
        light *= 1 - np.float32(rng.uniform(0.2, 0.65)) * np.clip(beyond / soft, 0, 1)
    elif rng.random() < 0.08:  # through leaves or a fence
        spots = above(rough(rng, size, rng.uniform(1.5, 5)), rng.uniform(0.3, 0.7), 0.1)
        light *= 1 - np.float32(rng.uniform(0.15, 0.5)) * spots
    lit = np.multiply(image, light[..., None], dtype=np.float32)
    if rng.random() < 0.15:
        cx, cy, wide, high = (*rng.uniform(-1.2, 1.2, 2), *rng.uniform(0.1, 1.2, 2))
        spot = np.exp(-(((x - cx) / wide) ** 2) - ((y - cy) / high) ** 2)
        lit += (spot * rng.uniform(30, 130))[..., None].astype(np.float32)
    if rng.random() < 0.25:
        haze = rng.uniform(60, 230) * (1 + rng.normal(0, 0.1, 3)).astype(np.float32)
        share = rng.uniform(0.1, 0.7) * (1 - rng.uniform(0, 0.5) * clouds(rng, size, 2))
        lit = lerp(lit, haze.astype(np.float32), share.astype(np.float32))
    return np.clip(lit, 0, 255).astype(np.uint8)


def _blur(rng: np.random.Generator, image: np.ndarray, tall: float, hard: float) -> np.ndarray:
    """Out of focus, or moved; never so much that strokes (about a sixth of `tall`) run together."""
    most = 0.08 * min(hard, 1.3) * tall
    sigma = most * rng.beta(1.2, 2.0)
    if rng.random() < 0.25:
        length = int(3.2 * sigma) // 2 * 2 + 3
        kernel = np.zeros((length, length), np.float32)
        angle = rng.uniform(0, np.pi) if rng.random() < 0.5 else rng.normal(0, 0.1)
        middle, reach = length // 2, (length - 1) / 2
        x, y = round(reach * float(np.cos(angle))), round(reach * float(np.sin(angle)))
        cv2.line(kernel, (middle - x, middle - y), (middle + x, middle + y), 1.0, 1)
        image = cv2.filter2D(image, -1, kernel / kernel.sum())
        sigma *= 0.3
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0.25 else image


def _expose(
    rng: np.random.Generator, image: np.ndarray, hard: float, boxes: np.ndarray
) -> np.ndarray:
    """Gain, gamma, black level and colour cast by one table a channel."""
    gain, gamma = np.exp(rng.normal(0, 0.3 * hard)), np.exp(rng.normal(0, 0.2 * hard))
    black = rng.normal(0, 10 * hard)
    cast = np.zeros(3)
    if rng.random() < 0.5 * hard:
        cast = rng.normal(0, 0.08, 3)
    if rng.random() < 0.015 * hard:  # a sensor gone green or red
        cast = cast - 0.8 * (np.arange(3) != rng.integers(0, 3))
    least = min(1.5 * _LEAST, 0.5 * contrast(image, boxes))
    levels = np.arange(256, dtype=np.float32)[:, None] / 255
    for strength in (1.0, 0.6, 0.3):
        tones = 255 * (levels * np.exp(strength * (np.log(gain) + cast))) ** gamma**strength
        table = np.clip(tones + strength * black, 0, 255).astype(np.uint8)
        exposed = cv2.LUT(image, table[:, None, :])
        if contrast(exposed, boxes) >= least:
            return np.asarray(exposed)
    return image


def _noise(rng: np.random.Generator, image: np.ndarray, visible: float) -> np.ndarray:
    """Sensor noise, of one channel or three, fine or as coarse as a weak video signal's."""
    sigma = min(rng.exponential(6) + 1, max(1.5, 0.4 * visible), 30)
    size = image.shape[:2]
    noise = grain(rng, size, 3 if rng.random() < 0.5 else 1)
    if rng.random() < 0.3:
        noise = cv2.blur(np.ascontiguousarray(noise), (2, 2)).reshape(*size, -1) * 1.8
    return np.clip(image + np.float32(sigma) * noise, 0, 255).astype(np.uint8)

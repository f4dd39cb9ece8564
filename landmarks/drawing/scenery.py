"""Backgrounds: gradients, out-of-focus blobs, walls, lines."""

import cv2
import numpy as np

from landmarks.drawing.sketch import SMOOTH, rgb


def scene(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A picture without a face, uint8 [H, W, 3] RGB, `size` = (H, W) pixels."""
    height, width = size
    base = rng.uniform(15, 235) + rng.normal(0, 22, 3)
    corners = base + rng.normal(0, 25, (2, 2, 1)) + rng.normal(0, 8, (2, 2, 3))
    corners = np.clip(corners, 0, 255).astype(np.float32)
    canvas: np.ndarray = cv2.resize(corners, (width, height)).astype(np.uint8)
    kind = rng.integers(4)
    for _ in range(int(rng.integers(3, 14)) if kind else 0):
        colour = rgb(rng.uniform(0, 255) + rng.normal(0, 35, 3))
        x, y = (int(v) for v in rng.uniform(0, 1, 2) * (width, height))
        wide, high = (max(2, int(v)) for v in rng.uniform(0.04, 0.35, 2) * (width, height))
        if kind == 1:
            cv2.ellipse(
                canvas, (x, y), (wide, high), rng.uniform(0, 180), 0, 360, colour, -1, SMOOTH
            )
        elif kind == 2:
            cv2.rectangle(canvas, (x - wide, y - high), (x + wide, y + high), colour, -1)
        else:
            end = (x + int(rng.normal(0, width)), y + int(rng.normal(0, height)))
            cv2.line(canvas, (x, y), end, colour, max(1, wide // 6), SMOOTH)
    if rng.random() < 0.7:
        canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.5, 8) * height / 200)
    if rng.random() < 0.5:
        coarse = rng.standard_normal((height // 4, width // 4, 1), dtype=np.float32)
        grain = cv2.resize(coarse, (width, height))[..., None] * np.float32(rng.uniform(3, 16))
        canvas = np.clip(canvas + grain, 0, 255).astype(np.uint8)
    return canvas

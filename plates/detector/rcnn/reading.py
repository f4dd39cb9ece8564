"""From what Mask R-CNN says of a canvas to plates; without Keras."""

import numpy as np

from plates import geometry
from plates.detector import decode
from plates.detector.plate import Plate
from plates.detector.rcnn import SIDE


def read(rows: np.ndarray, least: float) -> list[Plate]:
    """Plates in canvas pixels, best score first, from what the model says of a canvas.

    `rows` float [K, 5 + SIDE * SIDE] are the box that a mask was drawn of (continuous, as in
    `plates.detector.rcnn.boxes`), a score 0..1 and the mask's probabilities; rows of score 0 are
    none. The corners are found as a U-Net's are (`plates.detector.decode`). Plates under `least`,
    0..1, are left out, and those that cover a better one with an IoU over 0.3.

    Raises:
        ValueError: another shape, or `least` not in 0..1.
    """
    if rows.ndim != 2 or rows.shape[1] != 5 + SIDE * SIDE:
        wanted = f"[K, {5 + SIDE * SIDE}]"
        raise ValueError(f"`rows` must be {wanted}; received: shape={list(rows.shape)}")
    if not 0 <= least <= 1:
        raise ValueError(f"`least` must be in 0..1; received: least={least}")
    plates: list[Plate] = []
    for row in rows[np.argsort(-rows[:, 4], kind="stable")].astype(np.float64):
        score = float(row[4])
        if score <= 0 or score < least or not np.isfinite(row).all():
            continue
        mask = np.pad(row[5:].reshape(SIDE, SIDE).astype(np.float32), 1)
        if mask.max() <= 0:
            continue
        cells = decode.outlined(mask, (mask == mask.max()).astype(int), 1) - 1
        # Cells' middles are whole numbers here and in the canvas, not in the box.
        corners = (cells + 0.5) * ((row[2:4] - row[:2]) / SIDE) + row[:2] - 0.5
        if geometry.defect(corners):
            continue
        quad = geometry.reading_order(corners)
        if decode.is_new(quad, plates):
            plates.append(Plate(quad, score))
    return plates

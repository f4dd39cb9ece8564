"""The outline of a plate in a mask -> the four lines that bound it, to a fraction of a cell.

Everything is counted in cells, a whole number being a cell's centre.
"""

import cv2
import numpy as np

from plates import geometry

_ROUNDS = 2  # of fitting the sides
_CORNER = 0.15  # share of a side, at both ends, which may be rounded off
_REACH = (0.75, 0.2)  # of a side to its points, in cells and in shortest sides
_FEWEST = 4  # points from which the direction of a side is known
_LEAST_TURN = 0.25  # sine of the angle between two sides
_FARTHEST = 0.75  # that a corner is from the rectangle's, in shortest sides of that

_NEXT, _LAST = [1, 2, 3, 0], [3, 0, 1, 2]


def outline(mask: np.ndarray, level: float) -> np.ndarray:
    """Points [N, 2] where a mask, taken for linear between neighbours, crosses `level`."""
    points = []
    for turned in (mask, mask.T):
        before, after = turned[:, :-1], turned[:, 1:]
        rows, columns = np.nonzero((before > level) != (after > level))
        low, high = before[rows, columns], after[rows, columns]
        points.append(np.stack([columns + (level - low) / (high - low), rows], axis=1))
    return np.concatenate([points[0], points[1][:, ::-1]])


def quad(points: np.ndarray) -> np.ndarray:
    """The quad [4, 2], in reading order, whose sides are fitted to an outline [N, 2] of a plate.

    It starts from the smallest rectangle around the points, which is the answer where the lines
    make no quad that is like it.
    """
    box = cv2.boxPoints(cv2.minAreaRect(points.astype(np.float32))).astype(np.float64)
    return geometry.reading_order(_fitted(points, box))


def _fitted(points: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The quad [4, 2] whose sides are fitted to an outline [N, 2], from the box [4, 2] around it.

    A point belongs to the nearest side, unless it is near a corner, where plates are round, or far
    inside, where the mask has a hole. A side with few points keeps the direction it had. The box
    itself is the answer where the lines make no quad that is like it.
    """
    quad = box
    for _ in range(_ROUNDS):
        onward = quad[_NEXT] - quad
        lengths = np.hypot(*onward.T)
        along = onward / np.maximum(lengths, 1e-6)[:, None]
        x, y = (points[:, None] - quad).transpose(2, 0, 1)
        share = (x * along[:, 0] + y * along[:, 1]) / np.maximum(lengths, 1e-6)
        away = np.abs(x * along[:, 1] - y * along[:, 0])
        near = away == away.min(axis=1, keepdims=True)
        near &= away < _REACH[0] + _REACH[1] * lengths.min()
        near &= (share > _CORNER) & (share < 1 - _CORNER)
        middles = quad + onward / 2
        for side in range(4):
            mine = points[near[:, side]]
            if len(mine):
                middles[side] = mine.mean(axis=0)
            if len(mine) >= _FEWEST:
                along[side] = _direction(mine - middles[side])
        # Corner i is where side i - 1 meets side i.
        before = along[_LAST]
        turns = _cross(before, along)
        if np.abs(turns).min() < _LEAST_TURN:
            return box
        steps = _cross(middles - middles[_LAST], along) / turns
        quad = middles[_LAST] + steps[:, None] * before
    onward = quad[_NEXT] - quad
    turns = _cross(onward[_LAST], onward)
    convex = turns.min() > 0 or turns.max() < 0
    moved = np.hypot(*(quad - box).T).max() / np.hypot(*(box[_NEXT] - box).T).min()
    return quad if convex and moved < _FARTHEST else box


def _direction(points: np.ndarray) -> np.ndarray:
    """The unit vector along a cloud of points [N, 2] around 0: total least squares."""
    x, y = points.T
    angle = 0.5 * np.arctan2(2 * (x @ y), x @ x - y @ y)
    return np.array([np.cos(angle), np.sin(angle)])


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]

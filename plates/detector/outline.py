"""Outlines of any number of points -> the four corners of a plate."""

import numpy as np

_FLAT = 1e-3  # pixels: a corner of an outline that stands out by less is none


def enclosing(points: np.ndarray) -> np.ndarray:
    """A small quadrilateral [4, 2] around points [N, 2].

    Of their convex hull one side after the other is taken away, its neighbours prolonged until they
    meet: always the side by which the area grows least (Low and Ilie, "View frustum optimization
    to maximize object's image area", 2003). So it may lean, which a rectangle cannot.

    Raises:
        ValueError: not finite, or the hull has fewer than four corners.
    """
    if not np.isfinite(points).all():
        raise ValueError("a corner is not finite")
    hull = _hull(points)
    if len(hull) < 4:
        raise ValueError(f"an outline must have four corners or more; received: {len(hull)}")
    while len(hull) > 4:
        before, start, end, after = (np.roll(hull, -i, axis=0) for i in (-1, 0, 1, 2))
        on, back, side = start - before, end - after, end - start
        depth = _cross(on, side) / np.hypot(*(end - before).T)
        if depth.min() < _FLAT:  # prolonged, sides that are nearly one line meet anywhere
            hull = np.delete(hull, np.argmin(depth), axis=0)
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = _cross(side, back) / _cross(on, back)
            other = _cross(side, on) / _cross(on, back)
            tips = start + reach[:, None] * on
            added = np.abs(_cross(side, tips - start))
        meet = (reach > 0) & (other > 0) & np.isfinite(added)
        least = int(np.argmin(np.where(meet, added, np.inf)))
        hull[least] = tips[least]
        hull = np.delete(hull, (least + 1) % len(hull), axis=0)
    return hull


def _hull(points: np.ndarray) -> np.ndarray:
    """Corners [M, 2] of the convex hull in turn (Andrew's monotone chain, 1979)."""
    ordered = np.unique(points, axis=0)
    halves: list[list[np.ndarray]] = []
    for some in (ordered, ordered[::-1]):
        half: list[np.ndarray] = []
        for point in some:
            while len(half) > 1 and _cross(half[-1] - half[-2], point - half[-1]) <= 0:
                half.pop()
            half.append(point)
        halves.append(half[:-1])
    return np.array([*halves[0], *halves[1]], float).reshape(-1, 2)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The cross product of vectors [..., 2]: positive where `b` turns as from x to y."""
    product: np.ndarray = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return product

"""Pictures that look alike: frames of one film must not stand on both sides of a split."""

import math

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

# Every pair is compared; so many take some seconds.
MOST = 40_000
_BLOCK = 2048


def groups(thumbnails: np.ndarray, least: float) -> np.ndarray:
    """Group number [R] of grey thumbnails [R, h, w]; pairs correlated by `least` or more share one.

    So do pairs of pairs: the groups are the connected components. A flat picture resembles none.

    Raises:
        ValueError: more than `MOST` pictures.
    """
    return components(len(thumbnails), pairs(thumbnails, least))


def pairs(thumbnails: np.ndarray, least: float) -> np.ndarray:
    """Positions [P, 2] of pictures correlated by `least` or more, of grey thumbnails [R, h, w].

    Raises:
        ValueError: more than `MOST` pictures.
    """
    count = len(thumbnails)
    if count > MOST:
        raise ValueError(f"at most {MOST} pictures can be compared; received: {count}")
    flat = _unit(thumbnails)
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, count, _BLOCK):
        near = flat[start : start + _BLOCK] @ flat[start:].T >= least
        found.append(np.argwhere(near) + start)
    return np.concatenate(found)


def like(thumbnails: np.ndarray, others: np.ndarray, least: float) -> np.ndarray:
    """Which of grey thumbnails [R, h, w] are correlated by `least` with one of `others`: bool [R].

    `others` are [V, h, w]; there may be none, and no thumbnails.
    """
    known = _unit(others).T
    found = np.zeros(len(thumbnails), bool)
    for start in range(0, len(thumbnails) if len(others) else 0, _BLOCK):
        some = _unit(thumbnails[start : start + _BLOCK])
        found[start : start + _BLOCK] = (some @ known >= least).any(axis=1)
    return found


def components(count: int, pairs: np.ndarray) -> np.ndarray:
    """Number [count] int of the group of each of `count` things, joined by `pairs` [P, 2]."""
    ones = np.ones(len(pairs), bool)
    graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), (count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _unit(thumbnails: np.ndarray) -> np.ndarray:
    """Float32 [R, h * w], of mean 0 and length 1, but 0 of a flat picture."""
    count, *sides = thumbnails.shape
    flat = thumbnails.reshape(count, math.prod(sides)).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-3)
    return flat

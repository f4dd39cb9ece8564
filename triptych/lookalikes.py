"""Pictures that look alike: frames of one film must not stand on both sides of a split."""

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
    flat = thumbnails.reshape(count, -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-3)
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, count, _BLOCK):
        near = flat[start : start + _BLOCK] @ flat[start:].T >= least
        found.append(np.argwhere(near) + start)
    return np.concatenate(found)


def components(count: int, pairs: np.ndarray) -> np.ndarray:
    """Number [count] int of the group of each of `count` things, joined by `pairs` [P, 2]."""
    ones = np.ones(len(pairs), bool)
    graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), (count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)

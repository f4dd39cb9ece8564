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
    count = len(thumbnails)
    if count > MOST:
        raise ValueError(f"at most {MOST} pictures can be compared; received: {count}")
    flat = thumbnails.reshape(count, -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-3)
    pairs = []
    for start in range(0, count, _BLOCK):
        near = flat[start : start + _BLOCK] @ flat[start:].T >= least
        pairs.append(np.argwhere(near) + start)
    rows, columns = np.concatenate([*pairs, np.empty((0, 2), int)]).T
    graph = coo_matrix((np.ones(len(rows), bool), (rows, columns)), (count, count))
    return connected_components(graph, directed=False)[1]

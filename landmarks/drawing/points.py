"""Which N points are asked for: the 68 of iBUG, or N spread over the face, symmetric as a set."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from landmarks.drawing.head import COLUMNS, FIRST_JAW, MIRROR, STEP, Face, Traits, spline

MOST = 971
FIRST_ROW = FIRST_JAW - 2 * STEP  # the mask's row on the forehead where points start
# Runs of marks on the picture's right half, and whether each closes.
CURVES = (
    ((45, 46, 47, 42, 43, 44), True),
    ((22, 23, 24, 25, 26), False),
    ((8, 9, 10, 11, 12, 13, 14, 15, 16), False),
    ((33, 34, 35), False),
    ((51, 52, 53, 54, 55, 56, 57), False),
    ((62, 63, 64, 65, 66), False),
)
MIDDLE = (30, 8, 57, 27, 51, 33, 66, 62, 28, 29)
FINE = 6  # samples from one mark of a curve to the next


@dataclass(frozen=True)
class Layout:
    """N points as weights of the 68 marks, `weights` [N, 68], or as one vertex of the mask.

    `vertex` [N] is the vertex (row * COLUMNS + column), -1 where the weights count. `mirror` [N]:
    point i of a mirrored picture is the picture's point mirror[i].
    """

    weights: np.ndarray
    vertex: np.ndarray
    mirror: np.ndarray

    def place(self, marks: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The points [N, 3] of a face from its `marks` [68, 3] and `mask` [rows, COLUMNS, 3]."""
        found = self.weights @ marks
        on_mask = self.vertex >= 0
        found[on_mask] = mask.reshape(-1, 3)[self.vertex[on_mask]]
        return found


@lru_cache
def layout(points: int) -> Layout:
    """The `points` points, the same for every face; 68 are iBUG's in their order.

    Raises ValueError for a number outside 1..971.
    """
    if not 1 <= points <= MOST:
        raise ValueError(f"`points` must be in [1, {MOST}]; received: points={points}")
    if points == 68:
        return Layout(np.eye(68), np.full(68, -1), MIRROR)
    weights, vertex = _right()
    middle = _middle()
    # A middle point is its own mirror image, so their number is odd when `points` is.
    alone = min(points // 20, len(middle) - 1)
    alone += (points - alone) % 2
    pairs = (points - alone) // 2
    rows = [np.concatenate([weights[:pairs], weights[:pairs][:, MIRROR]])]
    opposite = vertex + COLUMNS - 1 - 2 * (vertex % COLUMNS)
    ids = [vertex[:pairs], np.where(vertex >= 0, opposite, -1)[:pairs]]
    rows.append(np.array([w for w, _ in middle[:alone]]).reshape(-1, 68))
    ids.append(np.array([v for _, v in middle[:alone]], int))
    partner = np.concatenate(
        [np.arange(pairs) + pairs, np.arange(pairs), np.arange(alone) + 2 * pairs]
    )
    # Shuffled, so that nothing can lean on an order in which the mirror permutation is plain.
    order = np.random.default_rng(points).permutation(points)
    back = np.argsort(order)
    return Layout(np.concatenate(rows)[order], np.concatenate(ids)[order], back[partner[order]])


@lru_cache
def _right() -> tuple[np.ndarray, np.ndarray]:
    """All points of the right half that may be asked for, the farthest from the others first.

    The 29 marks come before what lies between them; the first is the outer corner of the eye.
    """
    face, identity = Face(Traits()), np.eye(68)
    rows = []
    for run, closed in CURVES:
        last = len(run) if closed else len(run) - 1
        t = np.arange(last * FINE + (0 if closed else 1)) / FINE
        rows.append(spline(identity[list(run)], t, closed))
    weights = np.concatenate(rows)
    weights = weights[weights @ face.marks[:, 0] > 1e-6]
    grid = np.arange(face.mask.shape[0] * COLUMNS).reshape(-1, COLUMNS)
    vertex = grid[FIRST_ROW:-2, COLUMNS // 2 + 1 : -1].ravel()
    weights = np.concatenate([weights, np.zeros((len(vertex), 68))])
    vertex = np.concatenate([np.full(len(weights) - len(vertex), -1), vertex])
    place = Layout(weights, vertex, vertex).place(face.marks, face.mask)
    is_mark = (weights == 1).any(1)
    order: list[int] = []
    distance = -np.linalg.norm(place - face.marks[45], axis=1)  # the first is mark 45 itself
    for group in (is_mark, ~is_mark):
        for _ in range(group.sum()):
            order.append(int(np.where(group, distance, -np.inf).argmax()))
            away = np.linalg.norm(place - place[order[-1]], axis=1)
            distance = away if len(order) == 1 else np.minimum(distance, away)
    return weights[order], vertex[order]


@lru_cache
def _middle() -> list[tuple[np.ndarray, int]]:
    """Weights and vertices of the points on the line of symmetry, the tip of the nose first."""
    found = [(np.eye(68)[k], -1) for k in MIDDLE]
    rows = Face(Traits()).mask.shape[0]
    zero = np.zeros(68)
    return found + [(zero, r * COLUMNS + COLUMNS // 2) for r in range(FIRST_ROW, rows - 1)]

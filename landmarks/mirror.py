"""Which point becomes which in a left-right mirror image, found from training shapes alone.

A shape is laid on its own mirror image, and the points are matched; where they come to lie says
the permutation. One shape would do for a symmetric face looking straight ahead. Faces turn and
grimace, so the cost of a match is the mean over many shapes, in which those count most that are
most like their mirror image.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import KDTree

# Enough for a mean that is sharper than the gaps between 971 points.
_ROWS = 2000
_ROUNDS = 30
# Bounds of refusal: see `find`.
_FLAT = 0.003
_SPREAD = 0.6
_GAP_TO_NEIGHBOUR = 0.5
_GAP_TO_SIZE = 0.1
_TILT = 30.0


def find(shapes: np.ndarray, seed: int = 0) -> np.ndarray:
    """Permutation p [N] from shapes [R, N, 2]: mirrored point i is the picture's point p[i].

    So `mirror(width)(points)[p]` are the points of the mirrored picture. p is its own inverse, and
    points on the midline have p[i] = i. Of many shapes 2000 are drawn by `seed`; those with NaN
    or without extent do not count. The axis of symmetry may lean by 30 degrees.

    Raises:
        ValueError: `shapes` is not [R, N, 2], or no shape is usable, or the shapes have no
            symmetry: they lie on a line, or have no common form, or their mean shape is not where
            its mirror image is (by a tenth of its size, or half the distance between neighbours),
            or the axis leans too far.
    """
    if shapes.ndim != 3 or shapes.shape[2] != 2 or 0 in shapes.shape:
        raise ValueError(f"`shapes` must be [R, N, 2]; received: shape={shapes.shape}")
    faces = _aligned(_sample(shapes, seed))
    if faces.shape[1] == 1:
        return np.zeros(1, np.int64)
    mean = _median(faces)
    _refuse_shapeless(faces, mean)
    mirrored = -faces.conj()
    pairs = _first_guess(mean)
    for _ in range(_ROUNDS):
        laid = _laid(mirrored, faces, pairs)
        weights = _weights(laid[:, pairs] - faces)
        before, pairs = pairs, _involution(_cost(laid, faces, weights))
        if (before == pairs).all():
            break
    _refuse_asymmetric(mirrored, faces, mean, pairs)
    return pairs


def _sample(shapes: np.ndarray, seed: int) -> np.ndarray:
    """At most `_ROWS` usable shapes as complex numbers x + iy [S, N], mean 0, mean square 1."""
    count = len(shapes)
    rows = np.arange(count)
    if count > _ROWS:
        # In the file's order: a memory-mapped array is read forwards.
        rows = np.sort(np.random.default_rng(seed).choice(count, _ROWS, replace=False))
    points = np.asarray(shapes[rows], np.float64)
    points = points[np.isfinite(points).all(axis=(1, 2))]
    faces = points[..., 0] + 1j * points[..., 1]
    if faces.shape[1] == 1:
        return faces
    faces = faces - faces.mean(axis=1, keepdims=True)
    size = np.sqrt((np.abs(faces) ** 2).mean(axis=1, keepdims=True))
    used = size[:, 0] > 0
    if not used.any():
        raise ValueError(f"none of {len(rows)} shapes has finite points with any extent")
    return faces[used] / size[used]


def _aligned(faces: np.ndarray) -> np.ndarray:
    """Turned and scaled onto their mean shape (generalised Procrustes analysis, Gower 1975)."""
    mean = _median(faces)
    for _ in range(5):
        turns = (faces.conj() * mean).sum(axis=1, keepdims=True)
        length = np.abs(turns)
        turns = np.divide(turns, length, out=np.ones_like(turns), where=length > 0)
        mean = _median(faces * turns)
    return faces * turns


def _median(faces: np.ndarray) -> np.ndarray:
    return np.median(faces.real, axis=0) + 1j * np.median(faces.imag, axis=0)


def _first_guess(mean: np.ndarray) -> np.ndarray:
    """From the mean shape, leaned so that its points come nearest to those of its mirror image."""
    tree = KDTree(_xy(mean))
    leans = np.deg2rad(np.arange(-_TILT, _TILT + 0.25, 0.5))
    # Leaning the axis by t turns the mirror image by 2 t.
    images = [-mean.conj() * np.exp(2j * t) for t in leans]
    image = min(images, key=lambda image: tree.query(_xy(image))[0].mean())
    cost = np.abs(image[None, :] - mean[:, None]) ** 2
    return _involution(cost)


def _laid(mirrored: np.ndarray, faces: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Each mirror image moved, turned and scaled onto its face, matched by `pairs`."""
    matched = mirrored[:, pairs]
    turns = (matched.conj() * faces).sum(axis=1) / (np.abs(matched) ** 2).sum(axis=1)
    return mirrored * turns[:, None]


def _weights(differences: np.ndarray) -> np.ndarray:
    """Weight [S] of each face, high where it is like its mirror image; the sum is 1."""
    square = (np.abs(differences) ** 2).mean(axis=1)
    # A tenth of the faces count in full, so that no single one decides.
    weights = 1 / np.maximum(square, np.quantile(square, 0.1) + 1e-12)
    return weights / weights.sum()


def _cost(laid: np.ndarray, faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean square distance [N, N] between point k of a face and j of its image."""
    root = np.sqrt(weights)[:, None]
    ours, theirs = (np.concatenate([z.real * root, z.imag * root]) for z in (faces, laid))
    squares = (ours**2).sum(axis=0)[:, None] + (theirs**2).sum(axis=0)
    return squares - 2 * ours.T @ theirs


def _involution(cost: np.ndarray) -> np.ndarray:
    """The assignment of least cost that is its own inverse."""
    cost = cost + cost.T
    pairs = linear_sum_assignment(cost)[1]
    if (pairs[pairs] == np.arange(len(pairs))).all():
        return pairs
    # In a longer cycle every other step makes pairs; both ways of an even one together cost what
    # the cycle does. In an odd one some point keeps to itself.
    for start in range(len(pairs)):
        cycle = [start]
        while (after := int(pairs[cycle[-1]])) != start:
            cycle.append(after)
        if len(cycle) > 2:
            turned = [cycle[i:] + cycle[:i] for i in range(len(cycle))]
            best = min((_couples(c) for c in turned), key=lambda c: cost[c[0], c[1]].sum())
            pairs[best[0]] = best[1]
    return pairs


def _couples(cycle: list[int]) -> tuple[list[int], list[int]]:
    """(a, b, c, d, e) -> a with b, c with d, e with itself; as positions and partners."""
    partners = [cycle[min(i ^ 1, len(cycle) - 1)] for i in range(len(cycle))]
    return cycle, partners


def _refuse_shapeless(faces: np.ndarray, mean: np.ndarray) -> None:
    if faces.shape[1] > 2:
        widths = np.linalg.svd(_xy(mean - mean.mean()), compute_uv=False)
        if widths[1] < _FLAT * widths[0]:
            raise ValueError(
                f"no symmetry to be seen: the mean shape is {widths[1] / widths[0]:.3f} as wide as "
                f"long (bound {_FLAT}), almost a line"
            )
    spread = np.sqrt(np.median((np.abs(faces - mean) ** 2).mean(axis=1)))
    if spread > _SPREAD:
        raise ValueError(
            f"no symmetry to be seen: shapes differ from their mean by {spread:.2f} of their size "
            f"(bound {_SPREAD}), so they have no common form"
        )


def _refuse_asymmetric(
    mirrored: np.ndarray, faces: np.ndarray, mean: np.ndarray, pairs: np.ndarray
) -> None:
    laid = _laid(mirrored, faces, pairs)
    differences = laid[:, pairs] - faces
    gap = np.sqrt((np.abs(_weights(differences) @ differences) ** 2).mean())
    neighbour = float(np.median(KDTree(_xy(mean)).query(_xy(mean), k=2)[0][:, 1]))
    if gap > _GAP_TO_NEIGHBOUR * neighbour or gap > _GAP_TO_SIZE:
        raise ValueError(
            "the points have no left-right symmetry: the mirrored mean shape is off by "
            f"{gap:.3f} of its size (bound {_GAP_TO_SIZE}), or {gap / (neighbour + 1e-12):.2f} of "
            f"the distance between neighbours (bound {_GAP_TO_NEIGHBOUR})"
        )
    turn = (mirrored[:, pairs].conj() * faces).sum()
    tilt = abs(np.rad2deg(np.angle(turn)) / 2)
    if tilt > _TILT:
        raise ValueError(
            f"the axis of symmetry leans by {tilt:.0f} degrees (bound {_TILT:.0f}): a left-right "
            "mirror image needs upright shapes"
        )


def _xy(points: np.ndarray) -> np.ndarray:
    return np.stack([points.real, points.imag], axis=-1)

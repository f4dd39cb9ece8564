"""What a landmark model is judged by, from points [R, N, 2] in pixels of the original pictures.

An error is the distance in pixels between a point predicted and the true one; a normaliser [R] is
the length, in pixels too, that a picture's errors are divided by.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd


def mse(predicted: np.ndarray, true: np.ndarray) -> float:
    """Mean squared difference over all coordinates, in square pixels: the contest's metric."""
    return float(mse_per_picture(predicted, true).mean())


def mse_per_picture(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Mean squared difference [R] over the coordinates of each picture.

    Raises:
        ValueError: the shapes differ, or are not [R, N, 2].
    """
    return (_differences(predicted, true) ** 2).mean(axis=(1, 2))


def mse_asked(predicted: np.ndarray, true: np.ndarray, indices: np.ndarray) -> float:
    """`mse` over the asked points alone: indices [R, M], those of each picture.

    Raises:
        ValueError: the shapes do not fit, or an index is not in 0..N-1; names the row.
    """
    differences = _differences(predicted, true)
    rows, count = differences.shape[:2]
    if indices.ndim != 2 or len(indices) != rows or indices.shape[1] == 0:
        raise ValueError(f"`indices` must be [{rows}, M]; received: shape={indices.shape}")
    if (bad := (indices < 0) | (indices >= count)).any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"`indices` must be in 0..{count - 1}; received: {indices[row, column]} in row {row}"
        )
    return float((differences[np.arange(rows)[:, None], indices] ** 2).mean())


def errors(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Distances [R, N] in pixels.

    Raises:
        ValueError: the shapes differ, or are not [R, N, 2].
    """
    return np.linalg.norm(_differences(predicted, true), axis=2)


def nme(predicted: np.ndarray, true: np.ndarray, normaliser: np.ndarray) -> np.ndarray:
    """Normalised mean error [R]: mean distance of each picture, as a share of its normaliser.

    Raises:
        ValueError: the shapes do not fit, or a normaliser is not positive; names the row.
    """
    return _normalised(errors(predicted, true), normaliser).mean(axis=1)


def per_point(
    predicted: np.ndarray, true: np.ndarray, normaliser: np.ndarray | None = None
) -> np.ndarray:
    """Mean error [N] of each point: in pixels, or as a share of the normaliser.

    Raises:
        ValueError: as `nme`.
    """
    distances = errors(predicted, true)
    if normaliser is not None:
        distances = _normalised(distances, normaliser)
    return distances.mean(axis=0)


def pair(true: np.ndarray, i: int, j: int) -> np.ndarray:
    """Distance [R] between points `i` and `j`: with 36 and 45 of 68, the outer eye corners.

    Raises:
        ValueError: `i` or `j` is not in 0..N-1.
    """
    count = true.shape[1]
    if not (0 <= i < count and 0 <= j < count):
        raise ValueError(f"`i` and `j` must be in 0..{count - 1}; received: i={i}, j={j}")
    return np.linalg.norm(true[:, i].astype(np.float64) - true[:, j], axis=1)


def box(true: np.ndarray) -> np.ndarray:
    """Root of width times height [R] of the points' box."""
    return np.sqrt(_extent(true).prod(axis=1))


def diagonal(true: np.ndarray) -> np.ndarray:
    """Diagonal [R] of the points' box."""
    return np.linalg.norm(_extent(true), axis=1)


def failure_rate(values: np.ndarray, threshold: float) -> float:
    """Share of pictures, in [0, 1], whose `nme` [R] is above `threshold` (a share, as 0.1).

    Raises:
        ValueError: `threshold` is not positive, or there are no values.
    """
    _check_curve(values, threshold)
    # A NaN is a failure.
    return float((~(values <= threshold)).mean())


def auc(values: np.ndarray, threshold: float) -> float:
    """Area under the curve of cumulated errors from 0 to `threshold`, divided by it, in [0, 1].

    The curve says which share of the pictures has at most this error (300-W, Sagonas et al.
    2016). It is a stair, so its area is exact: each picture brings what its error leaves of
    `threshold`.

    Raises:
        ValueError: `threshold` is not positive, or there are no values.
    """
    _check_curve(values, threshold)
    return float(np.nan_to_num(np.clip(1 - values / threshold, 0, 1)).mean())


def by_subset(
    predicted: np.ndarray,
    true: np.ndarray,
    normaliser: np.ndarray,
    points: Mapping[str, np.ndarray] | None = None,
    pictures: Mapping[str, np.ndarray] | None = None,
    threshold: float = 0.1,
) -> pd.DataFrame:
    """The metrics of all, of named subsets of points (positions) and of pictures (positions).

    Columns: subset, pictures, points, mse (square pixels), error (pixels), nme, failures (share
    of pictures with nme above `threshold`), auc (up to `threshold`). A subset of points keeps the
    normaliser of the whole face.

    Raises:
        ValueError: as `nme`, or a subset is empty.
    """
    rows, count = _differences(predicted, true).shape[:2]
    every = np.arange(rows), np.arange(count)
    parts = {"all": every}
    parts |= {name: (every[0], np.asarray(at)) for name, at in (points or {}).items()}
    parts |= {name: (np.asarray(at), every[1]) for name, at in (pictures or {}).items()}
    table = []
    for name, (at_rows, at_points) in parts.items():
        if not len(at_rows) or not len(at_points):
            raise ValueError(f"the subset {name!r} is empty")
        ours, theirs = (p[at_rows][:, at_points] for p in (predicted, true))
        values = nme(ours, theirs, normaliser[at_rows])
        table.append(
            {
                "subset": name,
                "pictures": len(values),
                "points": theirs.shape[1],
                "mse": mse(ours, theirs),
                "error": float(errors(ours, theirs).mean()),
                "nme": float(values.mean()),
                "failures": failure_rate(values, threshold),
                "auc": auc(values, threshold),
            }
        )
    return pd.DataFrame(table)


def _differences(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    if predicted.shape != true.shape or true.ndim != 3 or true.shape[2] != 2 or 0 in true.shape:
        raise ValueError(
            "`predicted` and `true` must both be [R, N, 2]; received: "
            f"{list(predicted.shape)} and {list(true.shape)}"
        )
    # The csv's points come as int16, whose squares would not fit.
    return predicted.astype(np.float64) - true


def _normalised(distances: np.ndarray, normaliser: np.ndarray) -> np.ndarray:
    if normaliser.shape != distances.shape[:1]:
        raise ValueError(
            f"`normaliser` must be [{len(distances)}]; received: shape={normaliser.shape}"
        )
    if len(bad := np.flatnonzero(~(normaliser > 0))):
        raise ValueError(
            f"`normaliser` must be positive; received: {normaliser[bad[0]]} in row {bad[0]}"
        )
    return distances / normaliser[:, None]


def _extent(true: np.ndarray) -> np.ndarray:
    return (true.max(axis=1).astype(np.float64) - true.min(axis=1)).reshape(len(true), 2)


def _check_curve(values: np.ndarray, threshold: float) -> None:
    if not threshold > 0:
        raise ValueError(f"`threshold` must be positive; received: threshold={threshold}")
    if values.ndim != 1 or not len(values):
        raise ValueError(f"`values` must be [R], R >= 1; received: shape={values.shape}")

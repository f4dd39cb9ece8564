"""What a classifier is judged by, from probabilities [N, C] and labels [N] (positions)."""

import numpy as np
import pandas as pd


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Share of pictures whose most probable class is right, in [0, 1]."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def top_k(probabilities: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Share of pictures whose class is among the `k` most probable ones; ties count for us last.

    Raises:
        ValueError: `k` is not in 1..C.
    """
    if not 1 <= k <= probabilities.shape[1]:
        raise ValueError(f"`k` must be in 1..{probabilities.shape[1]}; received: k={k}")
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    better = (probabilities > own).sum(axis=1)
    ties = (probabilities == own).sum(axis=1) - 1
    return float((better + ties < k).mean())


def confusion(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts [C, C]: row = true class, column = answer."""
    classes = probabilities.shape[1]
    pairs = labels * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def per_class(counts: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Precision, recall, F1 and number of pictures of every class, from `confusion`'s counts.

    A class without pictures has recall NaN, one that is never answered precision NaN.
    `mistaken_for` is the class most often answered in its place; empty where it never was.
    """
    right = counts.diagonal()
    wrong = counts - np.diag(right)
    with np.errstate(invalid="ignore"):
        precision, recall = right / counts.sum(axis=0), right / counts.sum(axis=1)
        f1 = 2 * right / (counts.sum(axis=0) + counts.sum(axis=1))
    return pd.DataFrame(
        {
            "class": names,
            "pictures": counts.sum(axis=1),
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "mistaken_for": [names[row.argmax()] if row.any() else "" for row in wrong],
        }
    )

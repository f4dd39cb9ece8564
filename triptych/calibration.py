"""Is a confidence what it says? And how sure is a share that was counted?"""

import numpy as np
import pandas as pd


def interval(share: float, count: int) -> tuple[float, float]:
    """95 % interval (low, high) of a `share` seen among `count` samples (Wilson 1927).

    Raises:
        ValueError: `count` is not positive.
    """
    if count <= 0:
        raise ValueError(f"`count` must be positive; received: count={count}")
    z2 = 1.959964**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = np.sqrt(z2 * (share * (1 - share) + z2 / (4 * count)) / count) / (1 + z2 / count)
    return float(max(middle - half, 0)), float(min(middle + half, 1))


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> pd.DataFrame:
    """Confidence [R] against accuracy in `bins` equal parts of [0, 1], one row each.

    `right` [R] bool says which answers are right. Columns: low, high (the part), pictures, and
    their mean confidence and accuracy (NaN without pictures), as `triptych.report.reliability`
    draws them (Guo et al. 2017).
    """
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    pictures = np.bincount(number, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(number, w, minlength=bins) / pictures for w in (confidence, right)]
    edges = np.arange(bins + 1) / bins
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "pictures": pictures,
            "confidence": means[0],
            "accuracy": means[1],
        }
    )


def error(table: pd.DataFrame) -> float:
    """Expected calibration error in [0, 1] (Guo et al. 2017), from what `reliability` gives."""
    gaps = (table["confidence"] - table["accuracy"]).abs() * table["pictures"]
    return float(gaps.sum() / table["pictures"].sum())

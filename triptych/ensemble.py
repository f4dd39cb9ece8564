"""Several predictions of the same things -> one."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

How = Literal["mean", "median"]


def combine(predictions: Sequence[np.ndarray], how: How = "mean") -> np.ndarray:
    """Mean or median over predictions of one shape, element by element.

    Class probabilities are averaged, not logits and not labels; after a median the rows of [N, C]
    no longer sum to one.

    Raises:
        ValueError: no predictions, different shapes, or an unknown `how`.
    """
    if not predictions:
        raise ValueError("`predictions` must not be empty")
    shapes = {p.shape for p in predictions}
    if len(shapes) > 1:
        raise ValueError(f"`predictions` must have one shape; received: {sorted(shapes)}")
    if how == "mean":
        return np.mean(predictions, axis=0)
    if how == "median":
        return np.median(predictions, axis=0)
    raise ValueError(f"`how` must be 'mean' or 'median'; received: how={how!r}")

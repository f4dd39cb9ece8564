"""What the detector answers: a plate's corners, and how sure it is."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Plate:
    """A plate that was found."""

    corners: np.ndarray
    """float64 [4, 2]: x, y in pixels of the photograph, in reading order (`plates.geometry`)."""
    score: float
    """How probable it is that this is a plate, 0..1."""

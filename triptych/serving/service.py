"""What a task gives to be served."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Answer = Mapping[str, Any]
"""What is said of one picture, in numbers, texts, lists and dictionaries of these."""


@dataclass(frozen=True)
class Service:
    """A model that answers pictures."""

    name: str
    """The task: carclf, landmarks or plates."""
    answer: Callable[[list[np.ndarray]], Sequence[Answer | Exception]]
    """What is said of some pictures [H, W, 3] uint8 RGB of any size, in order; called from one
    thread. An exception for a picture stands for its answer: a ValueError's message is told."""
    info: Mapping[str, Any]
    """The model card: version, backbone, classes, sizes, scores."""

"""What a task gives to be served."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Answer = Mapping[str, Any]
"""What is said of one picture, in numbers, texts, lists and dictionaries of these."""


@dataclass(frozen=True)
class Part:
    """A line of an answer, and bars below it: (label, share 0..1)."""

    title: str
    bars: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True, eq=False)
class Shown:
    """An answer to look at: drawn into the picture [H, W, 3] uint8 RGB, and said beside it."""

    picture: np.ndarray
    parts: Sequence[Part]


@dataclass(frozen=True)
class Service:
    """A model that answers pictures."""

    name: str
    """The task: carclf, landmarks or plates."""
    answer: Callable[[list[np.ndarray]], Sequence[Answer | Exception]]
    """What is said of some pictures [H, W, 3] uint8 RGB of any size, in order; called from one
    thread. An exception for a picture stands for its answer: a ValueError's message is told."""
    show: Callable[[np.ndarray, Answer], Shown]
    """A picture and its answer, drawn; called from the same thread."""
    examples: Callable[[], Sequence[np.ndarray]]
    """Pictures to try it on."""
    info: Mapping[str, Any]
    """The model card: version, backbone, classes, sizes, scores."""

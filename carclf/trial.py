"""Pictures that show what quantizing costs, and such to calibrate it on."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carclf import labelled, records
from carclf.predictor import Predictor
from carclf.sides import choose, match
from triptych import split
from triptych.images import decode, resize
from triptych.pictures import Pictures

# More change nothing: the extremes of a hundred pictures' features are those of all.
_CALIBRATING = 100


@dataclass(frozen=True)
class Trial:
    """`samples` [B, height, width, 3] uint8 to calibrate on; pictures to judge on, their labels.

    The labels [R] are positions in the run's classes; without `true` they are the run's answers.
    """

    samples: np.ndarray
    pictures: Sequence[np.ndarray] | Pictures
    labels: np.ndarray
    true: bool

    @property
    def measure(self) -> str:
        """What `accuracy` is."""
        return "accuracy" if self.true else "agreement with the run"

    def accuracy(self, model: Predictor) -> float:
        """Share of the pictures whose most probable class is the labels'."""
        found = model.probabilities(len(self.labels), self.pictures.__getitem__).argmax(axis=1)
        return float(np.mean(found == self.labels))


def from_data(run: Path, model: Predictor, data: Path) -> Trial:
    """Of labelled `data` the side that `carclf.evaluate` judges; samples are of the other side.

    Where the run has seen none of the data there is one side for both.

    Raises:
        ValueError: the data cannot be read, or have classes that are not the run's.
    """
    found = match(records.read(data), model.classes, model.names)
    splits = [split.read(run)]
    judged, side = choose(found, model.classes, splits, None)
    others = judged if side == "all" else choose(found, model.classes, splits, "training")[0]
    cover = (2 * model.size[0], 2 * model.size[1])
    pictures, labels, remarks, _ = labelled.usable(judged, cover, 0, os.cpu_count() or 1)
    for remark in remarks:
        print(f"{remark.where}: {remark.reason}")
    spread = np.linspace(0, len(others) - 1, min(len(others), _CALIBRATING)).round().astype(int)
    some, *_ = labelled.usable([others[i] for i in spread], cover, 0, os.cpu_count() or 1)
    samples = np.stack([resize(some[i], model.size) for i in range(len(some.paths))])
    return Trial(samples, pictures, labels, true=True)


def from_pictures(model: Predictor, pictures: Sequence[bytes]) -> Trial:
    """Of encoded pictures without labels; all of them serve for both."""
    images = [decode(data) for data in pictures]
    answers = model.probabilities(len(images), images.__getitem__).argmax(axis=1)
    samples = np.stack([resize(image, model.size) for image in images[:_CALIBRATING]])
    return Trial(samples, images, answers, true=False)

"""Pictures that show what quantizing costs, and such to calibrate it on."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from landmarks import labelled, metrics, records, verdict
from landmarks.predictor import Predictor
from landmarks.sides import choose
from landmarks.warp import crop
from triptych import split
from triptych.images import decode
from triptych.inputs import Readable

# More change nothing: the extremes of a hundred pictures' features are those of all.
_CALIBRATING = 100


@dataclass(frozen=True)
class Trial:
    """`samples` [B, side, side, 3] uint8 to calibrate on; pictures to judge on, their points.

    `read(i)` gives picture i of R, `points` [R, N, 2] are in its pixels, and errors are divided by
    `lengths` [R]; `measure` says what they are.
    """

    samples: np.ndarray
    read: Callable[[int], np.ndarray]
    points: np.ndarray
    lengths: np.ndarray
    measure: str

    def error(self, model: Predictor) -> float:
        """Mean normalised error: a share of the length, 0 is best."""
        found = model.predict(len(self.points), self.read).points
        return float(metrics.nme(found, self.points, self.lengths).mean())


def from_data(run: Path, model: Predictor, data: Path) -> Trial:
    """Of known `data` the side that `landmarks.evaluate` judges; samples are of the other side.

    Where the run has seen none of the data there is one side for both.

    Raises:
        ValueError: the data cannot be read, or have another number of points.
    """
    found = records.read(data, (), run.parent / labelled.CACHE)
    if found.points.shape[1] != model.points:
        raise ValueError(f"{data} has {found.points.shape[1]} points, the run has {model.points}")
    splits = [split.read(run)]
    judged, side = choose(found, splits, None)
    others = judged if side == "all" else choose(found, splits, "training")[0]
    store, checked, kept, remarks = labelled.usable(judged, 32, 0, os.cpu_count() or 1)
    for remark in remarks:
        print(f"{remark.where}: {remark.reason}")
    true = judged.points[kept].astype(float)
    sizes = np.array([(c.height, c.width) for c in checked])
    pair = verdict.default_pair(model.points)
    lengths, measure = verdict.normaliser(true, sizes, store.paths, pair)
    places = np.linspace(0, len(others.paths) - 1, min(len(others.paths), _CALIBRATING))
    paths = [others.paths[i] for i in places.round().astype(int)]
    images = Readable(paths, None)
    samples = np.stack([crop(images.read(i), model.side) for i in range(len(paths))])
    read = Readable(store.paths, None).read
    return Trial(samples, read, true, lengths, f"mean error, a share of the {measure}")


def from_pictures(model: Predictor, pictures: Sequence[bytes]) -> Trial:
    """Of encoded pictures whose points nobody knows: the run's own answers count as true."""
    images = [decode(data) for data in pictures]
    points = model.predict(len(images), images.__getitem__).points
    sides = np.array([min(image.shape[:2]) for image in images], float)
    samples = np.stack([crop(image, model.side) for image in images[:_CALIBRATING]])
    measure = "mean distance from the run's points, a share of the picture's shorter side"
    return Trial(samples, images.__getitem__, points, sides, measure)

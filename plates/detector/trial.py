"""Photographs that show what quantizing a detector costs, and such to calibrate it on."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plates import sides
from plates.detector import labelled, records, scores, verdict
from plates.detector.predictor import Detector
from plates.sides import Split
from triptych.images import decode

_FLOOR = 0.05
"""As in `plates.detector.evaluate`: score from which plates count for average precision."""
_BATCH = 8


@dataclass(frozen=True)
class Trial:
    """`samples`, canvases uint8 [1, H, W, 3], to calibrate on; encoded photographs to judge on.

    `true` are the quads [4, 2] of each photograph's plates, in pixels.
    """

    samples: Sequence[np.ndarray]
    pictures: Sequence[bytes]
    true: Sequence[Sequence[np.ndarray]]
    measure: str

    def precision(self, model: Detector) -> float:
        """Average precision at IoU 0.5, of kind "label" (`plates.detector.scores`)."""
        found = []
        for start in range(0, len(self.pictures), _BATCH):
            images = [decode(data) for data in self.pictures[start : start + _BATCH]]
            found += model.detect(images, _FLOOR)
        (matched,) = scores.matched(found, self.true, "label", [scores.FOUND])
        return scores.average_precision(matched.curve)


def from_data(model: Detector, data: Path, splits: Sequence[Split]) -> Trial:
    """Of labelled `data` what `plates.sides.trial` takes, by the splits of the model's run.

    Raises:
        ValueError: the data cannot be read, no photograph to judge on shows a plate, or as
            `plates.sides.trial`.
    """
    found, problems = records.read(data)
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(labelled.digest, found)) if splits else [""] * len(found)
    (judged, remarks), (others, more) = (
        _usable(side) for side in sides.trial(found, digests, splits, "photographs")
    )
    for remark in [*problems, *remarks, *more]:
        print(f"{remark.where}: {remark.reason}")
    print(f"judged on {len(judged)} photographs, calibrated on {len(others)} others", flush=True)
    true = verdict.quads(judged)
    if not others or not any(true):
        raise ValueError(f"{data} has no plate to judge quantizing on, or nothing to calibrate it")
    samples = [_canvas(model, decode(sample.path)) for sample in others]
    pictures = [sample.path.read_bytes() for sample in judged]
    return Trial(samples, pictures, true, "average precision at IoU 0.5")


def from_pictures(model: Detector, pictures: Sequence[bytes]) -> Trial:
    """Of encoded photographs whose plates nobody knows: what the run finds counts as right.

    Raises:
        ValueError: it finds none.
    """
    images = [decode(data) for data in pictures]
    true = [[plate.corners for plate in plates] for plates in model.detect(images)]
    if not any(true):
        raise ValueError("the run finds no plate to judge quantizing on; name --data, or --check")
    samples = [_canvas(model, image) for image in images[: sides.CALIBRATING]]
    return Trial(samples, pictures, true, "average precision of the run's own plates")


def _usable(
    samples: Sequence[records.Sample],
) -> tuple[list[records.Sample], list[records.Problem]]:
    usable, _, remarks = verdict.ask(samples, lambda images: [[] for _ in images])
    return usable, remarks


def _canvas(model: Detector, image: np.ndarray) -> np.ndarray:
    return model.frame(image).apply(image)[None]

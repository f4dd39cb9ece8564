"""Photographs in, plates out: found, cut, read, the doubtful dropped, from left to right."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plates import gate, geometry
from plates.reader.crops import LEAST as LEAST_SIDE
from plates.reader.decode import Reading
from plates.reader.views import View
from plates.rectify import CUTS
from triptych.stage import require

if TYPE_CHECKING:
    from plates.detector.predictor import Detector
    from plates.reader.predictor import Predictor

FLOOR = 0.1  # score of what is worth the reader's look
MOST_BESIDE = 0.5  # of the narrower plate's width; with more in common they stand above each other


@dataclass(frozen=True, eq=False)
class Found:
    """A plate: its quad [4, 2] float64 in the photograph's pixels, how sure it is, what it says."""

    corners: np.ndarray
    score: float
    """Of the detector, 0..1."""
    reading: Reading


class Pipeline:
    """A detector and a reader; made by `open`.

    `least` and `least_reading` are those of `gate`; `most` is how many plates of a photograph are
    told, the surest of them (`gate.evidence`), 0: all.
    """

    def __init__(
        self,
        detector: "Detector",
        reader: "Predictor",
        least: float = gate.LEAST,
        least_reading: float = gate.LEAST_READING,
        most: int = 0,
    ) -> None:
        gate.check(least, least_reading)
        require(most >= 0, "most", "0 or more", most)
        self.detector = detector
        self.reader = reader
        self.least = least
        self.least_reading = least_reading
        self.most = most
        self._floor = max(FLOOR, gate.floor(least, least_reading))

    def read(self, images: Sequence[np.ndarray], tta: Sequence[View] = ()) -> list[list[Found]]:
        """The plates of each photograph [H, W, 3] uint8 RGB, in the order of `in_order`.

        `tta` are views of every crop that are read as well (`plates.reader.views`). A quad of which
        no plate can be cut (`geometry.problem`), or a crop too small to hold text, is none.
        """
        crops = [
            (number, plate, crop)
            for number, plates in enumerate(self.detector.detect(images, self._floor))
            for plate in plates
            if (crop := self._cut(images[number], plate.corners)) is not None
        ]
        readings = self.reader.read(len(crops), lambda i: crops[i][2], tta)
        found: list[list[Found]] = [[] for _ in images]
        for (number, plate, _), reading in zip(crops, readings, strict=True):
            if gate.keeps(plate.score, reading, self.least, self.least_reading):
                found[number].append(Found(plate.corners, plate.score, reading))
        return [in_order(self._surest(some)) for some in found]

    def _surest(self, found: list[Found]) -> list[Found]:
        surest = sorted(found, key=lambda one: -gate.evidence(one.score, one.reading))
        return surest[: self.most or None]

    def _cut(self, image: np.ndarray, corners: np.ndarray) -> np.ndarray | None:
        """The crop as the reader was trained on such, or None."""
        if geometry.problem(corners, image.shape[0], image.shape[1]):
            return None
        crop = CUTS[self.reader.config.cut](image, corners, self.reader.config.margin)
        return crop if min(crop.shape[:2]) >= LEAST_SIDE else None


def open(
    detector: Path | None = None,
    reader: Path | None = None,
    least: float = gate.LEAST,
    least_reading: float = gate.LEAST_READING,
    most: int = 0,
    size: int | None = None,
) -> Pipeline:
    """Load a detector's and a reader's run folder; None: those in the package.

    `size` is what `plates.detector.predictor.open` takes.

    Raises:
        ValueError: no finished run folder, none in the package, a limit that is not 0..1, or a
            negative `most`.
    """
    gate.check(least, least_reading)
    # Here, so that what a plate is can be known without the models' library.
    from plates.detector import predictor as detectors
    from plates.reader import predictor as readers

    for name, run, shipped in (
        ("detector", detector, detectors.SHIPPED),
        ("reader", reader, readers.SHIPPED),
    ):
        if run is None and not shipped.exists():
            raise ValueError(f"this copy of the package has no {name} in it; name one: --{name}")
    return Pipeline(
        detectors.open(detectors.located(detector) if detector else detectors.SHIPPED, size),
        readers.open(readers.located(reader) if reader else readers.SHIPPED),
        least,
        least_reading,
        most,
    )


def in_order(found: Sequence[Found]) -> list[Found]:
    """The plates from left to right by their middles.

    Those that stand above each other, with more than half of the narrower one's width in common,
    are one place in that order, the upper one first.
    """
    columns: list[list[Found]] = []
    for one in sorted(found, key=lambda one: float(one.corners[:, 0].mean())):
        if columns and _above(columns[-1][0], one):
            columns[-1].append(one)
        else:
            columns.append([one])
    return [
        one
        for column in columns
        for one in sorted(column, key=lambda one: float(one.corners[:, 1].mean()))
    ]


def _above(a: Found, b: Found) -> bool:
    (left, _, right, _), (start, _, end, _) = geometry.bounds(a.corners), geometry.bounds(b.corners)
    return min(right, end) - max(left, start) > MOST_BESIDE * min(right - left, end - start)

"""Detector and reader joined, both stand-ins: a plate's red is its score, its green its text."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from plates import geometry, pipeline
from plates.detector.plate import Plate
from plates.pipeline import Found, Pipeline
from plates.reader.decode import Reading

TEXTS = ("", "AB1", "CD2", "EF3")


def box(left: float, top: float, width: float, height: float) -> np.ndarray:
    x, y = left + width - 1, top + height - 1
    return np.array([[left, top], [x, top], [x, y], [left, y]], np.float64)


class Detector:
    """Knows where the plates are, whatever it is shown."""

    def __init__(self, quads: Sequence[Sequence[np.ndarray]]) -> None:
        self.quads = quads

    def detect(self, images: Sequence[np.ndarray], least: float) -> list[list[Plate]]:
        every = [
            [Plate(quad, float(image[int(quad[0, 1]), int(quad[0, 0]), 0]) / 255) for quad in quads]
            for image, quads in zip(images, self.quads, strict=True)
        ]
        return [[plate for plate in plates if plate.score >= least] for plates in every]


class Reader:
    """Green 0, 50, 100, 150 is a text, blue how sure it is; keeps the crops it was given."""

    def __init__(self, cut: str = "homography", margin: float = 0.0) -> None:
        self.config = SimpleNamespace(cut=cut, margin=margin)
        self.crops: list[np.ndarray] = []

    def read(
        self, count: int, read: Callable[[int], np.ndarray], tta: Sequence[str] = ()
    ) -> list[Reading]:
        self.crops = [read(i) for i in range(count)]
        return [self._reading(crop) for crop in self.crops]

    def _reading(self, crop: np.ndarray) -> Reading:
        _, green, blue = crop[len(crop) // 2, crop.shape[1] // 2].tolist()
        text = TEXTS[green // 50]
        return Reading(text, (blue / 255,) * len(text), blue / 255)


def joined(quads: Sequence[Sequence[np.ndarray]], reader: Reader, most: int = 0) -> Pipeline:
    detector: Any = Detector(quads)
    model: Any = reader
    return Pipeline(detector, model, least=0.5, least_reading=0.5, most=most)


def painted(colours: Sequence[tuple[int, int, int]], quads: Sequence[np.ndarray]) -> np.ndarray:
    image = np.zeros((60, 200, 3), np.uint8)
    for colour, quad in zip(colours, quads, strict=True):
        left, top, right, bottom = (int(side) for side in geometry.bounds(quad))
        image[max(top, 0) : bottom + 1, max(left, 0) : right + 1] = colour
    return image


def test_photograph_in_texts_out() -> None:
    # Found in another order than from the left: sure; nothing read, score 0.8; doubted but sure;
    # hardly a plate, so not even looked at.
    quads = [box(100, 10, 40, 12), box(150, 10, 40, 12), box(10, 30, 40, 12), box(60, 45, 40, 12)]
    colours = [(250, 50, 250), (204, 0, 255), (30, 100, 255), (20, 50, 255)]
    image = painted(colours, quads)
    reader = Reader()
    first, second = joined([quads, []], reader).read([image, image[:5]])
    assert [one.reading.text for one in first] == ["CD2", "AB1"]
    assert first[0].corners is quads[2]
    assert first[0].score == pytest.approx(30 / 255)
    assert second == []
    # Cut by the corners, no margin: the plate and nothing else.
    assert [crop.shape for crop in reader.crops] == [(12, 40, 3)] * 3
    assert (reader.crops[0] == (250, 50, 250)).all()
    # The surest alone: 0.98 + 0.98 against 0.12 + 1.
    (one,) = joined([quads], Reader(), most=1).read([image])
    assert [plate.reading.text for plate in one] == ["AB1"]


@pytest.mark.parametrize(("cut", "shape"), [("homography", (14, 44, 3)), ("box", (14, 44, 3))])
def test_the_crop_is_the_readers(cut: str, shape: tuple[int, ...]) -> None:
    # Sides of 40 and 12 pixels' distance, a margin of 5 % on each side: 44 x 13.2, and one more.
    quads = [box(20, 20, 41, 13)]
    reader = Reader(cut, 0.05)
    joined([quads], reader).read([painted([(255, 50, 255)], quads)])
    (crop,) = reader.crops
    assert abs(crop.shape[0] - shape[0]) <= 1
    assert abs(crop.shape[1] - shape[1]) <= 1
    assert not crop[0].any() or cut == "homography"


def test_what_can_be_no_plate_is_none() -> None:
    crossed = box(20, 20, 40, 12)[[0, 2, 1, 3]]
    outside = box(-30, 10, 40, 12)
    flat = box(100, 40, 40, 3)
    quads = [crossed, outside, flat, box(100, 10, 40, 12)]
    image = painted([(255, 50, 255)] * 4, quads)
    image[10, 0], quads[1][0] = (255, 50, 255), (-30, 10)
    (found,) = joined([quads], Reader()).read([image])
    assert [one.corners is quads[3] for one in found] == [True]


def test_left_to_right_and_top_first_where_they_stand_above_each_other() -> None:
    reading = Reading("A", (1.0,), 1.0)
    # d is below c and a little to its left: one place. b reaches under a by half only: two places.
    quads = {
        "a": box(0, 40, 41, 10),
        "b": box(20, 10, 41, 10),
        "c": box(110, 10, 40, 10),
        "d": box(100, 40, 40, 10),
    }
    found = {name: Found(quad, 1.0, reading) for name, quad in quads.items()}
    ordered = pipeline.in_order([found[name] for name in "dbca"])
    names = {id(one): name for name, one in found.items()}
    assert [names[id(one)] for one in ordered] == ["a", "b", "c", "d"]


def test_models_of_ones_own_and_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stub(shipped: Path) -> SimpleNamespace:
        opened: Any = lambda run, size=None: SimpleNamespace(config=run, size=size)  # noqa: E731
        return SimpleNamespace(SHIPPED=shipped, open=opened, located=lambda run: run / "located")

    monkeypatch.setattr("plates.detector.predictor", stub(tmp_path / "none"), raising=False)
    monkeypatch.setattr("plates.reader.predictor", stub(tmp_path), raising=False)
    with pytest.raises(ValueError, match="has no detector in it; name one: --detector"):
        pipeline.open()
    model: Any = pipeline.open(detector=Path("a"), size=1024)
    assert model.detector.size == 1024
    assert (model.detector.config, model.reader.config) == (Path("a/located"), tmp_path)
    with pytest.raises(ValueError, match="`least` must be"):
        pipeline.open(least=-1)
    with pytest.raises(ValueError, match="`most` must be 0 or more; received: most=-1"):
        pipeline.open(detector=Path("a"), most=-1)

"""What quantizing is judged on, by hand."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plates.detector import trial as finding
from plates.detector.config import Config as DetectorConfig
from plates.detector.plate import Plate
from plates.detector.predictor import Detector
from plates.reader import trial as reading
from plates.reader.config import Config as ReaderConfig
from plates.reader.predictor import Predictor
from triptych.stage import Stage


class Says:
    """In a reader's place: the first character of the alphabet, whatever the crop."""

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
        """Logits [B, 8, 4]."""
        logits = np.zeros((len(images), 8, 4))
        logits[:, 0, 1] = logits[:, 1:, 0] = 20
        return logits


def reader() -> Predictor:
    config = ReaderConfig(Path(), alphabet="A1B", stages=(Stage(size="32x64"),))
    return Predictor(Says(), config)


def test_a_reader_is_judged_by_the_texts_of_the_others(
    make_crops: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of six crops three calibrate; of the other three one is read rightly."""
    data = make_crops(tmp_path / "data", ["B1", "A", "1A", "B", "11B", "BB1"])
    made = reading.from_data(reader(), data, [])
    assert made.samples.shape == (3, 32, 64, 3)
    assert list(made.texts) == ["A", "B", "BB1"]
    assert made.exact(reader()) == pytest.approx(1 / 3)
    assert "judged on 3 crops, calibrated on 3 others" in capsys.readouterr().out


QUAD = np.array([[30.0, 40], [125, 40], [125, 71], [30, 71]])  # as the photographs have it


class Finds(Detector):
    """A detector that finds one plate in every photograph, `off` pixels from where it is.

    With None it finds nothing.
    """

    def __init__(self, off: float | None) -> None:
        config = DetectorConfig(Path(), stages=(Stage(size="64"),))
        super().__init__(lambda canvases: canvases, config, fixed=True)
        self.off = off

    def detect(self, images: Any, least: float = 0.8, *, refine: bool = True) -> Any:
        """See `Detector`."""
        return [[] if self.off is None else [Plate(QUAD + self.off, 0.9)] for _ in images]


def test_a_detector_is_judged_by_average_precision(
    make_photographs: Callable[..., Path], tmp_path: Path
) -> None:
    """Two photographs with a plate, and one with two, of which one is found at most."""
    data = make_photographs(tmp_path / "data", [["A2"], ["B1"], ["C3"], ["A1", "B2"], ["C1"]])
    made = finding.from_data(Finds(0), data, [])
    assert [sample.shape for sample in made.samples] == [(1, 64, 64, 3)] * 2
    assert [len(plates) for plates in made.true] == [1, 2, 1]
    assert made.precision(Finds(0)) == pytest.approx(3 / 4)
    assert made.precision(Finds(200)) == 0


def test_a_detector_without_data_is_held_against_itself() -> None:
    file = BytesIO()
    Image.new("RGB", (160, 120)).save(file, "PNG")
    made = finding.from_pictures(Finds(0), [file.getvalue()])
    assert made.precision(Finds(0)) == 1
    assert made.precision(Finds(60)) == 0
    with pytest.raises(ValueError, match="finds no plate to judge quantizing on"):
        finding.from_pictures(Finds(None), [file.getvalue()])

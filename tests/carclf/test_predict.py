"""`carclf.predict` with a model that is known: its logits are a picture's mean red, green, blue."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from carclf import predict, predictor

COLOURS = {"c.png": (250, 0, 0), "a.png": (0, 250, 0), "b.png": (0, 0, 250)}


class Colour:
    """Stands in for a Keras model."""

    def predict_on_batch(self, batch: np.ndarray) -> np.ndarray:
        assert batch.dtype == np.uint8
        assert batch.shape[1:] == (32, 48, 3)
        return batch.mean(axis=(1, 2)) / 50


@pytest.fixture
def contest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs (the second one's classes are those of the first) and a contest's test side."""
    for name in ("run1", "run2"):
        (tmp_path / name).mkdir()
        for file in ("config.json", "model.keras"):
            (tmp_path / name / file).write_text("{}")
    (tmp_path / "test_upload").mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (60, 40), colour).save(tmp_path / "test_upload" / name)
    sample = "Id,Category\nb.png,0\nc.png,0\na.png,0\n"
    (tmp_path / "sample-submission.csv").write_text(sample)
    known: Any = predictor.Predictor(Colour(), (32, 48), ["0", "1", "10"], ["red", "green", "blue"])
    monkeypatch.setattr(predictor, "open", lambda run: known)
    return tmp_path


def _rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_the_submission_has_the_samples_order(
    contest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to, truth = contest / "submission.csv", contest / "truth.csv"
    truth.write_text("Id,Category\na.png,1\nb.png,10\nc.png,1\n")
    paths = (contest / "run1", contest / "test_upload")
    predict.predict(predict.Config(paths, submission=to, truth=truth))
    assert _rows(to) == [["Id", "Category"], ["b.png", "10"], ["c.png", "0"], ["a.png", "1"]]
    assert "accuracy 0.6667 on the 3 pictures" in capsys.readouterr().out


def test_probabilities_are_those_of_the_softmax(contest: Path) -> None:
    to = contest / "probabilities.csv"
    paths = (contest / "run1", contest / "run2", contest / "test_upload" / "a.png")
    predict.predict(predict.Config(paths, probabilities=to))
    header, row = _rows(to)
    assert header == ["Id", "0", "1", "10"]
    # Logits 0, 5, 0: e^5 / (e^5 + 2).
    assert [float(v) for v in row[1:]] == pytest.approx([0.006648, 0.986704, 0.006648], abs=2e-6)


def test_an_unreadable_picture_is_named_and_has_a_row(
    contest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (contest / "test_upload" / "b.png").write_bytes(b"")
    to = contest / "p.csv"
    predict.predict(
        predict.Config((contest / "run1", contest / "sample-submission.csv"), probabilities=to)
    )
    assert "b.png: the file is empty" in capsys.readouterr().out
    assert _rows(to)[1] == ["b.png", "0.333333", "0.333333", "0.333333"]


def test_a_sample_with_a_stranger_fails_before_any_picture_is_read(
    contest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (contest / "sample-submission.csv").write_text("Id,Category\nnone.png,0\n")
    monkeypatch.setattr(predictor, "open", lambda run: pytest.fail("the model was loaded"))
    config = predict.Config((contest / "run1", contest / "test_upload"), contest / "s.csv")
    with pytest.raises(ValueError, match=r"1 rows of the sample have no answer; first: none\.png"):
        predict.predict(config)


def test_a_truth_of_other_pictures_is_refused(contest: Path) -> None:
    truth = contest / "truth.csv"
    truth.write_text("Id,Category\nnone.png,1\n")
    with pytest.raises(ValueError, match=r"none\.png is not among the pictures"):
        predict.predict(predict.Config((contest / "run1", contest / "test_upload"), truth=truth))

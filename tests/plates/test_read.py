"""`plates.read` with a model that is known: the brighter the crop, the surer it reads AB."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plates import read
from plates.reader import predictor
from plates.reader.config import Config
from triptych.stage import Stage

CONFIG = Config(Path("d"), alphabet="AB", stages=(Stage(size="32x32"),), lines=1, strides=(8, 8))


class Model:
    """Stands in for a Keras model of four columns: A, blank, B, blank."""

    def predict_on_batch(self, batch: np.ndarray) -> np.ndarray:
        logits = np.zeros((len(batch), 4, 3))
        logits[:, [0, 2], [1, 2]] = batch.mean(axis=(1, 2, 3))[:, None] / 10
        logits[:, [1, 3], 0] = 40
        # A black crop has no text at all.
        logits[batch.max(axis=(1, 2, 3)) == 0, :, 0] = 40
        return logits


@pytest.fixture
def crops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a sure plate (white), an unsure one (grey 5) and none."""
    model: Any = Model()
    monkeypatch.setattr(predictor, "open", lambda run: predictor.Predictor(model, CONFIG))
    monkeypatch.setattr(predictor, "SHIPPED", tmp_path)
    folder = tmp_path / "crops"
    folder.mkdir()
    for name, grey in (("sure", 255), ("unsure", 5), ("none", 0)):
        Image.fromarray(np.full((20, 60, 3), grey, np.uint8)).save(folder / f"{name}.png")
    return folder


def test_a_line_for_each(crops: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read.read(read.Config((crops,)))
    # p = e^0.5 / (e^0.5 + 2) = 0.4519 and q = 0.2741: AB has p p = 0.2042; its rivals at A are BB
    # with q p = 0.1238, and B with q p + q q = 0.1990; 0.2042 of their sum, 0.5270, is 0.3875.
    assert capsys.readouterr().out.splitlines() == [
        f"{crops}/none.png: -  1.00  1.00",
        f"{crops}/sure.png: AB  1.00  1.00",
        f"{crops}/unsure.png: -  0.20  0.39",
    ]


def test_the_gate_is_a_choice(crops: Path, tmp_path: Path) -> None:
    to = tmp_path / "texts.csv"
    for least, text in ((0.35, "AB"), (0.4, "")):
        read.read(read.Config((crops / "unsure.png",), least=least, csv=to))
        with to.open(newline="") as file:
            (row,) = csv.DictReader(file)
        assert (row["file"], row["text"]) == (str(crops / "unsure.png"), text)
    with pytest.raises(ValueError, match=r"`least` must be in \[0, 1\]; received: least=2"):
        read.Config((crops,), least=2)


def test_what_cannot_be_read_is_told_and_the_rest_answered(
    crops: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = crops.parent / "other"
    other.mkdir()
    (other / "sure.png").write_bytes(b"")
    to = crops.parent / "texts.csv"
    with pytest.raises(ValueError, match="1 of 2 pictures could not be read"):
        read.read(read.Config((other / "sure.png", crops / "sure.png"), csv=to))
    out, err = capsys.readouterr()
    assert out == f"{crops}/sure.png: AB  1.00  1.00\n"
    assert err == f"{other}/sure.png: the file is empty\n"
    assert len(to.read_text().splitlines()) == 2


def test_plates_of_a_photograph_keep_their_numbers(
    crops: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = [[[x, 2], [x + 20, 2], [x + 20, 12], [x, 12]] for x in (3, 30)]
    row = {"file": "sure.png", "nums": [{"box": box} for box in boxes]}
    (crops / "train.json").write_text(json.dumps([row]))
    read.read(read.Config((crops,)))
    assert capsys.readouterr().out.splitlines() == [
        f"{crops}/sure.png#{number}: AB  1.00  1.00" for number in (0, 1)
    ]


def test_without_a_reader(crops: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor, "SHIPPED", crops / "shipped")
    with pytest.raises(ValueError, match="has no reader in it; name a run with --run"):
        read.read(read.Config((crops,)))
    read.read(read.Config((crops,), run=crops))

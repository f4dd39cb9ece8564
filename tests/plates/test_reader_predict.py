"""`plates.reader.predict` with a model that is known: it reads the grey levels of eight columns."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plates.reader import inputs, predict, predictor, submission
from plates.reader.config import Config
from plates.reader.decode import Reading
from plates.reader.records import Crop
from plates.reader.views import render
from triptych import images
from triptych.stage import Stage

ALPHABET = "AB12"
CONFIG = Config(
    Path("d"), alphabet=ALPHABET, stages=(Stage(size="32x64"),), lines=1, strides=(8, 8)
)


class Model:
    """Stands in for a Keras model: a column's grey level times `gain` says its class, 40 apart."""

    def __init__(self, gain: float) -> None:
        self.gain = gain

    def predict_on_batch(self, batch: np.ndarray) -> np.ndarray:
        assert batch.dtype == np.uint8
        assert batch.shape[1:] == (32, 64, 3)
        # The median, which a small move of the columns does not change.
        columns = np.median(batch.reshape(-1, 32, 8, 8, 3), axis=(1, 3, 4))
        away = columns[..., None] * self.gain - 40.0 * np.arange(len(ALPHABET) + 1)
        return -np.abs(away) / 8


def reader(gain: float = 1.0, **options: Any) -> predictor.Predictor:
    model: Any = Model(gain)
    return predictor.Predictor(model, replace(CONFIG, **options))


def plate(text: str, scale: int = 1) -> np.ndarray:
    """A crop that the model reads as `text`, up to 4 characters: each a column and then a blank."""
    columns = np.zeros(8, np.uint8)
    columns[: 2 * len(text) : 2] = [40 * (ALPHABET.index(c) + 1) for c in text]
    image = np.repeat(np.repeat(columns, 8 * scale)[None], 32 * scale, axis=0)
    return np.repeat(image[..., None], 3, axis=2)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs and a contest's folder of crops."""
    models = {"run1": reader(), "run2": reader(2.0), "shipped": reader(), "export": reader()}
    for name in models:
        (tmp_path / name).mkdir()
        (tmp_path / name / ("model.onnx" if name == "export" else "config.json")).write_text("{}")
    (tmp_path / "test").mkdir()
    for name, text in (("10", "A12"), ("9", "B1"), ("2", "")):
        Image.fromarray(plate(text, 3)).save(tmp_path / "test" / f"{name}.png")
    monkeypatch.setattr(predictor, "open", lambda run: models[run.name])
    monkeypatch.setattr(predictor, "SHIPPED", tmp_path / "shipped")
    return tmp_path


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_readings_and_submission(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to, contest = folder / "readings.csv", folder / "submission.csv"
    predict.predict(predict.Config((folder / "run1", folder / "test"), to, contest))
    header, *rows = rows_of(to)
    assert header == ["file", "text", "confidence", "weakest", "characters"]
    assert {row[0]: row[1] for row in rows} == {
        "test/10.png": "A12",
        "test/2.png": "",
        "test/9.png": "B1",
    }
    (row,) = (row for row in rows if row[1] == "A12")
    each = [float(value) for value in row[4].split()]
    assert len(each) == 3
    assert float(row[3]) == min(each) >= float(row[2]) > 0.8
    assert rows_of(contest) == [
        ["file_name", "plates_string"],
        *(["test/2.png", ""], ["test/9.png", "B1"], ["test/10.png", "A12"]),
    ]
    assert "3 rows" in capsys.readouterr().out


def test_without_a_run_the_shipped_one_answers(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predict.predict(predict.Config((folder / "test" / "9.png",)))
    assert capsys.readouterr().out.startswith("B1 ")


def test_an_export_in_onnx_is_a_reader_and_no_folder_of_pictures(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predict.predict(predict.Config((folder / "export", folder / "test" / "9.png")))
    assert capsys.readouterr().out.startswith("B1 ")


def test_a_gate_on_the_weakest_character(folder: Path) -> None:
    to = folder / "readings.csv"
    for least, text in ((0.5, "B1"), (1.0, "")):
        predict.predict(
            predict.Config((folder / "run1", folder / "test" / "9.png"), to, least=least)
        )
        assert rows_of(to)[1][1] == text


def test_what_cannot_be_read_is_named_and_answered(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "test" / "9.png").write_bytes(b"")
    Image.fromarray(plate("A")[:1, :1]).save(folder / "test" / "2.png")
    names = folder / "sample.csv"
    files = ("test/10.png", "test/9.png", "test/2.png", "test/gone.png")
    names.write_text("".join(f"{row}\n" for row in ("file_name,plates_string", *files)))
    to = folder / "readings.csv"
    predict.predict(predict.Config((folder / "run1", names), to))
    assert [row[:3] for row in rows_of(to)[2:]] == [[name, "", "0.0000"] for name in files[1:]]
    said = capsys.readouterr().out
    for part in ("9.png: the file is empty", "1 x 1 pixels holds no text", "gone.png: cannot be"):
        assert part in said


def test_plates_of_photographs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut by their corners, and joined from left to right."""
    photograph = np.zeros((80, 240, 3), np.uint8)
    nums = []
    for x, text in ((150, "2B"), (20, "A1")):
        photograph[20:52, x : x + 64] = plate(text)
        nums.append({"box": [[x, 20], [x + 63, 20], [x + 63, 51], [x, 51]]})
    Image.fromarray(photograph).save(folder / "test" / "7.png")
    (folder / "train.json").write_text(json.dumps([{"file": "test/7.png", "nums": nums}]))
    to = folder / "submission.csv"
    first = reader(margin=0.0)
    found = inputs.find([folder])
    assert [crop.name for crop in found.plates] == ["test/7.png#0", "test/7.png#1"]
    assert found.pictures == ["test/7.png"]
    monkeypatch.setattr(predictor, "open", lambda run: first)
    predict.predict(predict.Config((folder / "run1", folder / "train.json"), submission=to))
    assert rows_of(to)[1:] == [["test/7.png", "A1 2B"]]


def test_every_photograph_has_a_row(folder: Path) -> None:
    """Without a plate, with a bad box alone, or not there at all; and where that is so of all."""
    line = {"box": [[1, 1], [9, 1], [9, 1], [1, 1]]}
    rows = [
        *({"file": "test/10.png", "nums": []}, {"file": "test/9.png", "nums": [line]}),
        *({"file": "test/2.png", "nums": "?"}, {"file": "test/1.png", "nums": []}),
    ]
    (folder / "TEST.JSON").write_text(json.dumps(rows))
    to, contest = folder / "readings.csv", folder / "submission.csv"
    predict.predict(predict.Config((folder / "run1", folder / "TEST.JSON"), to, contest))
    assert len(rows_of(to)) == 1
    assert rows_of(contest)[1:] == [[f"test/{i}.png", ""] for i in (1, 2, 9, 10)]


def test_a_crop_is_resized_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not first to twice the model's size: an export does not, and rounding shows."""
    image = np.random.default_rng(0).integers(0, 256, (300, 700, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    seen = []

    def see(batch: np.ndarray) -> np.ndarray:
        seen.append(batch)
        return np.zeros((len(batch), 8, len(ALPHABET) + 1))

    known = reader()
    monkeypatch.setattr(known.model, "predict_on_batch", see)
    monkeypatch.setattr(predictor, "open", lambda run: known)
    predict.predict(predict.Config((tmp_path / "a.png",)))
    np.testing.assert_array_equal(seen[0][0], images.resize(image, (32, 64)))


def test_views() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 100, 3), np.uint8)
    every = render(image, (32, 64), ("shift", "scale", "contrast"))
    assert every.shape == (9, 32, 64, 3)
    assert every.dtype == np.uint8
    np.testing.assert_array_equal(every[0], render(image, (32, 64))[0])
    # Moved by 3 %: a bright square's middle goes 1 px up or down, and 3 px aside.
    square = np.zeros((40, 100, 3), np.uint8)
    square[10:20, 30:60] = 255
    moved = render(square, (40, 100), ("shift", "scale"))

    def middle(view: np.ndarray) -> tuple[float, float]:
        rows, columns = np.nonzero(view[..., 0] > 127)
        return float(rows.mean()), float(columns.mean())

    assert [middle(v) for v in moved[1:5]] == [
        (14.5 + y, 44.5 + x) for y in (-1, 1) for x in (-3, 3)
    ]
    nearer, farther = ((view[..., 0] > 127).sum() for view in moved[5:])
    assert nearer > 300 > farther
    flat = render(np.full((4, 4, 3), 64, np.uint8), (32, 64), ("contrast",))[:, 0, 0, 0]
    # 255 (64 / 255) ^ 0.7 = 96.9, and ^ (1 / 0.7) = 35.4
    assert flat.tolist() == [64, 97, 35]
    assert render(image[:1, :1], (32, 64), ("shift", "scale")).shape == (7, 32, 64, 3)


def test_views_are_averaged_or_vote() -> None:
    crops = [plate("A12", 2), plate("B", 2)]
    for merge in ("average", "vote"):
        found = predictor.readings(
            [reader()],
            2,
            crops.__getitem__,
            ("shift", "scale"),
            merge,
        )
        assert [reading.text for reading in found] == ["A12", "B"]


def test_ensembles() -> None:
    """Two of three win a vote; models of other columns cannot but vote."""
    one, doubling = reader(), reader(2.0)
    crops = [plate("A"), plate("1")]
    texts = [
        r.text for r in predictor.readings([one, one, doubling], 2, crops.__getitem__, (), "vote")
    ]
    assert texts == ["A", "1"]
    other = reader(strides=(8, 4))
    other.model = one.model
    mixed = predictor.readings([one, other], 2, crops.__getitem__)
    assert [r.text for r in mixed] == ["A", "1"]
    assert predictor.readings([one], 0, crops.__getitem__) == []
    # Where all agree, the confidence is the mean too.
    near = reader(1.1)
    alone = [predictor.readings([m], 1, crops.__getitem__)[0].confidence for m in (one, near)]
    (both,) = predictor.readings([one, near], 1, crops.__getitem__)
    assert both.confidence == pytest.approx(sum(alone) / 2)
    assert alone[0] != pytest.approx(alone[1])
    with pytest.raises(
        ValueError, match=r"one `margin`; .*=0\.05 of the first, .*=0\.1 of number 2"
    ):
        predictor.readings([one, reader(margin=0.1)], 2, crops.__getitem__)
    with pytest.raises(ValueError, match="must have one `cut`"):
        predictor.readings([one, reader(cut="box")], 2, crops.__getitem__)


def test_every_reader_has_its_own_size() -> None:
    """The columns of a picture of twice the width are twice as wide."""

    class Wide(Model):
        def predict_on_batch(self, batch: np.ndarray) -> np.ndarray:
            assert batch.shape[1:] == (32, 128, 3)
            return super().predict_on_batch(batch[:, :, ::2])

    wide = reader(stages=(Stage(size="32x128"),), strides=(8, 16), finest=16)
    model: Any = Wide(1.0)
    wide.model = model
    crops = [plate("A12", 2), plate("B", 2)]
    found = predictor.readings([reader(), wide], 2, crops.__getitem__, ("shift",))
    assert [reading.text for reading in found] == ["A12", "B"]


def test_grammar_and_beam() -> None:
    """D2 is what the grammar lets A2 be: the digit whose grey is nearest to A's."""
    crops = [plate("A2")]
    plain = predictor.readings([reader()], 1, crops.__getitem__, beam=8)
    assert plain[0].text == "A2"
    own = reader(grammar="DD")
    (forced,) = own.read(1, crops.__getitem__)
    assert forced.text == "12"
    assert forced.confidence < plain[0].confidence
    assert predictor.readings([own], 1, crops.__getitem__, grammar="")[0].text == "A2"
    with pytest.raises(ValueError, match="is no pattern of a plate"):
        predictor.readings([own], 1, crops.__getitem__, grammar="D[")


def test_more_crops_than_a_batch() -> None:
    texts = ["A", "1B", "", "22"] * 20
    crops = [plate(text) for text in texts]
    found = reader().read(len(crops), crops.__getitem__)
    assert [reading.text for reading in found] == texts


def test_submission_rows() -> None:
    quads = [((x, 0.0), (x + 9, 0.0), (x + 9, 5.0), (x, 5.0)) for x in (50.0, 10.0, 30.0)]
    crops = [Crop(Path("a"), f"test/10.jpg#{i}", "", quad) for i, quad in enumerate(quads)]
    crops.append(Crop(Path("b"), "test/9.jpg", "", None))
    found = [Reading(text, (1.0,) * len(text), 1.0) for text in ("C3", "A1", "", "B2")]
    pictures = ["test/10.jpg", "test/9.jpg", "test/7.jpg"]
    assert submission.rows(pictures, crops, found) == [
        *(("test/7.jpg", ""), ("test/9.jpg", "B2"), ("test/10.jpg", "A1 C3"))
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("list.csv", "Id,Category\n1,2\n", "has none of the columns file, file_name, image_path"),
        ("list.csv", "file\n", "names no picture"),
        ("list.csv", "file\na.png\na.png\n", "two pictures have one name, a.png"),
        ("list.CSV", "file\n", "names no picture"),
        ("list.json", '[{"nums": []}]', "names no picture"),
        ("list.json", '[{"file": "a.p', "damaged or cut off"),
        ("list.json", '[{"file": "a.png"}, {"text": "A"}]', "row 2: has no file"),
        ("list.txt", None, "no such file or folder"),
    ],
)
def test_bad_lists(name: str, content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        inputs.find([tmp_path / name])

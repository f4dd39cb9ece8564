"""`plates.reader.evaluate` on a run whose every answer is known: it reads the shade of a crop."""

import csv
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plates.reader import evaluate, labelled, portraits, predictor, verdict
from plates.reader.config import Config
from plates.reader.decode import Reading
from plates.reader.records import Crop
from triptych import report, split
from triptych.stage import Stage

ALPHABET = "AB12"
# By picture: the true text, country and rows, the text read, and how sure each character is.
CROPS: list[tuple[str, str, int, str, float]] = [
    ("AB12", "xx", 1, "AB12", 0.99),
    ("BA21", "yy", 2, "BA11", 0.8),
    # The reader does not know the letter I, which is 1 when folded.
    ("AI2", "yy", 1, "A12", 0.9),
    ("", "", 0, "", 1.0),
    ("", "", 0, "2", 0.6),
    ("A2", "xx", 1, "A2", 0.9),
]

STEP = 40  # between the shades of two pictures


class Fixed:
    """Stands in for a Keras model: what it reads follows from the shade of a picture."""

    def predict_on_batch(self, batch: np.ndarray) -> np.ndarray:
        rows = [CROPS[round(float(image[0, 0, 0]) / STEP)] for image in batch]
        answer = np.full((len(rows), 24, len(ALPHABET) + 1), 1e-7)
        answer[:, :, 0] = 1
        for columns, (_, _, _, text, sure) in zip(answer, rows, strict=True):
            for place, character in enumerate(text):
                column = columns[2 * place + 1]
                column[0], column[1 + ALPHABET.index(character)] = 1 - sure, sure
        return np.log(answer)


def reader(folder: Path) -> Any:
    model: Any = Fixed()
    config = Config(Path(), alphabet=ALPHABET, stages=(Stage(size="32x96"),))
    return predictor.Predictor(model, config)


def shade(number: int) -> np.ndarray:
    return np.full((20, 60, 3), STEP * number, np.uint8)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    rows = []
    for number, (text, country, lines, _, _) in enumerate(CROPS):
        Image.fromarray(shade(number)).save(tmp_path / "data" / f"{number}.png")
        known = {"country": country, "rows": lines} if country else {}
        rows.append({"file": f"{number}.png", "text": text, **known})
    (tmp_path / "data" / "train_recognition.json").write_text(json.dumps(rows))
    return tmp_path / "data"


def write_run(folder: Path, training: set[str], data: Path) -> Path:
    folder.mkdir(parents=True)
    for file in ("config.json", "model.keras"):
        (folder / file).write_text("{}")
    rows = []
    for number, (text, *_) in enumerate(CROPS):
        name = f"{number}.png"
        side = "training" if name in training else "validation"
        rows.append((name, side, labelled.digest(Crop(data / name, name, text, None))))
    split.write(folder, ("file",), rows)
    return folder


@pytest.fixture
def finished(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(predictor, "open", reader)
    drawn = SimpleNamespace(nothing=lambda rng: shade(3))
    monkeypatch.setitem(sys.modules, "plates.drawing.nothing", drawn)
    return write_run(tmp_path / "runs" / "known", {"5.png"}, data)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_everything_that_is_written(
    finished: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = evaluate.evaluate(evaluate.Config((finished,), data, nothing=2))
    to = finished / "evaluation"
    assert json.loads((to / "metrics.json").read_text()) == scores
    assert (scores["side"], scores["left_out"], scores["trained_on"]) == ("validation", 0, 0)
    # Three plates of 4 + 4 + 3 characters; one mistake in two of them, of which one is I for 1.
    assert (scores["crops"], scores["exact"], scores["exact_folded"]) == (
        3,
        pytest.approx(1 / 3),
        pytest.approx(2 / 3),
    )
    assert scores["distance"] == pytest.approx(2 / 3)
    assert (scores["cer"], scores["cer_folded"]) == pytest.approx((2 / 11, 1 / 11))
    assert [(c["true"], c["read"], c["times"], c["of"]) for c in scores["confusions"]] == [
        ("2", "1", 1, 3),
        ("I", "1", 1, 1),
    ]
    # Only the first is right, and it is the surest by either confidence.
    answerable = scores["answerable"]
    assert (answerable["precision"], answerable["best"]) == (0.99, "confidence")
    assert answerable["confidence"]["share"] == answerable["weakest"]["share"] == 1 / 3
    assert answerable["confidence"]["threshold"] == pytest.approx(0.99**4, abs=1e-3)
    assert answerable["weakest"]["threshold"] == pytest.approx(0.99, abs=1e-3)
    assert scores["without_plate"] == {"crops": 4, "silent": 0.75, "silent_at_gate": 1}

    readings = read(to / "readings.csv")
    names = [*(f"{number}.png" for number in range(5)), "nothing/0", "nothing/1"]
    assert [row["file"] for row in readings] == names
    assert [row["text"] for row in readings] == ["AB12", "BA11", "A12", "", "2", "", ""]
    assert [row["distance"] for row in readings] == ["0", "1", "1", "0", "1", "0", "0"]
    sure = [float(value) for value in readings[0]["characters"].split()]
    assert sure == pytest.approx([0.99] * 4, abs=1e-3)
    assert [row["part"] for row in read(to / "by_country.csv")] == ["xx", "yy"]
    assert [row["exact"] for row in read(to / "by_rows.csv")] == ["0.50000", "0.00000"]
    assert [row["part"] for row in read(to / "by_length.csv")] == ["3", "4"]
    for name in ("confusion", "confidence", "answered", "worst"):
        with Image.open(to / f"{name}.png") as picture:
            assert min(picture.size) > 200
    said = " ".join(capsys.readouterr().out.split())
    assert "exact 0.3333 of 3 plates, 95 % interval " in said
    assert "(0.5000 of 2 with rows 1, 0.0000 of 1 with rows 2)" in said
    assert "with O = 0 and I = 1 0.6667" in said
    assert "answered with 99% precision: 33.3%, by the weakest character (gate 0.99" in said
    assert (
        "of 4 crops without a plate 75.0% are answered with nothing, 100.0% behind the gate" in said
    )


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No plots: they are drawn in another test."""
    for module, name in (
        (report, "confusion"),
        (report, "reliability"),
        (portraits, "precision_curves"),
    ):
        monkeypatch.setattr(module, name, lambda *words: None)


@pytest.mark.usefixtures("undrawn")
def test_sides_and_what_was_trained_on(
    finished: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another run's split lets two readers be compared, and says where one of them has learned."""
    other = write_run(tmp_path / "runs" / "other", {"0.png", "1.png", "2.png"}, data)
    config = evaluate.Config((finished,), data, split=other, worst=0)
    scores = evaluate.evaluate(config)
    assert (scores["crops"], scores["exact"], scores["trained_on"]) == (1, 1, 1)
    assert "note: 1 of these crops were trained on" in capsys.readouterr().out
    assert not (finished / "evaluation" / "worst.png").exists()
    # The reader in the package has no split of these data: all are judged.
    for runs in ((), (Path("shipped"),), (predictor.SHIPPED,)):
        shipped = evaluate.evaluate(evaluate.Config(runs, data, worst=0, to=tmp_path / "to"))
        assert (shipped["side"], shipped["crops"], shipped["trained_on"]) == ("all", 4, 0)
    with pytest.raises(ValueError, match="`to` must be a folder, unless one run of your own"):
        evaluate.evaluate(evaluate.Config((predictor.SHIPPED,), data))


def test_other_data_of_the_same_names(finished: Path, data: Path, tmp_path: Path) -> None:
    """A picture more moves every name on: no one is told the score of what was trained on."""
    rows = json.loads((data / "train_recognition.json").read_text())
    other = tmp_path / "other"
    other.mkdir()
    for number, row in enumerate(rows):
        picture = data / f"{(number + 1) % len(rows)}.png"
        (other / row["file"]).write_bytes(picture.read_bytes())
    (other / "train_recognition.json").write_text(json.dumps(rows))
    with pytest.raises(ValueError, match="names that the run was trained with, and other pictures"):
        evaluate.evaluate(evaluate.Config((finished,), other))


@pytest.mark.usefixtures("undrawn")
def test_the_gate_is_of_the_weakest_character(tmp_path: Path) -> None:
    """Here the whole text's confidence is the better gate, and no command has that one."""
    answers = [
        *(("A", "A", 0.9, 0.5), ("B", "B", 0.8, 0.7), ("2", "1", 0.1, 0.6)),
        *(("", "A", 0.2, 0.8), ("", "B", 0.9, 0.6), ("", "", 1.0, 1.0)),
    ]
    crops = [Crop(Path(), str(i), answer[0], None) for i, answer in enumerate(answers)]
    readings = [Reading(text, (least,) * len(text), sure) for _, text, sure, least in answers]
    scores = verdict.judge(verdict.Judged(crops, readings), ALPHABET, 0.99, tmp_path)
    assert scores["answerable"]["best"] == "confidence"
    assert scores["answerable"]["weakest"]["threshold"] == 0.7
    # At least 0.7: of the three without a plate the first is answered still.
    assert scores["without_plate"]["silent_at_gate"] == pytest.approx(2 / 3)


def test_a_picture_shows_what_is_wrong() -> None:
    """One cell a character: right ones green, wrong ones red; what is left out has no bar."""
    crop = np.full((10, 40, 3), 200, np.uint8)
    drawn = portraits.draw(crop, "AB1", Reading("AB", (1.0, 0.5), 0.5))
    same = portraits.draw(crop, "AB", Reading("AB", (1.0, 0.5), 0.5))
    nothing = portraits.draw(crop, "", Reading("", (), 0.9))
    assert drawn.shape == same.shape == nothing.shape
    green, red = (np.array(colour) for colour in ((26, 127, 55), (198, 40, 40)))

    def pixels(picture: np.ndarray, colour: np.ndarray) -> int:
        return int((picture == colour).all(axis=2).sum())

    assert pixels(same, red) == 0 < pixels(drawn, red)
    assert pixels(nothing, red) == 0 < pixels(nothing, green)
    # The bars are full and half of their height.
    columns = (drawn[-27:] == green).all(axis=2).sum(axis=0)
    heights = sorted({int(height) for height in columns if height})
    assert heights[-1] == pytest.approx(2 * heights[0], abs=2)


def test_the_surest_mistake_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crops = [Crop(Path(), str(number), "A", None) for number in range(4)]
    answers = [("", 0.99), ("B", 0.3), ("A", 0.2), ("2", 0.6)]
    readings = [Reading(text, (sure,) * len(text), sure) for text, sure in answers]
    shown: list[int] = []
    monkeypatch.setattr(portraits, "sheet", lambda read, chosen, *rest: shown.extend(chosen))
    judged = verdict.Judged(crops, readings)
    verdict.show_worst(judged, shade, 4, tmp_path)
    assert shown == [3, 1, 0]
    with pytest.raises(ValueError, match="must be as many; received: 4 and 3"):
        verdict.Judged(crops, readings[:3])
    empty = verdict.Judged([Crop(Path(), "0", "", None)], readings[:1])
    with pytest.raises(ValueError, match="none of the 1 crops has a text to be read"):
        verdict.judge(empty, ALPHABET, 0.99, tmp_path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["RUN", "--data", "nowhere"], "nowhere"),
        (["RUN", "RUN", "--data", "DATA"], "`to` must be a folder, unless one run of your own"),
        (["--data", "DATA"], "`to` must be a folder, unless one run of your own is judged"),
        (["shipped", "--data", "DATA"], "`to` must be a folder, unless one run of your own"),
        (["RUN", "--data", "DATA", "--precision", "99"], "`precision` must be in (0, 1]"),
        (["RUN", "--data", "DATA", "--beam", "-1"], "`beam` must be 0 or more"),
        (["RUN", "--data", "DATA", "--split", "DATA"], "has no split.csv"),
        (["RUN", "--data", "DATA", "--grammar", "L["], "`[` is never closed"),
    ],
)
def test_one_clear_error(
    words: list[str],
    message: str,
    finished: Path,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    named = {"RUN": finished, "DATA": data}
    monkeypatch.setattr(sys, "argv", ["evaluate", *(str(named.get(w, w)) for w in words)])
    with pytest.raises(SystemExit) as stop:
        evaluate.main()
    assert stop.value.code not in (0, None)
    assert message in " ".join(capsys.readouterr().err.split())

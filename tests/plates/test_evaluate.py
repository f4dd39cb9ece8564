"""`plates.evaluate` on a pipeline whose every answer is known, and what it was trained on."""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plates import evaluate, heldout, pipeline
from plates.detector import labelled, portraits, records
from plates.detector import predictor as detectors
from plates.pipeline import Found
from plates.reader import labelled as crops
from plates.reader import records as reader_records
from plates.reader.decode import Reading
from triptych import split

# By photograph: the true text, where it is from, the text read and how far off, in pixels.
PHOTOGRAPHS = [
    ("A1", "xx", "A1", 0),
    ("B0", "yy", "BO", 0),
    ("C3", "yy", "C", 60),
    ("D4", "xx", None, 0),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    rows = []
    for number, (text, country, _, _) in enumerate(PHOTOGRAPHS):
        image = np.full((200, 400, 3), number, np.uint8)
        Image.fromarray(image).save(tmp_path / "data" / f"{number}.png")
        box = [[50, 50], [150, 50], [150, 70], [50, 70]]
        nums = [{"box": box, "text": text}]
        rows.append({"file": f"{number}.png", "country": country, "nums": nums})
    (tmp_path / "data" / "train.json").write_text(json.dumps(rows))
    return tmp_path / "data"


def plates(number: int) -> list[Found]:
    _, _, text, off = PHOTOGRAPHS[number]
    left = 50.0 + off
    quad = np.array([[left, 50], [left + 100, 50], [left + 100, 70], [left, 70]])
    found = [] if text is None else [Found(quad, 0.9, Reading(text, (0.9,) * len(text), 0.8))]
    return found + ([Found(quad + 100, 0.4, Reading("X9", (0.6, 0.7), 0.5))] if off else [])


class Known:
    """Stands in for `pipeline.Pipeline`."""

    reader = SimpleNamespace(config=SimpleNamespace(cyrillic=True))

    def read(self, images: Sequence[np.ndarray], tta: Sequence[str] = ()) -> list[list[Found]]:
        return [plates(int(image[0, 0, 0])) for image in images]


def write_detector(folder: Path, data: Path, sides: Sequence[str]) -> Path:
    folder.mkdir()
    samples, _ = records.read(data)
    rows = [(s.name, side, labelled.digest(s)) for s, side in zip(samples, sides, strict=True)]
    split.write(folder, ("file",), rows)
    return folder


def write_reader(folder: Path, data: Path, sides: Sequence[str]) -> Path:
    folder.mkdir()
    found, _ = reader_records.read(data)
    rows = [(c.name, side, crops.digest(c)) for c, side in zip(found, sides, strict=True)]
    split.write(folder, ("file",), rows)
    return folder


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_everything_that_is_written(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pipeline, "open", lambda *words: Known())
    # Drawn in the detector's test.
    monkeypatch.setattr(portraits, "curves", lambda *words: None)
    to = tmp_path / "to"
    told = evaluate.evaluate(evaluate.Config(data, to, worst=2))
    assert json.loads((to / "metrics.json").read_text()) == told
    assert (told["side"], told["photographs"], told["read"]) == ("all", 4, 4)
    # "C X9" for C3 is 3 away, "" for D4 is 2, and BO is right when folded.
    assert (told["exact"], told["exact_folded"]) == (0.25, 0.5)
    assert (told["distance"], told["distance_folded"]) == (1.5, 1.25)
    assert told["plates"] == {"plates": 4, "right": 0.25, "right_folded": 0.5}
    assert told["mistakes"] == {"missed": 1, "loose": 1, "misread": 1, "false": 1}
    rows = {(row["kind"], row["iou"]): row for row in told["detection"]}
    assert (rows["label", 0.5]["precision"], rows["label", 0.5]["recall"]) == (0.5, 0.5)
    assert {row["part"]: row["exact"] for row in told["by_region"]} == {"xx": 0.5, "yy": 0}
    assert [row["text"] for row in read(to / "answers.csv")] == ["A1", "BO", "C X9", ""]
    mistakes = read(to / "mistakes.csv")
    assert [(row["file"], row["cause"], row["folded"]) for row in mistakes] == [
        ("3.png", "missed", "False"),
        ("2.png", "loose", "False"),
        ("1.png", "misread", "True"),
        ("2.png", "false", "False"),
    ]
    for cause in ("missed", "loose", "misread", "false"):
        with Image.open(to / f"{cause}.png") as picture:
            assert min(picture.size) > 200
    said = " ".join(capsys.readouterr().out.split())
    assert "exact 0.2500 of 4 photographs, 95 % interval" in said
    assert "mistakes: 1 missed, 1 loose, 1 misread, 1 false" in said


def test_neither_has_learned_from_what_is_judged(data: Path, tmp_path: Path) -> None:
    """Held out is what both kept for validation; a run on other data has no say."""
    samples, _ = records.read(data)
    kept, learned = "validation", "training"
    detector = write_detector(tmp_path / "detector", data, [kept, kept, learned, kept])
    reader = write_reader(tmp_path / "reader", data, [kept, learned, learned, kept])
    other = tmp_path / "other"
    other.mkdir()
    split.write(other, ("file",), [("crops/0.png", learned, "digest")])

    def choose(
        detector: Path | None, reader: Path | None, side: Any = None, by: Path | None = None
    ) -> Any:
        found = heldout.choose(samples, data / "train.json", detector, reader, by, side)
        return [one.name for one in found[0]], found[1], sorted(found[2])

    assert choose(None, None) == (["0.png", "1.png", "2.png", "3.png"], "all", [])
    assert choose(detectors.SHIPPED, Path("shipped"))[1] == "all"
    assert choose(detector, None) == (["0.png", "1.png", "3.png"], kept, ["2.png"])
    assert choose(detector, other) == choose(detector, None)
    assert choose(detector, reader) == (["0.png", "3.png"], kept, ["1.png", "2.png"])
    assert choose(None, reader, side=learned)[0] == ["1.png", "2.png"]
    assert choose(None, reader, by=detector)[0] == ["0.png", "1.png", "3.png"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "nowhere", "--to", "TO"], "nowhere"),
        (["--data", "DATA"], "--to"),
        (["--data", "DATA", "--to", "TO", "--worst", "-1"], "`worst` must be 0 or more"),
        (["--data", "DATA", "--to", "TO", "--least", "2"], "`least` must be in [0, 1]"),
    ],
)
def test_one_clear_error(
    words: list[str],
    message: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(pipeline, "open", lambda *words: Known())
    named = {"DATA": data, "TO": tmp_path / "to"}
    monkeypatch.setattr(sys, "argv", ["evaluate", *(str(named.get(w, w)) for w in words)])
    with pytest.raises(SystemExit) as stop:
        evaluate.main()
    assert stop.value.code not in (0, None)
    assert message in " ".join(capsys.readouterr().err.split())

"""`plates.detector.evaluate` on a detector whose every answer is known."""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from plates.detector import evaluate, labelled, portraits, predictor, records
from plates.detector.plate import Plate
from plates.detector.records import Sample
from triptych import split

# By photograph: how far to the right of each true plate it is found, in pixels, and the score.
FOUND: list[list[tuple[float, float]]] = [[(0, 0.9)], [(40, 0.8)], [(0, 0.2), (500, 0.6)], []]


def found(sample: Sample, shade: int) -> list[Plate]:
    quad = np.array(sample.quads[0])
    return [Plate(quad + np.array([off, 0]), score) for off, score in FOUND[shade]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four photographs of one plate of 120 x 24; the fifth is no picture; a box lies outside."""
    (tmp_path / "data").mkdir()
    rows = []
    for number in range(5):
        image = np.full((300, 900, 3), number, np.uint8)
        Image.fromarray(image).save(tmp_path / "data" / f"{number}.png")
        boxes = [[[100, 100], [220, 100], [220, 124], [100, 124]]]
        boxes += [[[990, 100], [1100, 100], [1100, 124], [990, 124]]] if number == 0 else []
        nums = [{"box": box} for box in boxes]
        rows.append({"file": f"{number}.png", "source": "ab"[number % 2], "nums": nums})
    (tmp_path / "data" / "4.png").write_bytes(b"no picture")
    (tmp_path / "data" / "train.json").write_text(json.dumps(rows))
    return tmp_path / "data"


@pytest.fixture
def finished(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    samples, _ = records.read(data)

    def detect(images: Sequence[np.ndarray], least: float) -> list[list[Plate]]:
        plates = [found(samples[int(image[0, 0, 0])], int(image[0, 0, 0])) for image in images]
        return [[plate for plate in some if plate.score >= least] for some in plates]

    monkeypatch.setattr(predictor, "open", lambda run, size: SimpleNamespace(detect=detect))
    folder = tmp_path / "runs" / "known"
    folder.mkdir(parents=True)
    rows = [(s.name, "validation", labelled.digest(s)) for s in samples]
    rows[3] = (rows[3][0], "training", rows[3][2])
    split.write(folder, ("file",), rows)
    return folder


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_everything_that_is_written(
    finished: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three photographs of the validation side: found, found with 80 of 160 px, and missed."""
    answer = evaluate.evaluate(evaluate.Config(finished, data, least=0.5))
    to = finished / "evaluation"
    assert json.loads((to / "metrics.json").read_text()) == answer
    assert (answer["side"], answer["left_out"], answer["trained_on"]) == ("validation", 1, 0)
    assert (answer["photographs"], answer["plates"]) == (3, 3)
    rows = {(row["kind"], row["iou"]): row for row in answer["scores"]}
    assert len(rows) == 9
    # One false; at 0.4 two of three are found, at 0.75 one.
    low, high = rows["label", 0.4], rows["label", 0.75]
    assert (low["precision"], low["recall"]) == pytest.approx((2 / 3, 2 / 3))
    assert (high["precision"], high["recall"]) == pytest.approx((1 / 3, 1 / 3))
    assert (low["mean_iou"], low["corner_error"]) == pytest.approx((3 / 4, 50 / 3))
    # The third plate is found too, with a score of 0.2: right, right, false, right.
    assert low["ap"] == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert (low["best"]["threshold"], low["best"]["recall"]) == (0.2, 1)
    detections = read(to / "detections.csv")
    assert [row["iou"] for row in detections] == ["1.0000", "0.5000", "", "1.0000"]
    assert [row["score"][:3] for row in detections] == ["0.9", "0.8", "0.6", "0.2"]
    plates = read(to / "plates.csv")
    assert [(row["file"], row["iou"][:3]) for row in plates] == [
        ("0.png", "1.0"),
        ("1.png", "0.5"),
        ("2.png", ""),
    ]
    assert [(row["part"], row["plates"]) for row in read(to / "by_source.csv")] == [
        ("a", "2"),
        ("b", "1"),
    ]
    assert [row["part"] for row in read(to / "by_width.csv")] == ["80-160"]
    for name in ("curve", "worst"):
        with Image.open(to / f"{name}.png") as picture:
            assert min(picture.size) > 200
    said = " ".join(capsys.readouterr().out.split())
    assert "box 2: left out: it lies outside the picture" in said
    assert "4.png: not a picture" in said
    assert "recall 0.6667 of 3 plates, 95 % interval" in said


def test_sides(
    finished: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Drawn in another test.
    monkeypatch.setattr(portraits, "curves", lambda *words: None)
    answer = evaluate.evaluate(evaluate.Config(finished, data, side="all", worst=0))
    assert (answer["photographs"], answer["trained_on"]) == (4, 1)
    assert "note: 1 of these photographs were trained on" in capsys.readouterr().out
    assert not (finished / "evaluation" / "worst.png").exists()
    # The default threshold is the detector's own; nothing is found on the training side.
    answer = evaluate.evaluate(evaluate.Config(finished, data, side="training", worst=0))
    assert answer["threshold"] == predictor.LEAST
    assert [row["precision"] for row in answer["scores"]] == [None] * 9
    shipped = evaluate.evaluate(evaluate.Config(predictor.SHIPPED, data, worst=0, to=tmp_path))
    assert (shipped["side"], shipped["trained_on"]) == ("all", 0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["shipped", "--data", "DATA"], "`to` must be a folder, unless a run of your own"),
        (["RUN", "--data", "nowhere"], "nowhere"),
        (["RUN", "--data", "DATA", "--least", "0"], "`least` must be in [0.05, 1]"),
        (["RUN", "--data", "DATA", "--worst", "-1"], "`worst` must be 0 or more"),
        (["RUN", "--data", "DATA", "--split", "DATA"], "has no split.csv"),
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

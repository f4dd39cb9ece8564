"""`carclf.evaluate` on a model whose every answer is known: it names a picture's main colour."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carclf import evaluate, labelled, mistakes, sides
from carclf.config import Config
from carclf.model import build, parts
from carclf.records import DataSet, Record
from triptych import run, split
from triptych.stage import Stage

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
CLASSES = ["blue", "green", "red"]


def paint(path: Path, colour: str, side: int = 40, mark: int = 0) -> None:
    """A picture of one colour; `mark` makes its bytes its own."""
    image = Image.new("RGB", (side, side), COLOURS[colour])
    image.putpixel((0, 0), (mark, mark, mark))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def write_run(folder: Path, data: Path, classes: list[str] = CLASSES) -> Path:
    """A finished run whose logits are 3 for the main colour and 0 for the others."""
    config = Config(data, stages=(Stage(size="32"),), val_fraction=0.5, backbone="tiny")
    folder.mkdir(parents=True)
    run.write_config(folder, config)
    labelled.write(labelled.load(config, 2), folder)
    run.write_json(folder / "classes.json", {"classes": classes, "names": classes})
    model = build(config, 3)
    backbone, head = parts(model)
    # Each convolution hands its first three channels on; the scaled picture is 1 or -1, then 0.
    for number in range(5):
        kernel = backbone.get_layer(f"conv{number}").kernel
        through = np.zeros(kernel.shape)
        through[1, 1, range(3), range(3)] = 1
        kernel.assign(through)
    weights = np.zeros((40, 3))
    weights[[2, 1, 0], range(3)] = 3
    head.get_layer("logits").kernel.assign(weights)
    model.save(folder / run.MODEL)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures of each class; all of `green` but one are painted blue."""
    root = tmp_path_factory.mktemp("data")
    for name in CLASSES:
        for number in range(4):
            is_wrong = name == "green" and number > 0
            paint(root / name / f"{number}.png", "blue" if is_wrong else name, mark=number)
    # The blue class is drawn with other bytes than the blue pictures in `green`.
    for number in range(4):
        paint(root / "blue" / f"{number}.png", "blue", mark=100 + number)
    return root


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "known", data)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_everything_that_is_written(finished: Path, data: Path, tmp_path: Path) -> None:
    scores = evaluate.evaluate(
        evaluate.Config((finished,), data, side="all", tta=(), k=2, to=tmp_path)
    )
    assert json.loads((tmp_path / "metrics.json").read_text()) == scores
    assert scores["pictures"] == 12
    assert scores["accuracy"] == pytest.approx(9 / 12)
    # Green comes second in a blue picture, but so does red: no merit.
    assert scores["top_2"] == pytest.approx(9 / 12)
    assert scores["mean_recall"] == pytest.approx((1 + 0.25 + 1) / 3)
    rows = {row["Category"]: row for row in read(tmp_path / "per_class.csv")}
    assert [float(rows[c]["recall"]) for c in CLASSES] == [1, 0.25, 1]
    assert float(rows["blue"]["precision"]) == pytest.approx(4 / 7, abs=1e-4)
    assert rows["green"]["mistaken_for"] == "blue"

    answers = read(tmp_path / "predictions.csv")
    assert [(r["Id"], r["Category"], r["answer"]) for r in answers][4:6] == [
        ("0.png", "green", "green"),
        ("1.png", "green", "blue"),
    ]
    sure = np.exp(3) / (np.exp(3) + 2)
    assert float(answers[5]["blue"]) == pytest.approx(sure, abs=2e-3)
    assert scores["mean_confidence"] == pytest.approx(sure, abs=2e-3)
    assert scores["calibration_error"] == pytest.approx(sure - 0.75, abs=2e-3)
    for name in ("confusion.png", "calibration.png", "mistakes.png"):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 100


def test_sides_of_the_split(finished: Path, data: Path, tmp_path: Path) -> None:
    sides_of = split.read(finished)
    held_out = {key for key, side in sides_of.items() if side == "validation"}
    assert 0 < len(held_out) < 12
    for side, expected in ((None, held_out), ("training", set(sides_of) - held_out)):
        config = evaluate.Config((finished,), data, side, tta=(), mistakes=0, to=tmp_path)  # type: ignore[arg-type]
        evaluate.evaluate(config)
        rows = read(tmp_path / "predictions.csv")
        assert {(r["Id"], r["Category"]) for r in rows} == expected


def test_new_data_with_bad_pictures(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Data the run has not seen is judged whole; a class may be missing, a file be no picture."""
    paint(tmp_path / "new" / "red" / "new.png", "red")
    paint(tmp_path / "new" / "red" / "copy.png", "red")
    paint(tmp_path / "new" / "blue" / "other.png", "blue")
    (tmp_path / "new" / "blue" / "text.jpg").write_text("no picture")
    config = evaluate.Config((finished,), tmp_path / "new", to=tmp_path / "to")
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "mistakes.png").write_text("of the last time")
    scores = evaluate.evaluate(config)
    assert scores["side"] == "all"
    assert (scores["pictures"], scores["left_out"], scores["accuracy"]) == (2, 2, 1)
    said = capsys.readouterr().out
    assert "text.jpg: " in said
    assert "a copy of" in said
    assert not (tmp_path / "to" / "mistakes.png").exists()


def test_runs_that_do_not_fit_together(finished: Path, data: Path, tmp_path: Path) -> None:
    both = evaluate.Config((finished, finished), data, tta=(), mistakes=3, to=tmp_path / "a")
    alone = evaluate.Config((finished,), data, tta=(), mistakes=0, to=tmp_path / "b")
    left, right = evaluate.evaluate(both), evaluate.evaluate(alone)
    assert left["accuracy"] == right["accuracy"]
    assert left["mean_confidence"] == pytest.approx(right["mean_confidence"])
    other = write_run(tmp_path / "other", data, ["blue", "green", "rouge"])
    with pytest.raises(ValueError, match="the runs have different classes"):
        evaluate.evaluate(evaluate.Config((finished, other), data, to=tmp_path))
    with pytest.raises(ValueError, match=r"unknown label 'red' of .*0\.png"):
        evaluate.evaluate(evaluate.Config((other,), data))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere", "--data", "DATA"], "nowhere is not a run folder"),
        (["RUN", "--data", "nowhere"], "`data` must be a folder"),
        (["RUN", "RUN", "--data", "DATA"], "`to` must name a folder"),
        (["RUN", "--data", "DATA", "--k", "0"], "`k` must be positive"),
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
    named = {"RUN": str(finished), "DATA": str(data)}
    monkeypatch.setattr(sys, "argv", ["evaluate", *(named.get(word, word) for word in words)])
    with pytest.raises(SystemExit) as stop:
        evaluate.main()
    assert stop.value.code not in (0, None)
    assert message in capsys.readouterr().err


def test_classes_are_matched_by_identifier() -> None:
    found = [Record(Path("a.jpg"), 0), Record(Path("b.jpg"), 1)]
    data = DataSet(found, ["7", "9"], ["Golf", "TT"], [])
    matched = sides.match(data, ["5", "7", "9"], ["X5", "Golf", "TT"])
    assert [record.label for record in matched] == [1, 2]
    # A run or a folder without names has the identifiers in their place.
    assert sides.match(data, ["7", "9"], ["7", "9"]) == found
    with pytest.raises(ValueError, match="class 9 is 'TT' in the data and 'Q7' in the run"):
        sides.match(data, ["7", "9"], ["Golf", "Q7"])


def test_an_ensemble_is_judged_on_what_no_run_was_trained_on() -> None:
    found = [Record(Path(f"{i}.jpg"), 0) for i in range(3)]
    first: dict[tuple[str, ...], str] = {
        ("0.jpg", "a"): "validation",
        ("1.jpg", "a"): "validation",
        ("2.jpg", "a"): "training",
    }
    second = first | {("0.jpg", "a"): "training"}
    assert sides.choose(found, ["a"], [first, second], None) == ([found[1]], "validation")
    folds = [first, dict.fromkeys(first, "training")]
    with pytest.raises(
        ValueError, match="none of the 3 pictures is on every run's validation side"
    ):
        sides.choose(found, ["a"], folds, None)
    assert sides.choose(found, ["a"], folds, "all") == (found, "all")
    assert sides.choose(found, ["b"], [first], None) == (found, "all")


def test_worst_comes_first() -> None:
    probabilities = np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.1, 0.1, 0.8], [0.9, 0.1, 0]])
    labels = np.array([1, 1, 2, 2])
    assert mistakes.worst(probabilities, labels, 5).tolist() == [3, 0, 1]
    assert mistakes.worst(probabilities, labels, 1).tolist() == [3]
    assert mistakes.worst(probabilities, labels, 0).tolist() == []

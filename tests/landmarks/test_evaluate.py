"""`landmarks.evaluate` on a run whose every answer is known: one shape at one place."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from landmarks import evaluate, portraits, predictor, records, sides, verdict
from landmarks.labelled import Known
from landmarks.metrics import mse
from landmarks.predictor import Answers, Predictor
from triptych import run, split

Split = dict[tuple[str, ...], str]

SIDE = 40
# The model's answer in pixels of a 40 x 40 picture.
SHAPE = np.array([[10.0, 12], [30, 12], [20, 20], [20, 32]])
# What each picture's true points are away from it, in x.
OFF = {"0.png": 0, "1.png": 2, "2.png": 4, "3.png": 8}


class Fixed:
    """Stands in for a Keras model; with `spread`, a picture's own is its first pixel's red."""

    def __init__(self, spread: bool) -> None:
        self.spread = spread

    def predict_on_batch(self, batch: np.ndarray) -> np.ndarray:
        points = np.repeat((SHAPE[None] + 0.5) / SIDE, len(batch), axis=0)
        if not self.spread:
            return points
        log_spread = np.log(batch[:, :1, 0, :1].astype(float) / SIDE)
        return np.concatenate([points, np.repeat(log_spread, 4, axis=1)], axis=2)


def known(spread: bool = False) -> Any:
    model: Any = Fixed(spread)
    return Predictor(model, SIDE, Known(4, None, 0, np.full((4, 2), 0.5)), spread)


def write_data(root: Path, off: dict[str, int]) -> Path:
    (root / "train" / "images").mkdir(parents=True)
    lines = ["\t".join(["file_name", *(f"Point_M{i}_{a}" for i in range(4) for a in "XY")])]
    for number, (name, by) in enumerate(off.items()):
        pixels = np.full((SIDE, SIDE, 3), 60 * number + 10, np.uint8)
        pixels[:, :, 0] = by + 1
        Image.fromarray(pixels).save(root / "train" / "images" / name)
        numbers = (SHAPE + np.array([by, 0])).astype(int).ravel()
        lines.append("\t".join([name, *map(str, numbers)]))
    (root / "train" / "landmarks.csv").write_text("\n".join(lines) + "\n")
    return root


def write_run(folder: Path, rows: dict[str, str], points: int = 4) -> Path:
    folder.mkdir(parents=True)
    for file in ("config.json", "model.keras"):
        (folder / file).write_text("{}")
    known: dict[str, Any] = {"points": points, "mirror": None, "shift": 0, "mean": []}
    run.write_json(folder / "points.json", known)
    split.write(folder, ("file_name",), [(name, side, "") for name, side in rows.items()])
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data", OFF)


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(predictor, "open", lambda folder: known())
    rows = dict.fromkeys(OFF, "validation") | {"3.png": "training"}
    return write_run(tmp_path / "runs" / "known", rows)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_everything_that_is_written(
    finished: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "subsets.json").write_text('{"eyes": [0, 1], "chin": [3]}')
    scores = evaluate.evaluate(
        evaluate.Config(
            (finished,), data, "all", pair=(0, 1), subsets=tmp_path / "subsets.json", to=tmp_path
        )
    )
    assert json.loads((tmp_path / "metrics.json").read_text()) == scores
    # Errors of 0, 2, 4 and 8 px in x alone, points 0 and 1 are 20 px apart.
    assert scores["mse"] == pytest.approx((4 + 16 + 64) / 4 / 2)
    assert scores["nme"] == pytest.approx((0 + 0.1 + 0.2 + 0.4) / 4)
    assert scores["failures"] == 0.5
    assert scores["auc"] == pytest.approx(0.25)
    assert scores["normaliser"] == "distance of points 0 and 1"
    assert (scores["pictures"], scores["left_out"], scores["side"]) == (4, 0, "all")
    assert "spread" not in scores

    table = {row["subset"]: row for row in read(tmp_path / "subsets.csv")}
    assert list(table)[:3] == ["all", "eyes", "chin"]
    assert [row["pictures"] for row in table.values()] == ["4", "4", "4", "2", "1", "1"]
    assert float(table["chin"]["mse"]) == pytest.approx(scores["mse"])
    points = read(tmp_path / "per_point.csv")
    assert [row["index"] for row in points] == ["0", "1", "2", "3"]
    assert [float(row["error_px"]) for row in points] == [3.5] * 4
    answers = read(tmp_path / "predictions.csv")
    assert [row["file_name"] for row in answers] == list(OFF)
    assert [float(row["mse"]) for row in answers] == [0, 2, 8, 32]
    assert [float(row["nme"]) for row in answers] == [0, 0.1, 0.2, 0.4]
    assert [float(answers[3][f"Point_M3_{axis}"]) for axis in "XY"] == pytest.approx([20, 32])
    for name in ("mean_face", "ced", "worst", "typical"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert min(picture.size) > 200
    said = capsys.readouterr().out
    assert "MSE 10.5000 px^2 of 4 pictures" in said
    assert "no flip TTA" in said


def test_the_validation_side_and_the_box_are_the_defaults(finished: Path, data: Path) -> None:
    scores = evaluate.evaluate(evaluate.Config((finished,), data, worst=0))
    to = finished / "evaluation"
    assert [row["file_name"] for row in read(to / "predictions.csv")] == ["0.png", "1.png", "2.png"]
    assert scores["side"] == "validation"
    assert scores["normaliser"] == "root of the box's area"
    # The box of the true points is 20 x 20 px.
    assert scores["nme"] == pytest.approx((0 + 0.1 + 0.2) / 3)
    assert not (to / "worst.png").exists()
    other = evaluate.evaluate(evaluate.Config((finished,), data, "training", worst=0))
    assert (other["pictures"], other["mse"]) == (1, 32)


def test_spread_that_knows_the_errors(
    finished: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor, "open", lambda folder: known(spread=True))
    config = evaluate.Config((finished, finished), data, "all", worst=0, to=tmp_path / "to")
    spread = evaluate.evaluate(config)["spread"]
    assert spread == {
        "correlation_of_points": pytest.approx(1),
        "correlation_of_pictures": pytest.approx(1),
        "mse_certain_half": pytest.approx((0 + 2) / 2),
        "mse_uncertain_half": pytest.approx((8 + 32) / 2),
    }
    # The spread is the error and one pixel.
    last = read(tmp_path / "to" / "predictions.csv")[3]
    assert [float(last[f"Spread_M{i}"]) for i in range(4)] == pytest.approx([9] * 4)


def test_a_spread_that_is_the_same_everywhere_says_nothing() -> None:
    true = np.arange(24.0).reshape(3, 4, 2)
    answers = Answers(true + np.array([[[1]], [[2]], [[3]]]), np.ones((3, 4)))
    judged = verdict.Judged([], true, answers, np.ones(3), "")
    assert verdict.certainty(judged, np.ones((3, 4)))["correlation_of_points"] == 0


def test_bad_pictures_are_listed_and_not_counted(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_data(tmp_path / "new", {"new.png": 2, "bad.png": 4, "gone.png": 8})
    (data / "train" / "images" / "bad.png").write_text("no picture")
    (data / "train" / "images" / "gone.png").unlink()
    scores = evaluate.evaluate(evaluate.Config((finished,), data, worst=0))
    assert (scores["side"], scores["pictures"], scores["left_out"]) == ("all", 1, 1)
    said = capsys.readouterr().out
    assert "bad.png: not a picture" in said
    assert "no picture gone.png" in said


def test_the_eyes_of_68_points_are_the_default(tmp_path: Path) -> None:
    true = np.zeros((2, 68, 2))
    true[:, 45] = [[3, 4], [30, 40]]
    paths = [Path("a.png"), Path("b.png")]
    lengths, measure = verdict.normaliser(true, np.ones((2, 2)), paths, verdict.default_pair(68))
    assert lengths.tolist() == [5, 50]
    assert measure == "distance of points 36 and 45, the outer eye corners"
    assert verdict.default_pair(98) is None
    parts = verdict.read_subsets(None, 68)
    assert sorted(i for part in parts.values() for i in part) == list(range(68))
    assert verdict.read_subsets(None, 5) == {}
    with pytest.raises(ValueError, match=r"a\.png: its errors cannot be divided by 0"):
        verdict.normaliser(true, np.ones((2, 2)), paths, (0, 1))
    with pytest.raises(ValueError, match=r"must be in 0\.\.67; received: i=0, j=68"):
        verdict.normaliser(true, np.ones((2, 2)), paths, (0, 68))


def test_a_single_point_is_measured_by_the_picture(tmp_path: Path) -> None:
    """Neither a pair nor a box has a length there, and everything can still be drawn."""
    paths = [tmp_path / f"{i}.png" for i in range(2)]
    for path in paths:
        Image.new("RGB", (60, 40), (90, 90, 90)).save(path)
    true = np.array([[[20.0, 10]], [[30, 20]]])
    lengths, measure = verdict.normaliser(true, np.array([[40, 60], [40, 60]]), paths, None)
    assert (lengths.tolist(), measure) == ([40, 40], "the picture's shorter side")
    judged = verdict.Judged(paths, true, Answers(true + 4, None), lengths, measure)
    assert verdict.judge(judged, 0.1, {}, tmp_path)["mse"] == mse(true + 4, true) == 16
    verdict.show_faces(judged, 1, tmp_path)
    assert (tmp_path / "worst.png").exists()


def test_dots_show_where_points_are() -> None:
    grey = np.full((100, 200, 3), 90, np.uint8)
    predicted, true = np.array([[30.0, 20], [1e9, -1e9]]), np.array([[30.0, 60], [150, 70]])
    drawn = portraits.draw(grey, predicted, true, np.array([10.0, np.inf]))
    # Enlarged three times; pixel x, y has its centre at 3 x + 1, 3 y + 1.
    assert drawn.shape == (300, 600, 3)
    assert drawn[61, 91].tolist() == [229, 57, 53]
    assert drawn[181, 91].tolist() == [67, 220, 90]
    assert drawn[211, 451].tolist() == [67, 220, 90]
    assert drawn[61, 121, 2] < 30 < 200 < drawn[61, 121, 0]
    assert grey.min() == 90


def test_an_ensemble_is_judged_on_what_no_run_was_trained_on() -> None:
    points = np.arange(24).reshape(3, 4, 2)
    names = [f"{i}.png" for i in range(3)]
    data = records.DataSet(
        [Path(name) for name in names], names, points, np.zeros(3, bool), [""] * 3, []
    )
    first: Split = {("0.png",): "validation", ("1.png",): "validation", ("2.png",): "training"}
    second = first | {("0.png",): "training"}
    other: Split = {("new.png",): "validation"}
    chosen, side = sides.choose(data, [first, second], None)
    assert (chosen.names, side) == (["1.png"], "validation")
    assert chosen.points.tolist() == points[1:2].tolist()
    folds: list[Split] = [first, dict.fromkeys(first, "training")]
    with pytest.raises(ValueError, match="none of the 3 pictures is on every run's validation"):
        sides.choose(data, folds, None)
    assert sides.choose(data, folds, "all") == (data, "all")
    assert sides.choose(data, [other], None) == (data, "all")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere", "--data", "DATA"], "nowhere is not a run folder"),
        (["RUN", "--data", "nowhere"], "nowhere"),
        (["RUN", "RUN", "--data", "DATA"], "`to` must name a folder"),
        (["RUN", "OTHER", "--data", "DATA", "--to", "x"], "different numbers of points"),
        (["OTHER", "--data", "DATA"], "has 4 points, the run has 5"),
        (["RUN", "--data", "DATA", "--pair", "0", "1", "--box"], "are two measures"),
        (["RUN", "--data", "DATA", "--pair", "0", "4"], "must be in 0..3; received: i=0, j=4"),
        (["RUN", "--data", "DATA", "--threshold", "0"], "`threshold` must be positive"),
        (["RUN", "--data", "DATA", "--worst", "-1"], "`worst` must be 0 or more"),
        (["RUN", "--data", "DATA", "--subsets", "SUBSETS"], "'chin' must be a list of points"),
    ],
)
def test_one_clear_error(
    words: list[str],
    message: str,
    finished: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "subsets.json").write_text('{"chin": [3, 4]}')
    other = write_run(tmp_path / "runs" / "other", {}, points=5)
    named = {"RUN": finished, "DATA": data, "OTHER": other, "SUBSETS": tmp_path / "subsets.json"}
    monkeypatch.setattr(sys, "argv", ["evaluate", *(str(named.get(w, w)) for w in words)])
    with pytest.raises(SystemExit) as stop:
        evaluate.main()
    assert stop.value.code not in (0, None)
    assert message in " ".join(capsys.readouterr().err.split())

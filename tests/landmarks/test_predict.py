"""`landmarks.predict` with a model that is known: it answers where red, green and blue are."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from landmarks import ensemble, predict, predictor, submission
from landmarks.labelled import Known
from triptych import run

SIDE = 40
BIAS = 0.05
# Where the red, the green and the blue pixel of each picture are, and its width and height.
DOTS = {
    "a.png": ([(20, 10), (40, 12), (25, 30)], (60, 40)),
    "b.png": ([(5, 20), (30, 30), (12, 44)], (40, 60)),
    "c.png": ([(18, 9), (22, 9), (31, 33)], (40, 40)),
}


class Finder:
    """Stands in for a Keras model: each colour's centre of mass, `bias` of the side too far right.

    Where nothing is of a colour it answers with the middle.
    """

    def __init__(self, bias: float, spread: float | None = None) -> None:
        self.bias = bias
        self.spread = spread

    def predict_on_batch(self, batch: np.ndarray) -> np.ndarray:
        assert batch.dtype == np.uint8
        assert batch.shape[1:] == (SIDE, SIDE, 3)
        weight = batch.astype(float) + 1e-9
        centres = (np.arange(SIDE) + 0.5) / SIDE
        total = weight.sum(axis=(1, 2))
        x = np.einsum("bhwn,w->bn", weight, centres) / total + self.bias
        y = np.einsum("bhwn,h->bn", weight, centres) / total
        columns = [x, y]
        if self.spread is not None:
            columns.append(np.full_like(x, np.log(self.spread)))
        return np.stack(columns, axis=-1)


def known(
    bias: float = 0, spread: float | None = None, *, mirror: bool = True, shift: float = 0
) -> Any:
    model: Any = Finder(bias, spread)
    mean = np.array([[0.25, 0.5], [0.75, 0.5], [0.5, 1.0]])
    points = Known(3, np.arange(3) if mirror else None, shift, mean)
    return predictor.Predictor(model, SIDE, points, spread is not None)


def paint(path: Path, dots: list[tuple[int, int]], size: tuple[int, int]) -> None:
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    for channel, (x, y) in enumerate(dots):
        pixels[y, x, channel] = 255
    Image.fromarray(pixels).save(path)


@pytest.fixture
def models() -> dict[str, Any]:
    return {"run1": known(), "run2": known(BIAS)}


@pytest.fixture
def contest(tmp_path: Path, models: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs and a contest's test side, whose csv has another order than the names."""
    for name in ("run1", "run2", "run3"):
        (tmp_path / name).mkdir()
        for file in ("config.json", "model.keras"):
            (tmp_path / name / file).write_text("{}")
        points = {"points": 3, "mirror": [0, 1, 2], "shift": 0, "mean": [[0, 0]] * 3}
        run.write_json(tmp_path / name / "points.json", points)
    (tmp_path / "test" / "images").mkdir(parents=True)
    for name, (dots, size) in DOTS.items():
        paint(tmp_path / "test" / "images" / name, dots, size)
    ask(tmp_path, "c.png\t[2, 0]", "a.png\t[1, 2]", "b.png\t[0, 1]")
    monkeypatch.setattr(predictor, "open", lambda folder: models[folder.name])
    return tmp_path


def ask(root: Path, *rows: str) -> Path:
    csv_path = root / "test" / "test_points.csv"
    csv_path.write_text("\n".join(["file_name\tpoint_index_list", *rows]) + "\n")
    return csv_path


def truth(root: Path, **points: list[tuple[int, int]]) -> Path:
    header = ["file_name", *submission.header(3)]
    rows = [[f"{name}.png", *map(str, np.ravel(row))] for name, row in points.items()]
    path = root / "truth.csv"
    path.write_text("".join("\t".join(row) + "\n" for row in [header, *rows]))
    return path


def read(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_the_submission_is_as_the_contest_has_it(
    contest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = contest / "submission.csv"
    right = {name[0]: dots for name, (dots, _) in DOTS.items()}
    right["c"] = [(18, 9), (22, 9), (31, 35)]
    config = predict.Config((contest / "run1", contest / "test"), to, truth=truth(contest, **right))
    predict.predict(config)
    assert to.read_text().splitlines() == [
        "file_name,Point_M0_X,Point_M0_Y,Point_M1_X,Point_M1_Y",
        "c.png,31,33,18,9",
        "a.png,40,12,25,30",
        "b.png,5,20,30,30",
    ]
    # One of the twelve asked coordinates is 2 px off.
    said = capsys.readouterr().out
    assert f"MSE {4 / 12:.4f} px^2 (asked points as submitted) on the 3 pictures" in said


def test_whole_pixels_are_the_nearest_ones() -> None:
    points = np.array([[0.4, 0.6], [0.5, 1.5], [-0.6, 2.5], [-0.4, 99.99]])
    assert submission.rounded(points).tolist() == [[0, 1], [0, 2], [-1, 2], [0, 100]]
    rows = submission.rows({"d/x.jpg": [3, 0]}, {"x.jpg": points})
    assert rows == [("d/x.jpg", 0, 100, 0, 1)]


def test_flip_is_the_default_where_there_is_a_mirror(
    contest: Path, models: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that looks too far right is set right by the flip, whose answer is too far left."""
    to = contest / "points.csv"
    images = contest / "test" / "images"

    def first_x(**kwargs: Any) -> float:
        predict.predict(predict.Config((contest / "run2", images), points=to, **kwargs))
        return float(read(to)[1][1])

    assert first_x() == pytest.approx(20, abs=1e-3)
    assert first_x(tta=()) == pytest.approx(20 + BIAS * SIDE, abs=1e-3)
    models["run2"] = known(BIAS, mirror=False)
    assert first_x() == pytest.approx(20 + BIAS * SIDE, abs=1e-3)
    assert "no flip TTA: a run found no mirror symmetry" in capsys.readouterr().out
    with pytest.raises(ValueError, match="`tta` cannot be flip"):
        first_x(tta=("flip",))


def test_all_points_with_their_spread(contest: Path, models: dict[str, Any]) -> None:
    """The spread is in pixels of the original: here of a picture twice as large as the crop."""
    models["run1"] = known(spread=0.1)
    big = contest / "big.png"
    paint(big, [(40, 20), (60, 20), (50, 70)], (120, 80))
    to = contest / "points.csv"
    predict.predict(predict.Config((contest / "run1", big), points=to, tta=()))
    header, row = read(to)
    assert header == ["file_name", *submission.header(3), "Spread_M0", "Spread_M1", "Spread_M2"]
    assert row[0] == "big.png"
    assert [float(v) for v in row[1:7]] == pytest.approx([40, 20, 60, 20, 50, 70], abs=0.6)
    assert [float(v) for v in row[7:]] == pytest.approx([0.1 * 80] * 3)


def test_ensembles(contest: Path, models: dict[str, Any]) -> None:
    models["run3"] = known(4 * BIAS)
    runs = [contest / name for name in ("run1", "run2", "run3")]
    to, picture = contest / "points.csv", contest / "test" / "images" / "a.png"
    for how, bias in (("mean", 5 / 3 * BIAS), ("median", BIAS)):
        config: Any = predict.Config((*runs, picture), points=to, tta=(), ensemble=how)  # type: ignore[arg-type]
        predict.predict(config)
        assert float(read(to)[1][1]) == pytest.approx(20 + bias * SIDE, abs=1e-3)


def test_a_spread_needs_every_run_to_have_one() -> None:
    black = np.zeros((SIDE, SIDE, 3), np.uint8)
    both = [known(spread=0.1), known(spread=0.3)]
    spread = ensemble.answers(both, 1, lambda i: black, ()).spread
    assert spread is not None
    np.testing.assert_allclose(spread, 0.2 * SIDE)
    assert ensemble.answers([*both, known()], 1, lambda i: black, ()).spread is None


def test_runs_of_other_points_are_refused(contest: Path) -> None:
    points = json.loads((contest / "run2" / "points.json").read_text())
    run.write_json(contest / "run2" / "points.json", points | {"points": 5})
    config = predict.Config((contest / "run1", contest / "run2", contest / "test"))
    with pytest.raises(ValueError, match=r"numbers of points: .*run1 has 3, .*run2 has 5"):
        predict.predict(config)


def test_unreadable_and_missing_pictures_are_named_and_answered(
    contest: Path, models: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the mean shape on the header's size, or on the crop's where there is no header."""
    images = contest / "test" / "images"
    whole = (images / "b.png").read_bytes()
    (images / "b.png").write_bytes(whole[: len(whole) // 2])
    (images / "a.png").unlink()
    to = contest / "submission.csv"
    folder = contest / "drawn"
    predict.predict(predict.Config((contest / "run1", contest / "test"), to, pictures=folder))
    said = capsys.readouterr().out
    assert "answered with the mean shape: " in said
    assert "b.png: damaged" in said
    assert "a.png: cannot be read (No such file or directory)" in said
    rows = {row[0]: [int(v) for v in row[1:]] for row in read(to)[1:]}
    assert rows["c.png"] == [31, 33, 18, 9]
    # Points 1 and 2 of the mean shape at the crop's size, and 0 and 1 in 40 x 60 pixels, 10 lower:
    # 0.5 * 40 - 0.5 = 19.5 goes to the even number.
    assert rows["a.png"] == [30, 20, 20, 40]
    assert rows["b.png"] == [10, 30, 30, 30]
    assert [path.name for path in folder.iterdir()] == ["c.png"]


def test_the_size_of_a_damaged_picture_is_that_of_the_upright_one(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (80, 40)).save(path, exif=exif)
    assert ensemble.guess([known()], path)[0].tolist() == pytest.approx([9.5, 39.5])
    # Points that lie 3 px aside of what they mark, in one run of two.
    both = [known(), known(shift=3)]
    assert ensemble.guess(both, path)[0].tolist() == pytest.approx([11, 39.5])


def test_pictures_have_their_points_drawn(contest: Path) -> None:
    folder = contest / "drawn"
    predict.predict(predict.Config((contest / "run1", contest / "test"), pictures=folder))
    drawn = np.asarray(Image.open(folder / "a.png"))
    # 60 x 40 pixels are enlarged eight times; a pixel's centre stays one.
    assert drawn.shape == (320, 480, 3)
    for x, y in DOTS["a.png"][0]:
        assert drawn[8 * y + 4, 8 * x + 4].tolist() == [229, 57, 53]
    assert (drawn == [229, 57, 53]).all(axis=2).sum() < 200


def test_without_a_file_to_write_it_says_where_the_face_is(
    contest: Path, models: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    models["run1"] = known(spread=0.1)
    picture = contest / "test" / "images" / "a.png"
    csv_path = truth(contest, a=[(20, 10), (40, 12), (25, 36)], z=[(0, 0)] * 3)
    predict.predict(predict.Config((contest / "run1", picture), truth=csv_path))
    said = capsys.readouterr().out
    assert f"x 20.0..40.0, y 10.0..30.0, spread 4.00 px  {picture}" in said
    assert "MSE 6.0000 px^2 (all points) on the 1 pictures" in said


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.png\t[1, 3]", r"test_points\.csv, row 3: point indices must be in 0\.\.2; received: 3"),
        ("a.png\t[1, -1]", r"row 3: point indices must be in 0\.\.2; received: -1"),
        ("a.png\t__import__('os').getcwd()", "row 3: must be a list of whole numbers"),
        ("c.png\t[1, 2]", r"row 3: c\.png stands there twice"),
        ("a.png\t[0, 1, 2]", r"\(a\.png\) asks for 3 points, the first for 2"),
    ],
)
def test_a_bad_csv_fails_before_any_model_is_loaded(
    contest: Path, monkeypatch: pytest.MonkeyPatch, row: str, message: str
) -> None:
    ask(contest, "c.png\t[2, 0]", row)
    monkeypatch.setattr(predictor, "open", lambda run: pytest.fail("the model was loaded"))
    paths = (contest / "run1", contest / "test" / "test_points.csv")
    with pytest.raises(ValueError, match=message):
        predict.predict(predict.Config(paths, contest / "submission.csv"))
    assert not (contest / "submission.csv").exists()


def test_a_submission_needs_the_csv_and_a_truth_its_pictures(contest: Path) -> None:
    paths = (contest / "run1", contest / "test" / "images")
    with pytest.raises(ValueError, match=r"a submission needs a test_points\.csv"):
        predict.predict(predict.Config(paths, contest / "submission.csv"))
    with pytest.raises(ValueError, match=r"truth\.csv has none of the pictures"):
        predict.predict(predict.Config(paths, truth=truth(contest, z=[(0, 0)] * 3)))


def test_the_pictures_of_a_csv_may_be_elsewhere(contest: Path) -> None:
    (contest / "test" / "images").rename(contest / "moved")
    to = contest / "submission.csv"
    paths = (contest / "run1", contest / "test" / "test_points.csv")
    predict.predict(predict.Config(paths, to, images=contest / "moved"))
    assert read(to)[1] == ["c.png", "31", "33", "18", "9"]


def test_views_on_the_command_line(contest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[predict.Config] = []
    monkeypatch.setattr(predict, "predict", seen.append)
    for words in ([], ["--tta"], ["--tta", "flip", "scale"]):
        monkeypatch.setattr(sys, "argv", ["predict", "run", "pictures", *words])
        predict.main()
    assert [config.tta for config in seen] == [None, (), ("flip", "scale")]

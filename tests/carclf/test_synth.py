import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from carclf import synth
from carclf.drawing import picture
from carclf.drawing.shell import rounded

SIZE = (60, 80)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synth.generate(tmp_path_factory.mktemp("synth") / "a", 2, 1, 5, SIZE, workers=1)


@pytest.mark.parametrize("style", range(len(synth.STYLES)))
def test_every_style_is_drawn(style: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "develop", lambda image, rng: image)
    seeds = range(4)
    cars = [synth.draw(style, np.random.default_rng(s), (120, 160)) for s in seeds]
    monkeypatch.setattr(picture, "paint_car", lambda *_: None)
    empty = [synth.draw(style, np.random.default_rng(s), (120, 160)) for s in seeds]
    for car, place in zip(cars, empty, strict=True):
        assert car.shape == (120, 160, 3)
        assert car.dtype == np.uint8
        assert car.std() > 8
        changed = (np.abs(car.astype(int) - place).max(-1) > 6).mean()
        assert 0.06 < changed < 0.85


def test_draw_is_a_function_of_the_generator_and_the_style() -> None:
    one, same = (synth.draw(2, np.random.default_rng(1), SIZE) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    assert (one != synth.draw(2, np.random.default_rng(2), SIZE)).any()
    assert (one != synth.draw(5, np.random.default_rng(1), SIZE)).any()


@pytest.mark.parametrize("size", [(32, 32), (224, 97), (97, 224)])
def test_any_size(size: tuple[int, int]) -> None:
    for style in range(len(synth.STYLES)):
        assert synth.draw(style, np.random.default_rng(style), size).shape == (*size, 3)


@pytest.mark.parametrize(
    ("style", "size", "word"), [(10, SIZE, "style"), (-1, SIZE, "style"), (0, (31, 80), "size")]
)
def test_draw_refuses(style: int, size: tuple[int, int], word: str) -> None:
    with pytest.raises(ValueError, match=f"`{word}`"):
        synth.draw(style, np.random.default_rng(0), size)


def test_layout_counts_and_truth(made: Path) -> None:
    assert {p.name for p in made.iterdir()} == {
        "train", "test_upload", "train.csv", "sample-submission.csv", "test_solution.csv",
        "classes.csv", "synth.json",
    }  # fmt: skip
    train, test = rows(made / "train.csv"), rows(made / "test_solution.csv")
    for table, each in ((train, 2), (test, 1)):
        classes = [int(row["Category"]) for row in table]
        assert np.bincount(classes).tolist() == [each] * 10
    assert {f"{r['Category']}/{r['Id']}" for r in train} == {
        f"{p.parent.name}/{p.name}" for p in (made / "train").glob("*/*")
    }
    ids = [row["Id"] for row in test]
    assert set(ids) == {p.name for p in (made / "test_upload").iterdir()}
    sample = rows(made / "sample-submission.csv")
    assert [row["Id"] for row in sample] == ids
    assert {row["Category"] for row in sample} == {"0"}
    assert [row["name"] for row in rows(made / "classes.csv")] == list(synth.STYLES)
    assert not {row["Id"] for row in train} & set(ids)
    for path in made.rglob("*.jpg"):
        image = cv2.imread(str(path))
        assert image is not None
        assert image.shape == (*SIZE, 3)


def test_ids_do_not_reveal_the_class(tmp_path: Path) -> None:
    jobs, (train, _) = synth._plan(60, 20, 0)
    classes = [style for _, style in train]
    assert abs(np.corrcoef(np.arange(600), classes)[0, 1]) < 0.1
    assert np.mean(np.diff(classes) == 0) < 0.2
    # Nor does an id tell which side a picture is on.
    numbers = np.array([int(name[:-4]) for _, _, name in jobs])
    assert abs(numbers[:600].mean() - numbers[600:].mean()) < 40


def test_same_bytes_whatever_the_workers(made: Path, tmp_path: Path) -> None:
    again = synth.generate(tmp_path / "b", 2, 1, 5, SIZE, workers=2)
    assert contents(again) == contents(made)


def test_another_seed_draws_other_pictures(made: Path, tmp_path: Path) -> None:
    other = synth.generate(tmp_path / "c", 2, 1, 6, SIZE, workers=1)
    pictures = [{v for k, v in contents(d).items() if k.endswith("jpg")} for d in (made, other)]
    assert not pictures[0] & pictures[1]


def test_a_picture_depends_on_its_index_not_on_the_counts(made: Path, tmp_path: Path) -> None:
    more = synth.generate(tmp_path / "d", 3, 1, 5, SIZE, workers=1)
    old, new = ({p.read_bytes() for p in (d / "train").rglob("*.jpg")} for d in (made, more))
    assert len(old) == 20
    assert len(new) == 30
    assert old < new


def test_finished_data_set_is_left_alone(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth, "_save", None)
    before = contents(made)
    assert synth.generate(made, 2, 1, 5, SIZE) == made
    assert contents(made) == before


def test_other_settings_are_refused(made: Path) -> None:
    before = contents(made)
    with pytest.raises(FileExistsError, match="another generated data set"):
        synth.generate(made, 2, 1, 6, SIZE)
    assert contents(made) == before


def test_foreign_folder_and_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("Id,Category\n")
    with pytest.raises(FileExistsError, match="holds no generated data set"):
        synth.generate(tmp_path, 1, 1, 0, SIZE, workers=1)
    with pytest.raises(FileExistsError):
        synth.generate(tmp_path / "train.csv", 1, 1, 0, SIZE, workers=1)
    assert [p.name for p in tmp_path.iterdir()] == ["train.csv"]


def test_broken_marker_is_refused(tmp_path: Path) -> None:
    (tmp_path / synth.MARKER).write_text("{")
    with pytest.raises(FileExistsError):
        synth.generate(tmp_path, 1, 1, 0, SIZE, workers=1)


def test_broken_off_data_set_is_finished(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = synth._save, []

    def save(to: Path, seed: int, size: tuple[int, int], job: synth.Job) -> None:
        calls.append(job)
        if len(calls) == 7:
            raise KeyboardInterrupt
        real(to, seed, size, job)

    monkeypatch.setattr(synth, "_save", save)
    with pytest.raises(KeyboardInterrupt):
        synth.generate(tmp_path / "e", 2, 1, 5, SIZE, workers=1)
    assert not (tmp_path / "e" / synth.MARKER).exists()
    assert contents(synth.generate(tmp_path / "e", 2, 1, 5, SIZE, workers=1)) == contents(made)


@pytest.mark.parametrize(
    "bad", [{"train_per_class": 0}, {"test_per_class": -1}, {"seed": -1}, {"size": (20, 80)}]
)
def test_bad_numbers_are_refused_before_anything_is_written(
    bad: dict[str, object], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=f"`{next(iter(bad))}`"):
        synth.generate(tmp_path / "f", **{"workers": 1, **bad})  # type: ignore[arg-type]
    assert not (tmp_path / "f").exists()


def test_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    to = tmp_path / "g"
    synth.main(["--to", str(to), "--train-per-class", "1", "--test-per-class", "1", "--seed", "3"])
    assert capsys.readouterr().out.strip() == str(to)
    assert json.loads((to / synth.MARKER).read_text())["seed"] == 3
    assert len(list((to / "train").rglob("*.jpg"))) == 10


def test_rounded_square_by_hand() -> None:
    square = np.array([(0, 0), (10, 0), (10, 10), (0, 10)], float)
    curve = rounded(square, np.full(4, 2.0), steps=3)
    # The arc at (0, 0) starts 2 up the left edge, passes (0.5, 0.5) and ends 2 along the bottom.
    np.testing.assert_allclose(curve[:3], [(0, 2), (0.5, 0.5), (2, 0)], atol=1e-9)
    assert len(curve) == 12

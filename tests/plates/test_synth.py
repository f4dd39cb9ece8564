"""The drawn data set of plates: layout, texts, and the same bytes whatever the workers."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from plates import synth
from plates.text import CONTEST, LATIN

SMALL = {"crops": 10, "test_crops": 4, "scenes": 3, "test_scenes": 2, "nothing": 0.3, "seed": 5}


def table(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synth.generate(tmp_path_factory.mktemp("synth") / "a", **SMALL, workers=1)  # type: ignore[arg-type]


def test_layout_of_the_folder(made: Path) -> None:
    assert {str(p.relative_to(made)) for p in made.rglob("*") if p.suffix != ".jpg"} == {
        "crops", "test_crops", "train", "test", "synth.json", "train.json", "test.json",
        "train_recognition.json", "test_recognition.json", "sample_submission.csv",
        "test_solution.csv",
    }  # fmt: skip
    for name, folder, count in (
        ("train_recognition", "crops", 10),
        ("test_recognition", "test_crops", 4),
    ):
        rows = table(made / f"{name}.json")
        assert [row["file"] for row in rows] == [f"{folder}/{k}.jpg" for k in range(count)]
        for row in rows:
            assert set(row) == {"file", "text", "country", "rows"}
            assert set(row["text"]) <= set(LATIN)
            assert (
                row["rows"] in (1, 2) if row["text"] else (row["country"], row["rows"]) == ("", 0)
            )
            assert cv2.imread(str(made / row["file"])) is not None
    assert {bool(row["text"]) for row in table(made / "train_recognition.json")} == {True, False}


def test_scenes_are_in_the_contests_layout(made: Path) -> None:
    for name, folder, count in (("train", "train", 3), ("test", "test", 2)):
        rows = table(made / f"{name}.json")
        assert [row["file"] for row in rows] == [f"{folder}/{k}.jpg" for k in range(count)]
        for row in rows:
            image = cv2.imread(str(made / row["file"]))
            assert image is not None
            for plate in row["nums"]:
                assert plate["text"]
                corners = np.array(plate["box"], np.float32)
                assert corners.shape == (4, 2)
                assert (corners >= 0).all()
                assert (corners <= np.array(image.shape[1::-1]) - 1).all()
    with (made / "sample_submission.csv").open() as file:
        assert list(csv.reader(file)) == [
            ["file_name", "plates_string"], ["test/0.jpg", ""], ["test/1.jpg", ""],
        ]  # fmt: skip
    with (made / "test_solution.csv").open() as file:
        answers = list(csv.reader(file))
    told = [" ".join(p["text"] for p in row["nums"]) for row in table(made / "test.json")]
    assert [row[1] for row in answers[1:]] == told


def test_a_crop_in_memory() -> None:
    image, text, country, rows = synth.crop(np.random.default_rng(0), ("ru",), CONTEST)
    assert image.dtype == np.uint8
    assert set(text) <= set(CONTEST)
    assert (country, rows) == ("ru", 1)
    drawn = [synth.crop(np.random.default_rng(k), ("vn2", "br"))[1:] for k in range(12)]
    assert {(country, rows) for _, country, rows in drawn} == {("vn", 2), ("br", 1)}
    assert synth.crop(np.random.default_rng(0), nothing=1.0)[1:] == ("", "", 0)


def test_same_bytes_whatever_the_workers(made: Path, tmp_path: Path) -> None:
    again = synth.generate(tmp_path / "b", **SMALL, workers=2)  # type: ignore[arg-type]
    assert contents(again) == contents(made)


def test_a_picture_depends_on_its_index_not_on_the_counts(made: Path, tmp_path: Path) -> None:
    more = {**SMALL, "crops": 12, "test_crops": 0, "scenes": 1, "test_scenes": 0}
    other = synth.generate(tmp_path / "c", **more, workers=1)  # type: ignore[arg-type]
    old, new = (table(folder / "train_recognition.json") for folder in (made, other))
    assert new[:10] == old
    pictures = [contents(folder / "crops") for folder in (made, other)]
    assert pictures[0].items() < pictures[1].items()
    assert (other / "train/0.jpg").read_bytes() == (made / "train/0.jpg").read_bytes()
    assert not (other / "test").exists()
    assert not (other / "sample_submission.csv").exists()


def test_another_seed_draws_other_pictures(made: Path, tmp_path: Path) -> None:
    few = {**SMALL, "crops": 3, "test_crops": 3, "scenes": 0, "test_scenes": 0, "seed": 6}
    other = synth.generate(tmp_path / "d", **few, workers=1)  # type: ignore[arg-type]
    pictures = [{v for k, v in contents(d).items() if k.endswith("jpg")} for d in (made, other)]
    assert not pictures[0] & pictures[1]
    assert len(pictures[1]) == 6


def test_finished_data_set_is_left_alone(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth, "_save", None)
    before = contents(made)
    assert synth.generate(made, **SMALL) == made  # type: ignore[arg-type]
    with pytest.raises(FileExistsError, match="another generated data set"):
        synth.generate(made, **{**SMALL, "nothing": 0.2})  # type: ignore[arg-type]
    assert contents(made) == before


def test_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text("[]")
    with pytest.raises(FileExistsError, match="holds no generated data set"):
        synth.generate(tmp_path, 1, 0, 0, 0, workers=1)
    assert [p.name for p in tmp_path.iterdir()] == ["train.json"]


def test_broken_off_data_set_is_finished(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., dict[str, Any]] = synth._save
    calls = []

    def save(*args: Any) -> dict[str, Any]:
        calls.append(args)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(synth, "_save", save)
    with pytest.raises(KeyboardInterrupt):
        synth.generate(tmp_path / "e", **SMALL, workers=1)  # type: ignore[arg-type]
    assert not (tmp_path / "e" / synth.MARKER).exists()
    again = synth.generate(tmp_path / "e", **SMALL, workers=1)  # type: ignore[arg-type]
    assert contents(again) == contents(made)


@pytest.mark.parametrize(
    "bad",
    [
        {"crops": -1}, {"seed": -1}, {"nothing": 1.5}, {"nothing": float("nan")}, {"kinds": ()},
        {"kinds": ("mars",)}, {"alphabet": ""}, {"alphabet": "AB-"},
        {"crops": 0, "test_crops": 0, "scenes": 0, "test_scenes": 0},
    ],
    ids=str,
)  # fmt: skip
def test_bad_settings_are_refused_before_anything_is_written(
    bad: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=f"`{next(iter(bad)).rstrip('s')}"):
        synth.generate(tmp_path / "f", **{"workers": 1, **bad})
    assert not (tmp_path / "f").exists()


def test_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    to = tmp_path / "g"
    counts = ["--crops", "2", "--test-crops", "1", "--scenes", "0", "--test-scenes", "0"]
    synth.main(["--to", str(to), *counts, "--kinds", "ru,de", "--nothing", "0", "--seed", "3"])
    assert capsys.readouterr().out.strip() == str(to)
    assert json.loads((to / synth.MARKER).read_text()) == {
        "version": synth.VERSION, "crops": 2, "test_crops": 1, "scenes": 0, "test_scenes": 0,
        "nothing": 0.0, "kinds": "ru,de", "alphabet": LATIN, "seed": 3,
    }  # fmt: skip
    assert {row["country"] for row in table(to / "train_recognition.json")} <= {"ru", "de"}

"""Offline extras: boxes in their places, the same pictures whoever makes them, and going on."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plates import augment, augmenter, records
from plates.augment import Config, generate
from plates.reader import records as reader_records
from plates.rectify import rectify
from triptych.images import decode

COUNT = 9
TEXTS = [["A2C1"], ["B1A3", "C3B2"], ["1AB2"]]
Make = Callable[..., Path]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def same(got: Path, want: Path) -> None:
    """All files, but the sheet that has the folder's name for a title."""
    a, b = contents(got), contents(want)
    assert a.keys() == b.keys()
    assert [name for name in a if a[name] != b[name] and name != "contact.png"] == []


def sources(folder: Path) -> dict[str, str]:
    with (folder / "sources.csv").open(newline="") as file:
        return {row["file_name"]: row["source"] for row in csv.DictReader(file)}


def edit(data: Path, change: Callable[[list[Any]], None]) -> None:
    rows = json.loads((data / "train.json").read_text())
    change(rows)
    (data / "train.json").write_text(json.dumps(rows))


def settings(data: Path, to: Path) -> Config:
    return Config(data=data, to=to, count=COUNT, seed=3, workers=1)


@pytest.fixture(scope="module")
def cars(tmp_path_factory: pytest.TempPathFactory, make_photographs: Make) -> Path:
    return make_photographs(tmp_path_factory.mktemp("cars") / "data", TEXTS)


@pytest.fixture(scope="module")
def made(cars: Path) -> Path:
    return generate(settings(cars, cars.parent / "made"))


def test_reads_back_with_all_plates_of_its_sources(made: Path, cars: Path) -> None:
    assert {p.name for p in made.iterdir()} == {
        *("train.json", "train", "sources.csv", "contact.png", "augment.json")
    }
    photographs, problems = records.read(made)
    assert not problems
    assert [p.name for p in photographs] == [f"train/{n}.jpg" for n in range(COUNT)]
    texts = {p.name: [plate.text for plate in p.plates] for p in records.read(cars)[0]}
    source = sources(made)
    assert set(source.values()) == texts.keys()
    assert [[plate.text for plate in p.plates] for p in photographs] == [
        texts[source[p.name]] for p in photographs
    ]
    found, problems = reader_records.read(cars, [made])
    assert not problems
    assert sum(crop.extra for crop in found) == sum(len(p.plates) for p in photographs)


def test_a_box_is_on_its_plate(cars: Path, tmp_path: Path) -> None:
    to = generate(replace(settings(cars, tmp_path / "plain"), picks=(0, 0)))
    before = {photograph.name: photograph for photograph in records.read(cars)[0]}
    sizes = set()
    for photograph in records.read(to)[0]:
        first = before[sources(to)[photograph.name]]
        image, whole = decode(photograph.path), decode(first.path)
        sizes.add(image.shape)
        for new, old in zip(photograph.plates, first.plates, strict=True):
            # With the room that the reader cuts around a plate: what a crop took of it would show.
            a, b = (
                rectify(i, np.array(p.quad), 0.05).astype(int)
                for i, p in ((image, new), (whole, old))
            )
            assert np.abs(a - b).mean() < 4
    assert len(sizes) > 3


def test_stopped_it_goes_on_and_redoes_nothing(
    made: Path, cars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = augmenter.change, []

    def change(*args: Any) -> np.ndarray:
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(augmenter, "change", change)
    config = settings(cars, tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        generate(config)
    with (config.to / "augment.rows").open("a") as file:
        file.write('{"number": 4, "sou')
    assert not (config.to / "train.json").exists()
    with pytest.raises(FileExistsError, match="`seed` was 3 and is 4"):
        generate(replace(config, seed=4))
    generate(config)
    assert len(calls) == COUNT + 1
    same(config.to, made)
    monkeypatch.setattr(augment, "_pictures", None)
    assert generate(config) == config.to


def test_the_command_with_two_workers_writes_the_same(
    made: Path, cars: Path, tmp_path: Path, run_cli: Any
) -> None:
    flags = ["--data", cars, "--to", tmp_path / "two", "--count", COUNT, "--seed", 3]
    done = run_cli("plates.augment", *flags, "--workers", 2, "--picks", 1, 3)
    assert done.returncode == 0, done.stderr
    same(tmp_path / "two", made)


def test_other_settings_other_data_and_other_folders_are_refused(made: Path, cars: Path) -> None:
    before = contents(made)
    config = settings(cars, made)
    for changed, words in (
        (replace(config, count=8), "`count` was 9 and is 8"),
        (replace(config, picks=(1, 2)), r"`picks` was \(1, 3\) and is \(1, 2\)"),
        (replace(config, data=made), "`data` was 3 photographs .* and is 9 photographs"),
        (replace(config, to=cars), "holds no pictures of plates.augment"),
    ):
        with pytest.raises(FileExistsError, match=words):
            generate(changed)
    assert contents(made) == before


def test_bad_photographs_are_named_and_others_take_their_place(
    make_photographs: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_photographs(tmp_path / "data", TEXTS)
    (data / "train" / "0.png").write_bytes(b"no picture")

    def spoil(rows: list[Any]) -> None:
        far = {"box": [[900, 10], [990, 10], [990, 40], [900, 40]], "text": "FAR1"}
        rows[1]["nums"].append(far)
        rows[2]["nums"].append({"box": [[1, 1], [1, 1], [1, 1], [1, 1]], "text": "ZERO"})

    edit(data, spoil)
    to = generate(settings(data, tmp_path / "made"))
    out = capsys.readouterr().out
    assert out.count("0.png: not a picture") == 1
    assert out.count("1.png: a box lies outside the picture of 320 x 120 pixels") == 1
    assert "row 3 (train/2.png), box 2: left out: a side is 0 pixels long" in out
    assert set(sources(to).values()) == {"train/2.png"}
    (data / "train" / "2.png").write_bytes(b"")
    with pytest.raises(ValueError, match="none of the 3 photographs"):
        generate(settings(data, tmp_path / "none"))


def test_no_plates_no_texts_and_plates_cut_off_by_the_picture(
    make_photographs: Make, tmp_path: Path
) -> None:
    data = make_photographs(tmp_path / "data", TEXTS)
    Image.new("RGB", (500, 400)).save(data / "train" / "0.png")

    def change(rows: list[Any]) -> None:
        rows[0]["nums"] = []
        rows[1]["nums"][0].pop("text")
        rows[2]["nums"][0]["box"] = [[-20, 40.25], [76, 40.25], [76, 130], [-20, 130]]

    edit(data, change)
    to = generate(replace(settings(data, tmp_path / "made"), count=15))
    rows = json.loads((to / "train.json").read_text())
    by_source: dict[str, list[Any]] = {"train/0.png": [], "train/1.png": [], "train/2.png": []}
    for row in rows:
        by_source[sources(to)[row["file"]]].append(row)
    assert all(row["nums"] == [] for row in by_source["train/0.png"])
    assert len({decode(to / row["file"]).shape for row in by_source["train/0.png"]}) > 1
    assert all(
        ["text" in n for n in row["nums"]] == [False, True] for row in by_source["train/1.png"]
    )
    for row in by_source["train/2.png"]:
        height, width = decode(to / row["file"]).shape[:2]
        (left, top), (right, _), (_, bottom), _ = row["nums"][0]["box"]
        # As far out of the new picture as out of the old one, and all else inside.
        assert (left, bottom - (height - 1)) == (-20, 130 - 119)
        assert (right - left, bottom - top) == (96, 89.75)
        assert right < width


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", 0),
        ("seed", -1),
        ("workers", -1),
        ("margin", -0.1),
        ("picks", (3, 2)),
        ("picks", (1, 7)),
    ],
)
def test_bad_settings_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        Config(Path(), Path(), **{name: value})

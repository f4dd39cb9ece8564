"""From files to checked and split photographs: what is held out, and what the run folder tells."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plates import sides
from plates.detector import labelled, records
from plates.detector.config import Config
from plates.detector.labelled import Labelled
from plates.detector.records import Sample
from triptych.stage import Stage

BOX = [[8, 8], [40, 8], [40, 20], [8, 20]]
QUAD = tuple((float(x), float(y)) for x, y in BOX)
TEXTS = ["ABC123", "XYZ789", "KLM456", "DEF012", "GHI345", "", "", "PQR678"]


def write(root: Path, texts: list[str] = TEXTS, first: int = 0) -> Path:
    """`root/train.json` and pictures of 64 x 48 pixels that have nothing in common."""
    root.mkdir()
    rows = []
    for number, text in enumerate(texts, first):
        blocks = np.random.default_rng(number).integers(0, 255, (12, 16, 3), np.uint8)
        Image.fromarray(blocks.repeat(4, axis=0).repeat(4, axis=1)).save(root / f"{number}.png")
        rows.append({"file": f"{number}.png", "nums": [{"box": BOX, "text": text}]})
    (root / "train.json").write_text(json.dumps(rows))
    return root


def load(data: Path, **options: Any) -> Labelled:
    settings = {"stages": (Stage(size="32"),), "val_fraction": 0.25, **options}
    return labelled.load(Config(data, **settings), workers=2)


def test_a_clean_folder(tmp_path: Path) -> None:
    data = load(write(tmp_path / "data"))
    assert (len(data.training), len(data.validation)) == (6, 2)
    assert data.problems == []
    assert data.summary == (
        "6 training and 2 validation photographs with 8 plates, 0 remarks in data.csv"
    )
    labelled.write(data, tmp_path)
    labelled.require_same(data, tmp_path)
    with (tmp_path / "split.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [f"{i}.png" for i in range(8)]
    assert [row["side"] for row in rows].count("validation") == 2
    assert [labelled.digest(sample) for sample in data.samples] == data.digests
    with pytest.raises(ValueError, match=r"is on the other side of the split"):
        labelled.require_same(load(tmp_path / "data", split_seed=3), tmp_path)


def test_quads_shrink_with_the_picture(tmp_path: Path) -> None:
    """64 x 48 is kept as 53 x 40, which covers 1.25 times the side; the middles stay in place."""
    root = write(tmp_path / "data")
    for cache in (100, 0):
        data = load(root, cache_mb=cache)
        image, quads = data.photograph(0)
        assert image.shape == (40, 53, 3)
        assert data.sizes[0].tolist() == [48, 64]
        np.testing.assert_allclose(quads[0, 0], [8.5 * 53 / 64 - 0.5, 8.5 * 40 / 48 - 0.5])


def test_plates_outside_are_left_out(tmp_path: Path) -> None:
    root = write(tmp_path / "data")
    rows = json.loads((root / "train.json").read_text())
    moved = [[[x + dx, y] for x, y in BOX] for dx in (30, 45, 80)]
    rows[0]["nums"] = [{"box": box, "text": str(i)} for i, box in enumerate(moved)]
    rows[1]["nums"] = []
    (root / "train.json").write_text(json.dumps(rows))
    data = load(root)
    assert data.samples[0].texts == ("0",)
    assert len(data.photograph(0)[1]) == 1
    assert data.photograph(1)[1].shape == (0, 4, 2)
    assert "7 plates, 1 photographs without a plate, 2 remarks" in data.summary
    assert [(Path(p.where).name, p.reason) for p in data.problems] == [
        ("0.png, plate 2", "left out: only 33% of it lie in the picture of 64 x 48 pixels"),
        ("0.png, plate 3", "left out: it lies outside the picture of 64 x 48 pixels"),
    ]


def samples(texts: list[tuple[str, ...]]) -> list[Sample]:
    return [Sample(Path(f"{i}.png"), f"{i}.png", (QUAD,) * len(t), t) for i, t in enumerate(texts)]


def test_groups_by_text_and_look() -> None:
    rng = np.random.default_rng(0)
    looks = rng.integers(0, 255, (15, 16, 16)).astype(np.uint8)
    looks[11] = looks[10] * 0.5 + 20
    texts = [
        *[("ABC 123", "X"), ("abc-123",), ("ABC124", "QQQQQ"), ("ABC14",), ("AB12",), ("AB13",)],
        *[("",), ("",), ("QQQQQ1",), ("Z",), ("",), ()],
        *[("E1",), ("F2",), ("G3",)],
    ]
    found, rule, note = labelled.groups(samples(texts), looks)
    # Of 3 "ABC14" is one apart from "ABC124"; four characters are too few to be near.
    assert found.tolist() == [0, 0, 0, 0, 1, 2, 3, 4, 0, 5, 6, 6, 7, 8, 9]
    assert (rule, note) == ((True, 0.93), "")
    narrow, rule, note = labelled.groups(samples([("",)] * 12), np.stack([looks[0]] * 12))
    assert len(set(narrow)) == 12
    assert rule[1] == np.inf
    assert note.startswith("12 of 12 photographs hang together by their texts and look")


def test_sides_of_the_split(tmp_path: Path) -> None:
    texts = ["ABC123", "XYZ789", "ABC124", "KLM456", "", "abc 123", "", "", ""]
    root = write(tmp_path / "data", texts)
    sides = [set(load(root, fold=i, folds=3).validation.tolist()) for i in range(3)]
    assert sorted(i for side in sides for i in side) == list(range(9))
    assert any({0, 2, 5} <= side for side in sides)
    with pytest.raises(ValueError, match="left for validation; train with --monitor loss"):
        load(write(tmp_path / "one", ["A"]))


def test_sides_of_a_readers_run(tmp_path: Path) -> None:
    """A photograph is held out where none of its plates was trained on."""
    root = write(tmp_path / "data")
    run = tmp_path / "run"
    run.mkdir()
    placed = {"0.png#0": "validation", "0.png#1": "training", "1.png#0": "validation"}
    placed |= {"2.png#0": "training", "3.png#0": "left out", "crops/1.png": "validation"}
    rows = [f"{name},{side},0" for name, side in placed.items()]
    (run / "split.csv").write_text("\n".join(["file,side,sha256", *rows, ""]))
    data = load(root, split=run)
    assert [data.samples[i].name for i in data.validation] == ["1.png"]
    assert len(data.training) == 7
    # Its sides follow the texts alone: the picture of 1.png under another text is left out.
    with Image.open(root / "1.png") as picture:
        darker = picture.point(lambda value: 0.8 * value + 20)
    darker.save(root / "4.png")
    data = load(root, split=run)
    assert [data.samples[i].name for i in np.setdiff1d(range(8), data.training)] == [
        "1.png",
        "4.png",
    ]
    assert "left out: a text or the picture is near" in data.problems[-1].reason
    with pytest.raises(ValueError, match=r"has none of their names, as 20\.png"):
        load(write(tmp_path / "others", first=20), split=run)


def test_extras_are_for_training_only(tmp_path: Path) -> None:
    root = write(tmp_path / "data", [f"{c}23{c}56" for c in "ABCDEFGH"])
    before = load(root)
    held_out = before.validation[0]
    near = before.samples[held_out].texts[0] + "7"
    extra = write(tmp_path / "extra", ["NEW777", near, "OLD555", "OLD666"], first=50)
    with Image.open(root / f"{held_out}.png") as picture:
        picture.point(lambda value: 0.8 * value + 20).save(extra / "52.png")
    shutil.copy(root / f"{before.training[0]}.png", extra / "53.png")
    data = load(root, extra=(f"{extra}@2",))
    assert data.validation.tolist() == before.validation.tolist()
    assert [data.samples[i].name for i in data.training[len(before.training) :]] == [
        "extra1:50.png"
    ]
    copied = root / f"{before.training[0]}.png"
    assert {Path(p.where).name: p.reason for p in data.problems} == {
        "51.png": "left out: a text or the picture is near a validation one's",
        "52.png": "left out: a text or the picture is near a validation one's",
        "53.png": f"the same picture as {copied}, which is in the data",
    }
    assert data.weights.tolist() == [1.0] * 8 + [2.0] * 3
    # Judged by themselves, they are known again: neither their name nor their weight counts.
    labelled.write(data, tmp_path)
    found, _ = records.read(extra)
    digests = [labelled.digest(sample) for sample in found]
    names = [sample.name for sample in found]
    places = sides.where(names, digests, sides.read(tmp_path))
    assert places == ["training", "left out", "left out", ""]


def test_extras_made_from_validation_photographs_are_left_out(tmp_path: Path) -> None:
    """By sources.csv, where neither a text nor the look of a part tells."""
    root = write(tmp_path / "data", [""] * 8)
    before = load(root)
    held_out, kept = before.validation[0], before.training[0]
    extra = write(tmp_path / "extra", [""] * 3, first=50)
    (extra / "sources.csv").write_text(
        f"file_name,source\n50.png,{held_out}.png\n51.png,{kept}.png\n"
    )
    for path in (extra, extra / "train.json"):
        data = load(root, extra=(str(path),))
        assert data.validation.tolist() == before.validation.tolist()
        added = [data.samples[i].name for i in data.training[len(before.training) :]]
        assert added == ["extra1:51.png", "extra1:52.png"]
        assert [(Path(p.where).name, p.reason) for p in data.problems] == [
            ("50.png", f"left out: made from {held_out}.png, a validation photograph")
        ]


def test_bad_pictures_are_listed(tmp_path: Path) -> None:
    root = write(tmp_path / "data")
    (root / "0.png").write_bytes(b"no picture")
    shutil.copy(root / "1.png", root / "2.png")
    data = load(root)
    assert len(data.samples) == 6
    reasons = {Path(p.where).name: p.reason for p in data.problems}
    assert reasons["0.png"] == "not a picture in a known format"
    assert reasons["2.png"] == f"a copy of {root / '1.png'}"
    for i in range(8):
        (root / f"{i}.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"no photograph of .*; the first of 8: the file is empty"):
        load(root)

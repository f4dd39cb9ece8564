"""From files to checked and split crops: what is held out, and what the run folder tells."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plates import groups as near_texts
from plates.reader import groups as grouping
from plates.reader import labelled
from plates.reader.config import Config
from plates.reader.labelled import Labelled
from plates.reader.records import Crop
from triptych import split
from triptych.stage import Stage


def settings(data: Path, **options: Any) -> Config:
    return Config(data, **{"stages": (Stage(size="32x96"),), "max_length": 5, **options})


def load(data: Path, **options: Any) -> Labelled:
    return labelled.load(settings(data, **options), workers=2)


def texts(data: Labelled, positions: np.ndarray) -> set[str]:
    return {data.records[i].text for i in positions}


def test_a_clean_folder(crops_dir: Path) -> None:
    data = load(crops_dir)
    assert (len(data.training), len(data.validation)) == (17, 3)
    assert data.problems == []
    assert data.labels.dtype == np.int32
    # Of 0-9A-Z: A is the 11th character and so class 11, 2 is class 3, C is 13, 1 is 2.
    assert data.records[0].text == "A2C1"
    assert data.labels[0].tolist() == [11, 3, 13, 2, 0]
    assert data.crops[0].shape == (32, 96, 3)
    assert "17 training and 3 validation crops, 0 remarks in data.csv" in data.summary


def test_crops_of_one_text_are_on_one_side(make_crops: Any, tmp_path: Path) -> None:
    root = make_crops(tmp_path / "data", ["A2C1", "B1A3", "C3B2", "1AB2", "2CA3"] * 4)
    for seed in range(3):
        data = load(root, split_seed=seed, val_fraction=0.2)
        assert len(texts(data, data.validation)) == 1
        assert not texts(data, data.training) & texts(data, data.validation)
        assert len(data.validation) == 4
    sides = [load(root, fold=i, folds=5).validation for i in range(5)]
    assert sorted(np.concatenate(sides)) == list(range(20))


def test_extras_are_for_training_only(make_crops: Any, crops_dir: Path, tmp_path: Path) -> None:
    before = load(crops_dir)
    held_out = texts(before, before.validation)
    extra = make_crops(tmp_path / "extra", [*held_out, "333", "AAA"], first=500)
    data = load(crops_dir, extra=(extra,))
    assert texts(data, data.validation) == held_out
    assert texts(data, data.training) == texts(before, before.training) | {"333", "AAA"}
    assert [p.reason for p in data.problems] == [
        "3 are left out: their texts or pictures are near validation crops'"
    ]
    labelled.write(data, settings(crops_dir), tmp_path)
    sides = split.read(tmp_path)
    assert [sides[f"extra1:crops/{i}.png",] for i in (500, 503)] == ["left out", "training"]


@pytest.mark.parametrize("cut", ["homography", "box"])
def test_plates_are_cut_from_photographs(
    cut: Any, make_photographs: Any, draw_plate: Any, tmp_path: Path
) -> None:
    root = make_photographs(tmp_path / "data", [["A2C1", "B1A3"], ["C3B2"]])
    kept = load(root, cut=cut, margin=0.0, val_fraction=0.34)
    assert [crop.name for crop in kept.records] == [
        *("train/0.png#0", "train/0.png#1", "train/1.png#0"),
    ]
    again = load(root, cut=cut, margin=0.0, val_fraction=0.34, cache_mb=0)
    for position, (text, seed) in enumerate((("A2C1", 0), ("B1A3", 1), ("C3B2", 100))):
        assert kept.crops[position].shape == (32, 96, 3)
        off = np.abs(kept.crops[position].astype(int) - draw_plate(text, seed))
        assert off.max() <= 1
        np.testing.assert_array_equal(again.crops[position], kept.crops[position])
    wide = load(root, cut=cut, margin=0.25, val_fraction=0.34)
    assert abs(wide.crops[0].shape[1] - 1.5 * 96) < 2
    assert abs(wide.crops[0].shape[0] - 1.5 * 32) < 2


def test_what_the_run_folder_tells(crops_dir: Path, tmp_path: Path) -> None:
    data = load(crops_dir, alphabet="ABC123", cyrillic=False)
    labelled.write(data, settings(crops_dir, alphabet="ABC123", cyrillic=False), tmp_path)
    known = json.loads((tmp_path / "reader.json").read_text())
    assert (known["alphabet"], known["max_length"], known["cyrillic"]) == ("ABC123", 5, False)
    assert (known["size"], known["columns"]) == ([32, 96], 24)
    assert sum(known["characters"].values()) == 4 * len(data.training)
    assert known["lengths"] == {"4": len(data.training)}
    with (tmp_path / "split.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [f"crops/{i}.png" for i in range(20)]
    assert [row["side"] for row in rows].count("validation") == 3
    labelled.require_same(data, tmp_path)


def test_another_text_is_other_data(make_crops: Any, tmp_path: Path) -> None:
    root = make_crops(tmp_path / "data")
    (tmp_path / "run").mkdir()
    labelled.write(load(root), settings(root), tmp_path / "run")
    table = root / "train_recognition.json"
    table.write_text(table.read_text().replace('"B1A3"', '"B1A2"'))
    with pytest.raises(ValueError, match=r"begun with other data: crops/1\.png has changed$"):
        labelled.require_same(load(root), tmp_path / "run")


def test_copies_are_left_out(make_crops: Any, tmp_path: Path) -> None:
    root = make_crops(tmp_path / "data")
    rows = json.loads((root / "train_recognition.json").read_text())
    for source, text in ((0, rows[0]["text"]), (1, "33")):
        shutil.copy(root / "crops" / f"{source}.png", root / "crops" / f"{source}copy.png")
        rows.append({"file": f"crops/{source}copy.png", "text": text})
    (root / "train_recognition.json").write_text(json.dumps(rows))
    remarks = {Path(p.where).name: p.reason for p in load(root).problems}
    assert remarks == {
        "0copy.png": f"a copy of {root / 'crops' / '0.png'}",
        "1.png": f"the same picture as {root / 'crops' / '1copy.png'}, which has another label",
        "1copy.png": f"the same picture as {root / 'crops' / '1.png'}, which has another label",
    }


def test_extras_near_validation_crops_are_left_out(make_crops: Any, tmp_path: Path) -> None:
    """By a text two characters apart, or by the picture; who else is near makes no difference."""
    words = ["AAAA111", "BBBB222", "CCCC333", "1A2B3C1", "C3B2A1C", "2222AAA", "31B31B3"]
    root = make_crops(tmp_path / "data", words)
    before = load(root, max_length=7)
    (held_out,) = texts(before, before.validation)
    (number,) = before.validation
    # Many numbers that hang together, which the plates of the data do not.
    series = [f"ABC{number:04}" for number in range(1111, 1161)]
    extra = make_crops(tmp_path / "extra", ["333" + held_out[3:5] + "12", "X" + held_out, *series])
    rows = json.loads((extra / "train_recognition.json").read_text())
    with Image.open(root / "crops" / f"{number}.png") as picture:
        picture.point(lambda value: 0.8 * value + 20).save(extra / "crops" / "same.png")
    rows.append({"file": "crops/same.png", "text": "C"})
    (extra / "train_recognition.json").write_text(json.dumps(rows))
    data = load(root, extra=(extra,), max_length=8)
    assert texts(data, data.validation) == {held_out}
    away = set(range(len(data.records))) - {*data.training, *data.validation}
    assert {data.records[i].name for i in away} == {
        "extra1:crops/1.png",
        "extra1:crops/same.png",
    }


def test_extras_take_nothing_from_the_data(make_crops: Any, tmp_path: Path) -> None:
    """The same pictures under other labels, and under the same ones, are no loss to the data."""
    root, extra = make_crops(tmp_path / "data"), tmp_path / "extra"
    shutil.copytree(root, extra)
    table = extra / "train_recognition.json"
    table.write_text(table.read_text().replace('"B1A3"', '"33"'))
    data = load(root, extra=(extra,))
    assert [crop.name for crop in data.records] == [f"crops/{i}.png" for i in range(20)]
    remarks = [p.reason for p in data.problems]
    assert remarks == [
        f"the same picture as {root / 'crops' / f'{i}.png'}, which is in the data"
        for i in range(20)
    ]


def test_a_source_is_unfit_by_itself() -> None:
    """Two of 100 labels are more than 1 %, whatever stands beside them; one is not."""
    crops = [Crop(Path(f"{i}.png"), f"{i}.png", "A1", None) for i in range(100)]
    more = [replace(c, name=f"extra1:{c.name}", extra=True) for c in crops * 10]
    bad = [replace(crops[0], text="\u0416")] * 2
    config = settings(Path("d"))
    kept, problems = labelled.fitting([*crops[:99], *bad[:1], *more], config)
    assert (len(kept), len(problems)) == (1099, 1)
    with pytest.raises(ValueError, match="2 of 100 labels are outside the alphabet, more than 1%"):
        labelled.fitting([*crops[:98], *bad, *more], config)
    bad = [replace(more[0], text="\u0416")] * 2
    with pytest.raises(ValueError, match="2 of 100 labels of extra1 are outside the alphabet"):
        labelled.fitting([*crops * 10, *more[:98], *bad], config)


def test_what_is_not_compared_is_told(crops_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (labelled, grouping, near_texts):
        monkeypatch.setattr(module, "MOST_PAIRED", 10)
    (remark,) = load(crops_dir).problems
    assert remark.reason == (
        "equal pictures and texts two characters apart were not looked for among 20 crops"
    )


def test_a_digest_is_what_the_split_has(crops_dir: Path, tmp_path: Path) -> None:
    data = load(crops_dir)
    assert [labelled.digest(crop) for crop in data.records] == data.digests
    assert labelled.digest(replace(data.records[0], path=tmp_path / "gone.png")) == ""


def test_grammar(crops_dir: Path) -> None:
    assert load(crops_dir, grammar="????").problems == []
    (remark,) = load(crops_dir, grammar="LDLD,DLLD").problems
    assert remark.where == "grammar"
    assert "of 20 texts" in remark.reason

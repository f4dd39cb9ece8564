"""Everything that is wrong with plates: one folder trained on, and one clear error each."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plates.reader import labelled
from plates.reader.config import Config
from plates.reader.records import Crop
from triptych.stage import Stage

TINY: dict[str, Any] = {"stages": (Stage(epochs=1, size="32x96", batch=8),), "max_length": 8}


def add(root: Path, rows: list[tuple[str, Any, np.ndarray | bytes | None]]) -> None:
    """Rows more of train_recognition.json: file name, text (None: no such key), picture."""
    table = root / "train_recognition.json"
    entries = json.loads(table.read_text())
    for name, text, picture in rows:
        entries.append({"file": f"crops/{name}"} | ({} if text is None else {"text": text}))
        if isinstance(picture, bytes):
            (root / "crops" / name).write_bytes(picture)
        elif picture is not None:
            Image.fromarray(picture).save(root / "crops" / name)
    table.write_text(json.dumps(entries))


def test_a_folder_of_bad_crops(make_crops: Any, draw_plate: Any, tmp_path: Path) -> None:
    # So many good ones that one bad label of each kind is less than a hundredth.
    good = [f"{a}{b}{c}" for a in "ABCDE" for b in "12345" for c in "KLMNPR"]
    root = make_crops(tmp_path / "data", good)
    whole = (root / "crops" / "0.png").read_bytes()
    add(
        root,
        [
            ("empty.png", "", draw_plate("", 900)),
            ("big.jpg", "A1KL", draw_plate("A1KL", 901, 1000, 5000)),
            ("low.png", "B2MN", draw_plate("B2MN", 902, 10, 30)),
            ("strange.png", "AÖ1", draw_plate("AO1", 903)),
            ("long.png", "123456789", draw_plate("1234", 904)),
            ("one.png", "C3", draw_plate("C3", 905, 1, 1)),
            ("cut.png", "D4", whole[: len(whole) // 2]),
            ("html.jpg", "E5", b"<html>404</html>"),
            ("gone.png", "A5", None),
            ("silent.png", None, draw_plate("A", 906)),
        ],
    )
    data = labelled.load(Config(root, **TINY), 2)
    used = {Path(crop.name).name: i for i, crop in enumerate(data.records)}
    assert set(used) == {f"{i}.png" for i in range(150)} | {"empty.png", "big.jpg", "low.png"}
    assert data.labels[used["empty.png"]].tolist() == [0] * 8
    # Shrunk as far as it still covers twice the model's 32 x 96; the small one is as it is.
    assert data.crops[used["big.jpg"]].shape == (64, 320, 3)
    assert data.crops[used["low.png"]].shape == (10, 30, 3)
    remarks = {
        Path(p.where.split(",")[0]).name: p.reason for p in data.problems if "crops" in p.where
    }
    assert remarks["strange.png"] == "AÖ1 has Ö, outside the alphabet"
    assert remarks["long.png"] == "123456789 has 9 characters, more than --max-length 8"
    assert "a crop of 1 x 1 pixels holds no text" in remarks["one.png"]
    assert "damaged (" in remarks["cut.png"]
    assert "not a picture in a known format" in remarks["html.jpg"]
    assert remarks["low.png"] == "only 30 x 10 pixels"
    others = " ".join(p.reason for p in data.problems)
    assert "no picture crops/gone.png" in others
    assert "crops/silent.png has no `text`" in others
    assert ", 1 without a plate," in data.summary


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "AЖ1",
            {},
            r"1 of 21 labels are outside the alphabet, more than 1%; .*crops/bad\.png: AЖ1 has Ж",
        ),
        (
            "A23456789",
            {},
            r"1 of 21 labels are too long, more than 1%; the first: .*has 9 characters",
        ),
        (
            "77777777",
            {"lines": 1, "strides": (8, 8)},
            r"bad\.png: 77777777 needs 15 columns, the narrowest pictures have 12",
        ),
    ],
)
def test_more_than_a_hundredth_of_the_labels(
    text: str,
    options: dict[str, Any],
    message: str,
    make_crops: Any,
    draw_plate: Any,
    tmp_path: Path,
) -> None:
    root = make_crops(tmp_path / "data")
    add(root, [("bad.png", text, draw_plate("A", 900))])
    with pytest.raises(ValueError, match=message):
        labelled.load(Config(root, **TINY, **options), 1)


def test_the_narrowest_stage_counts() -> None:
    crops = [Crop(Path(f"{i}.png"), f"{i}.png", "A1", None) for i in range(200)]
    crops.append(Crop(Path("x.png"), "x.png", "1" * 8, None))
    stages = (Stage(size="32x48"), Stage(size="32x96"))
    config = Config(Path("d"), stages=stages, lines=1, strides=(8, 4))
    kept, problems = labelled.fitting(crops, config)
    assert len(kept) == 200
    assert [p.reason for p in problems] == [
        "11111111 needs 15 columns, the narrowest pictures have 12"
    ]


def test_polygons(make_photographs: Any, draw_plate: Any, tmp_path: Path) -> None:
    """Either winding, any first corner, crossing sides: the same crop; bad ones are listed."""
    root = make_photographs(tmp_path / "data", [["A2C1"]] * 8)
    rows = json.loads((root / "train.json").read_text())
    a, b, c, d = rows[0]["nums"][0]["box"]
    far = [[x + 500, y] for x, y in (a, b, c, d)]
    boxes = [
        *((a, b, c, d), (d, c, b, a), (c, d, a, b), (a, c, b, d)),
        *([a, b, b, a], [a, a, a, a], far, [a, b, c]),
    ]
    for row, box in zip(rows, boxes, strict=True):
        row["nums"][0]["box"] = box
    (root / "train.json").write_text(json.dumps(rows))
    data = labelled.load(Config(root, margin=0.0, val_fraction=0, monitor="loss", **TINY), 1)
    assert [crop.name for crop in data.records] == [f"train/{i}.png#0" for i in range(4)]
    for i in range(4):
        off = np.abs(data.crops[i].astype(int) - draw_plate("A2C1", 100 * i))
        assert off.max() <= 1
    listed = " ".join(f"{p.where} {p.reason}" for p in data.problems)
    for number in range(4, 8):
        assert f"train/{number}.png" in listed


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("no folder", "no such file|no plates in|cannot be read"),
        ("empty folder", "no plates in .*data"),
        ("cut off", r"train_recognition\.json is damaged or cut off"),
        ("no rows", r"no plate of .*train_recognition\.json can be used"),
        ("nothing readable", r"no crop of .* can be used; the first of 20: .*the file is empty"),
        ("one text", "no crop of .* is left for"),
        ("grammar", "none of 20 texts fits the grammar"),
        ("bad grammar", "is no pattern of a plate"),
    ],
)
def test_one_clear_error(case: str, message: str, make_crops: Any, tmp_path: Path) -> None:
    root = tmp_path / "data"
    options: dict[str, Any] = {}
    if case == "empty folder":
        root.mkdir()
    elif case == "one text":
        make_crops(root, ["A1"] * 3)
    elif case != "no folder":
        make_crops(root)
    table = root / "train_recognition.json"
    if case == "cut off":
        table.write_text(table.read_text()[:200])
    elif case == "no rows":
        table.write_text("[]")
    elif case == "nothing readable":
        for path in (root / "crops").iterdir():
            path.write_bytes(b"")
    elif "grammar" in case:
        options["grammar"] = "LDDDLL" if case == "grammar" else "L[DD"
    with pytest.raises(ValueError, match=message):
        labelled.load(Config(root, **TINY, **options), 1)

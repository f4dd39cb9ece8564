"""Data of every layout -> crops; what is listed; who stands with whom in a split."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates import groups as near_texts
from plates.reader import groups as grouping
from plates.reader.groups import beside
from plates.reader.records import Crop, Problem, groups, read
from triptych import lookalikes

BOX = [[10, 20], [60, 20], [60, 40], [10, 40]]
QUAD = tuple((float(x), float(y)) for x, y in BOX)


def pictures(root: Path, *names: str) -> Path:
    """Empty files: `read` opens no picture."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def write(root: Path, rows: list[object], name: str = "train_recognition.json") -> Path:
    (root / name).write_text(json.dumps(rows))
    return root / name


def test_crops(tmp_path: Path) -> None:
    pictures(tmp_path, "crops/0.jpg", "crops/1.jpg", "crops/2.jpg", "train/0.jpg")
    rows: list[object] = [
        {"file": "crops/0.jpg", "text": "\u0430 123-\u0412\u0421", "country": "ru", "rows": 2},
        {"file": "crops/1.jpg", "text": ""},
        {"file": "crops/2.jpg", "text": "77", "country": None, "rows": "two"},
    ]
    file = write(tmp_path, rows)
    write(tmp_path, [{"file": "train/0.jpg", "nums": [{"box": BOX, "text": "X"}]}], "train.json")
    for path in (tmp_path, file):
        crops, problems = read(path)
        assert problems == []
        assert crops == [
            Crop(tmp_path / "crops/0.jpg", "crops/0.jpg", "A123BC", None, "ru", 2),
            Crop(tmp_path / "crops/1.jpg", "crops/1.jpg", "", None),
            Crop(tmp_path / "crops/2.jpg", "crops/2.jpg", "77", None),
        ]
    assert read(file, cyrillic=False)[0][0].text == "\u0410123\u0412\u0421"


def test_plates_of_photographs(tmp_path: Path) -> None:
    pictures(tmp_path, "train/0.jpg", "train/1.jpg")
    nums: list[object] = [
        {"box": BOX, "text": "a 1"},
        {"box": [[1, 1]] * 4, "text": "B"},
        {"box": BOX},
        {"box": BOX[::-1], "text": "C"},
    ]
    rows: list[object] = [
        {"file": "train/0.jpg", "nums": nums},
        {"file": "train/1.jpg", "nums": [{"box": BOX, "text": " - "}]},
    ]
    file = write(tmp_path, rows, "train.json")
    crops, problems = read(tmp_path)
    path = tmp_path / "train/0.jpg"
    # Numbered as `plates.records` has them.
    assert crops == [
        Crop(path, "train/0.jpg#0", "A1", QUAD),
        Crop(path, "train/0.jpg#2", "C", QUAD),
    ]
    assert problems == [
        Problem(f"{file}, row 1 (train/0.jpg), box 2", "left out: a side is 0 pixels long"),
        Problem(f"{file}, train/0.jpg#1", "no text, as for 2 of 4 plates"),
    ]


def test_csv(tmp_path: Path) -> None:
    pictures(tmp_path, "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    file = tmp_path / "train.csv"
    file.write_text(
        "image_path,plate_text,plate_region\na.jpg,AB 12,Brazil\nb.jpg,\n,X\n\n"
        "c.jpg,X,Y,Z\nd.jpg,--\ngone.jpg,A\nd.jpg,\u041e1\n",
        encoding="utf-8-sig",
    )
    crops, problems = read(file)
    assert crops == [
        Crop(tmp_path / "a.jpg", "a.jpg", "AB12", None, "Brazil"),
        Crop(tmp_path / "d.jpg", "d.jpg", "O1", None),
    ]
    assert [(p.where.split(", ")[-1], p.reason) for p in problems] == [
        ("row 3", "must be a picture and its text; received: ['b.jpg', '']"),
        ("row 4", "must be a picture and its text; received: ['', 'X']"),
        ("row 6", "must be a picture and its text; received: ['c.jpg', 'X', 'Y', ['Z']]"),
        ("row 7", "no character in '--'"),
        ("row 8", f"no picture gone.jpg in {tmp_path}"),
    ]
    file.write_text("path,text\na.jpg,A\n")
    with pytest.raises(ValueError, match=r"no column image_path, plate_text; it has: path, text"):
        read(file)
    file.write_bytes(b"image_path,plate_text\n\xff,A")
    with pytest.raises(ValueError, match=r"train\.csv cannot be read as a csv"):
        read(file)


def test_rows_that_cannot_be_used(tmp_path: Path) -> None:
    pictures(tmp_path, *"abcdef")
    rows: list[object] = [
        {"file": "a", "text": "A1"},
        {"file": "a", "text": "a-1"},
        {"file": "b", "text": "B"},
        {"file": "b", "text": "C"},
        {"file": "c"},
        {"file": "d", "text": 12},
        {"text": "E"},
        {"file": "gone", "text": "E"},
        {"file": "f", "text": "."},
    ]
    file = write(tmp_path, rows)
    crops, problems = read(file)
    assert [crop.name for crop in crops] == ["a"]
    several = "b stands there with several texts: B, C"
    missing = 'has no `text`; where no plate is, it is ""'
    assert {p.where.removeprefix(f"{file}, row "): p.reason for p in problems} == {
        "2": f"a stands there twice, first in {file}, row 1",
        "3": several,
        "4": several,
        "5": f"c {missing}",
        "6": f"d {missing}",
        "7": "must have a `file`; received: {'text': 'E'}",
        "8": f"no picture gone in {tmp_path}",
        "9": "no character in '.'",
    }
    write(tmp_path, rows[4:])
    with pytest.raises(ValueError, match=r"no plate of .* can be used; the first of 5: .*row 1: c"):
        read(file)
    write(tmp_path, [])
    with pytest.raises(ValueError, match=r"no plate of .*train_recognition\.json can be used$"):
        read(file)
    file.write_text("[{")
    with pytest.raises(ValueError, match=r"train_recognition\.json is damaged or cut off"):
        read(file)


def test_extras(tmp_path: Path) -> None:
    main, more = pictures(tmp_path / "main", "0.jpg", "1.jpg"), pictures(tmp_path / "more", "0.jpg")
    write(main, [{"file": "0.jpg", "text": "A"}])
    write(more, [{"file": "0.jpg", "text": "B"}])
    again = write(main, [{"file": f"{i}.jpg", "text": "A"} for i in range(2)], "again.json")
    crops, problems = read(main, [more, again])
    assert [(c.name, c.text, c.extra) for c in crops] == [
        ("0.jpg", "A", False),
        ("extra1:0.jpg", "B", True),
        ("extra2:1.jpg", "A", True),
    ]
    assert problems == [Problem(f"{again}, 0.jpg", "is in the data before it")]
    with pytest.raises(ValueError, match=r"no plates in .*; expected train_recognition\.json or "):
        read(main, [tmp_path])


def same(texts: str, thumbnails: np.ndarray | None = None) -> list[list[str]]:
    """The groups of several texts, as lists of them; _ stands for no text."""
    words = ["" if word == "_" else word for word in texts.split()]
    numbers = groups(words, thumbnails)
    return [
        [w or "_" for w, n in zip(words, numbers, strict=True) if n == g]
        for g in dict.fromkeys(numbers.tolist())
    ]


def test_near_texts_are_together() -> None:
    assert same("AB1 AB2 AB1 X") == [["AB1", "AB1"], ["AB2"], ["X"]]
    assert same("AB123 AB128 AB1 AB12 XYZ99") == [["AB123", "AB128"], ["AB1"], ["AB12"], ["XYZ99"]]
    assert same("AB123 AB1234 B1234 ZZ") == [["AB123", "AB1234", "B1234"], ["ZZ"]]
    assert same("AB1234 AB1299 HOO2821 HQR2821 HQR282") == [
        ["AB1234"],
        ["AB1299"],
        ["HOO2821", "HQR2821", "HQR282"],
    ]
    assert same("_ _ A") == [["_"], ["_"], ["A"]]
    assert groups([]).tolist() == []


def test_equal_pictures_are_together() -> None:
    shots = np.random.default_rng(0).integers(40, 200, (6, 16, 16)).astype(np.uint8)
    shots[1] = shots[0] // 2 + 30
    shots[3] = shots[2]
    shots[4:] = 90
    assert same("A B _ _ C D", shots) == [["A", "B"], ["_", "_"], ["C"], ["D"]]
    with pytest.raises(ValueError, match="`thumbnails` must be 2; received: 6"):
        groups(["A", "B"], shots)


def test_crowded_numbers_do_not_hang_together() -> None:
    """All numbers of a series are one group by any near-equality, so equality alone remains."""
    series = [f"59A{number:05}" for number in range(3000)]
    assert len(set(groups([*series, *series]))) == 3000
    spread = [f"59A{number:05}" for number in range(0, 100_000, 1013)]
    assert len(set(groups(spread))) > 80


def shots_of(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 16)).astype(np.uint8)


@settings(max_examples=60)
@given(st.lists(st.text("AB1", max_size=9), min_size=2, max_size=8))
def test_beside_is_near_as_groups_have_it(words: list[str]) -> None:
    """Whoever would share a group with the first text, if both stood alone, is beside it."""
    away, *others = words
    shots = shots_of(len(words), 0)
    near, whole = beside(others, shots[1:], [away], np.array([0]), shots[:1])
    assert whole
    assert near.tolist() == [len(set(groups([away, word]))) == 1 for word in others]


def test_who_is_beside_crowded_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Near is as near as among the main crops; an equal picture counts, in any block."""
    series = [f"59A{number:05}" for number in range(1000)]
    main = shots_of(1000, 1)
    texts = ["59A00007", "59A0000X", "", "", "Z"]
    shots = shots_of(5, 2)
    shots[3] = main[7] // 2 + 30
    shots[4] = main[8]  # not held out
    held_out = np.array([5, 7])
    want = [True, False, False, True, False]
    for block in (1, 3, 2048):
        for module in (near_texts, lookalikes):
            monkeypatch.setattr(module, "_BLOCK", block)
        near, whole = beside(texts, shots, series, held_out, main)
        assert (near.tolist(), whole) == (want, True)
    near, whole = beside(texts, shots, series, held_out[:0], main)
    assert (near.tolist(), whole) == ([False] * 5, True)
    monkeypatch.setattr(grouping, "MOST_PAIRED", 3)  # 10 pairs are more than 9
    near, whole = beside(texts, shots, series, held_out, main)
    assert (near.tolist(), whole) == ([True, False, False, False, False], False)

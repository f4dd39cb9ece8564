"""The contest's json: what is read, put in order, listed, or an error."""

import json
from pathlib import Path

import pytest

from plates.records import Photograph, Plate, Problem, read

BOX = [[10, 20], [60, 20], [60, 40], [10, 40]]
QUAD = tuple((float(x), float(y)) for x, y in BOX)


def write(root: Path, rows: object, name: str = "train.json") -> Path:
    """A json, and an empty picture for each of its rows that names one: `read` opens none."""
    (root / "train").mkdir(parents=True, exist_ok=True)
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and str(row.get("file")).endswith(".jpg"):
            (root / row["file"]).touch()
    (root / name).write_text(json.dumps(rows))
    return root / name


def photo(number: int, *nums: object) -> dict[str, object]:
    return {"file": f"train/{number}.jpg", "nums": list(nums)}


def test_contest(tmp_path: Path) -> None:
    rows = [
        photo(0, {"box": BOX, "text": "a 123 bc"}, {"box": BOX[2:] + BOX[:2]}),
        photo(1, {"box": BOX[::-1], "text": None, "source": "x"}),
        photo(2),
    ]
    file = write(tmp_path, rows)
    for path in (tmp_path, file):
        photographs, problems = read(path)
        assert photographs == [
            Photograph(
                tmp_path / "train/0.jpg",
                "train/0.jpg",
                (Plate(QUAD, "a 123 bc"), Plate(QUAD, None)),
            ),
            Photograph(tmp_path / "train/1.jpg", "train/1.jpg", (Plate(QUAD, None),)),
            Photograph(tmp_path / "train/2.jpg", "train/2.jpg", ()),
        ]
        assert problems == []
    other = write(tmp_path, rows, "boxes_only.json")
    assert read(other)[0] == photographs


def test_bad_rows_are_listed(tmp_path: Path) -> None:
    rows = [
        photo(0),
        "train/1.jpg",
        {"file": "train/2.jpg"},
        {"nums": []},
        photo(0, {"box": BOX}),
        photo(5),
    ]
    file = write(tmp_path, rows)
    (tmp_path / "train/5.jpg").unlink()
    photographs, problems = read(file)
    assert [p.name for p in photographs] == ["train/0.jpg"]
    assert problems == [
        Problem(f"{file}, row 2", "must have a `file`; received: 'train/1.jpg'"),
        Problem(f"{file}, row 3", "train/2.jpg has no list `nums`"),
        Problem(f"{file}, row 4", "must have a `file`; received: {'nums': []}"),
        Problem(f"{file}, row 5", "train/0.jpg stands there twice, first in row 1"),
        Problem(f"{file}, row 6", f"no picture train/5.jpg in {tmp_path}"),
    ]


def test_bad_boxes_are_listed(tmp_path: Path) -> None:
    crossed = [BOX[0], BOX[2], BOX[1], BOX[3]]
    reasons = {
        "": {"box": [[-5, -5], [3e4, -5], [3e4, 40], [-5, 40]]},  # no picture is opened
        "its sides cross; its corners were put in order": {"box": crossed, "text": "A"},
        "left out: a side is 0 pixels long": {"box": [[1, 1]] * 4},
        "left out: a corner is not finite": {"box": [[float("nan"), 1], *BOX[1:]]},
        "left out: it is not convex": {"box": [[0, 0], [40, 0], [10, 5], [0, 40]]},
        "must have a `box`; received: {'text': 'A'}": {"text": "A"},
        "must have a `box`; received: 3": 3,
        "a box must be four points x, y; received: [[10, 20], [60, 20]]": {"box": BOX[:2]},
        "`text` must be a string; received: 12": {"box": BOX, "text": 12},
    }
    file = write(tmp_path, [photo(7, *reasons.values())])
    (photograph,), problems = read(file)
    assert photograph.plates[1:] == (Plate(QUAD, "A"), Plate(QUAD, None))
    where = f"{file}, row 1 (train/7.jpg), box"
    assert problems == [Problem(f"{where} {i}", r) for i, r in enumerate(reasons, 1) if r]


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"train\.json cannot be read \(No such file"):
        read(tmp_path)
    file = write(tmp_path, {"file": 1})
    with pytest.raises(ValueError, match=r"train\.json must hold a list; received: dict"):
        read(file)
    file.write_bytes(b"[\xff]")
    with pytest.raises(ValueError, match=r"train\.json cannot be read as json: .*utf-8"):
        read(file)
    write(tmp_path, [{"file": "gone.png", "nums": []}])
    with pytest.raises(ValueError, match=r"no photograph of .*; the first of 1: .*row 1: no pict"):
        read(file)
    write(tmp_path, [])
    with pytest.raises(ValueError, match=r"no photograph of .*train\.json can be used$"):
        read(file)


def test_cut_off_anywhere(tmp_path: Path) -> None:
    file = write(tmp_path, [photo(0, {"box": BOX, "text": "A"})])
    whole = file.read_text()
    for end in range(len(whole)):
        file.write_text(whole[:end])
        with pytest.raises(ValueError, match=r"train\.json is damaged or cut off: .* line 1, col"):
            read(file)

"""The detector's data of every layout: what is read, moved by half a pixel, listed, or an error."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plates.detector.records import Problem, Sample, read, weighted

BOX = [[10, 20], [60, 20], [60, 40], [10, 40]]
QUAD = ((10.0, 20.0), (60.0, 20.0), (60.0, 40.0), (10.0, 40.0))


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def picture(path: Path, width: int, height: int, orientation: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (width, height)).save(path, exif=exif)


def coco(root: Path, annotations: list[Any], **more: Any) -> Path:
    """A json of pictures 1.jpg (id 1) and 2.jpg (id 2), which are there and empty."""
    touch(root, "1.jpg", "2.jpg")
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 9, "height": 9} for i in (1, 2)]
    file = root / "coco.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations, **more}))
    return file


def test_contest(tmp_path: Path) -> None:
    touch(tmp_path, "0.jpg", "1.jpg")
    first = {"file": "0.jpg", "source": "x", "nums": [{"box": BOX, "text": "a 1"}, {"box": BOX}]}
    rows = [first, {"file": "1.jpg", "nums": []}, {"file": "2.jpg", "nums": []}]
    file = tmp_path / "train.json"
    file.write_text(json.dumps(rows))
    for path in (tmp_path, file):
        samples, problems = read(path)
        assert samples == [
            Sample(tmp_path / "0.jpg", "0.jpg", (QUAD, QUAD), ("a 1", ""), "x"),
            Sample(tmp_path / "1.jpg", "1.jpg", (), ()),
        ]
        assert problems == [Problem(f"{file}, row 3", f"no picture 2.jpg in {tmp_path}")]


def test_coco(tmp_path: Path) -> None:
    """COCO counts from the edge of the first pixel: its 10.5 is the middle of our pixel 10."""
    leaning = [10, 20, 60, 25, 58, 45, 8, 40]
    # The same with a fifth corner on its lower side, and its first point repeated at its end.
    more = [10, 20, 60, 25, 58, 45, 33, 42.5, 8, 40, 10, 20]
    rows: list[Any] = [
        {"image_id": 1, "bbox": [10.5, 20.5, 50, 20]},
        {"image_id": 1, "segmentation": [leaning], "bbox": [0, 0, 1, 1]},
        {"image_id": 1, "segmentation": [more]},
        {"image_id": 1, "segmentation": {"counts": "x", "size": [9, 9]}, "bbox": [1, 1, 8, 4]},
        {"image_id": 1, "segmentation": {"counts": "x", "size": [9, 9]}},
        {"image_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]]},
        {"image_id": 1, "bbox": [1, 1, 0, 4]},
        {"image_id": 9, "bbox": [1, 1, 8, 4]},
        7,
    ]
    file = coco(tmp_path, rows)
    (first, second), problems = read(file)
    slanted = ((9.5, 19.5), (59.5, 24.5), (57.5, 44.5), (7.5, 39.5))
    assert first.quads[:2] == (QUAD, slanted)
    np.testing.assert_allclose(first.quads[2], slanted)
    assert first.quads[3:] == (((0.5, 0.5), (8.5, 0.5), (8.5, 4.5), (0.5, 4.5)),)
    assert first.texts == ("",) * 4
    assert second == Sample(tmp_path / "2.jpg", "2.jpg", (), ())
    reasons = {p.where.removeprefix(f"{file}, "): p.reason for p in problems}
    wanted = "must have polygons as `segmentation`, or a `bbox`; received"
    assert reasons.pop("annotation 5 (1.jpg)").startswith(wanted)
    assert reasons == {
        "annotation 4 (1.jpg)": "an RLE mask is not read; its bbox is taken",
        "annotation 6 (1.jpg)": "left out: an outline must have four corners or more; received: 3",
        "annotation 7 (1.jpg)": "left out: a side is 0 pixels long",
        "annotation 8": "no image has the id 9",
        "annotation 9": "must have an `image_id`; received: 7",
    }
    assert len(problems) == 6


def test_coco_categories(tmp_path: Path) -> None:
    rows = [{"image_id": 1, "category_id": i, "bbox": [10.5, 20.5, 50, 20]} for i in (1, 2)]
    names = [{"id": 0, "name": "none"}, {"id": 1, "name": "car"}, {"id": 2, "name": "Plate"}]
    assert read(coco(tmp_path, rows, categories=names))[0][0].quads == (QUAD,)
    names[2]["name"] = "wheel"
    with pytest.raises(ValueError, match=r"with `plate` in its name.*; it has: car, wheel"):
        read(coco(tmp_path, rows, categories=names))
    assert len(read(coco(tmp_path, rows[:1], categories=names))[0][0].quads) == 1


def test_yolo(tmp_path: Path) -> None:
    """Shares of the upright picture, 100 x 50 pixels here, whatever way round it is stored."""
    picture(tmp_path / "images/a.jpg", 100, 50)
    picture(tmp_path / "images/b/c.jpg", 50, 100, orientation=6)
    picture(tmp_path / "images/none.jpg", 100, 50)
    labels = tmp_path / "labels"
    (labels / "b").mkdir(parents=True)
    (labels / "a.txt").write_text(
        "0 0.5 0.5 0.2 0.2\n\n0 0.1 0.1 0.5 0.2 0.5 0.6 0.1 0.5\n0 1 2\n0 30 20 10 10\n0 a b c d\n"
    )
    (labels / "b/c.txt").write_text("1 0.5 0.5 0.2 0.2")
    samples, problems = read(tmp_path)
    assert [s.name for s in samples] == ["images/a.jpg", "images/b/c.jpg", "images/none.jpg"]
    box = ((39.5, 19.5), (59.5, 19.5), (59.5, 29.5), (39.5, 29.5))
    np.testing.assert_allclose(samples[0].quads[0], box)
    np.testing.assert_allclose(
        samples[0].quads[1], [[9.5, 4.5], [49.5, 9.5], [49.5, 29.5], [9.5, 24.5]]
    )
    np.testing.assert_allclose(samples[1].quads, [box])
    assert samples[2].quads == ()
    file = labels / "a.txt"
    assert [(p.where, p.reason.partition(";")[0]) for p in problems[:3]] == [
        (f"{file}, row 4", "must be `class cx cy w h` or `class x1 y1 ... x4 y4`"),
        (f"{file}, row 5", "must be shares, 0..1, of the sides"),
        (f"{file}, row 6", "must be `class cx cy w h` or `class x1 y1 ... x4 y4`"),
    ]
    assert problems[3].reason.startswith("one of 1 of 3 pictures without a file of labels")
    assert problems[4].reason == "classes 0, 1 are all taken as plates"
    (tmp_path / "images/a.jpg").write_bytes(b"no picture")
    samples, problems = read(tmp_path)
    assert len(samples) == 2
    assert problems[0].reason.startswith(f"left out: {tmp_path / 'images/a.jpg'} cannot be read as")


def test_extras(tmp_path: Path) -> None:
    data = coco(tmp_path, [])
    touch(tmp_path / "more", "3.jpg")
    rows: list[Any] = [{"file": name, "nums": []} for name in ("3.jpg", "../2.jpg")]
    (tmp_path / "more/train.json").write_text(json.dumps(rows))
    samples, problems = read(data, [f"{tmp_path / 'more'}@0.5"])
    assert [(s.name, s.extra, s.weight) for s in samples] == [
        ("1.jpg", False, 1.0),
        ("2.jpg", False, 1.0),
        ("extra1:3.jpg", True, 0.5),
    ]
    assert problems == [Problem(f"{tmp_path / 'more'}, ../2.jpg", "is in the data before it")]


def test_weights(tmp_path: Path) -> None:
    assert weighted("a/b@2") == (Path("a/b"), 2.0)
    assert weighted("a@b/c") == (Path("a@b/c"), 1.0)
    assert weighted("a/b") == (Path("a/b"), 1.0)
    (tmp_path / "set@2").mkdir()
    assert weighted(f"{tmp_path}/set@2") == (tmp_path / "set@2", 1.0)
    for bad in ("a@0", "a@-1", "a@nan", "a@inf"):
        with pytest.raises(ValueError, match=f"`extra` must be PATH@WEIGHT.*received: extra={bad}"):
            weighted(bad)


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no photographs in .*; expected train\.json, "):
        read(tmp_path)
    with pytest.raises(ValueError, match=r"gone\.json cannot be read \(No such file"):
        read(tmp_path / "gone.json")
    file = coco(tmp_path, [])
    whole = file.read_text()
    file.write_text(whole[:-9])
    with pytest.raises(ValueError, match=r"coco\.json is damaged or cut off: .* line 1 column"):
        read(file)
    file.write_text('{"a": 1}')
    with pytest.raises(ValueError, match=r"coco\.json must be a list, as the contest's.*has: a"):
        read(file)
    file.write_text('{"images": [], "annotations": []}')
    with pytest.raises(ValueError, match=r"no photograph of .*coco\.json can be used$"):
        read(file)

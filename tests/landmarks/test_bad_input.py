"""One folder with everything that is wrong with landmark data, trained on; and errors."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from landmarks import labelled, records
from landmarks.config import Config
from landmarks.train import train
from triptych import command
from triptych.stage import Stage

STAGES = (Stage(epochs=1, size="32", batch=8),)
TINY: dict[str, Any] = {"backbone": "tiny", "weights": "none", "head": "dense", "stages": STAGES}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def spoil(root: Path, draw_face: Any) -> tuple[set[str], dict[str, str]]:
    """Add rows and pictures of every kind: names that must be used, and where -> remark."""
    images, table = root / "train" / "images", root / "train" / "landmarks.csv"
    text = table.read_text()
    line = text.count("\n")
    where: dict[str, str] = {}

    def add(name: str, seed: int, *, change: Any = None, save: Any = None, **options: Any) -> str:
        nonlocal text, line
        image, points = draw_face(seed, **options)
        cells = [name, *map(str, points.ravel())]
        text += "\t".join(change(cells) if change else cells) + "\n"
        line += 1
        if save is None:
            image.save(images / name)
        else:
            save(image, images / name)
        return f"{table}, row {line}"

    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    turn = Image.Transpose.ROTATE_90
    add("grey.png", 101, save=lambda image, path: image.convert("L").save(path))
    add("turned.jpg", 102, save=lambda im, path: im.transpose(turn).save(path, exif=exif))
    add("small.png", 103, side=28)
    used = {"grey.png", "turned.jpg", "small.png"}
    where[str(images / "small.png")] = "only 36 x 28 pixels"

    where[add("few.png", 104, change=lambda c: c[:-1])] = "10 columns instead of 11"
    where[add("many.png", 105, change=lambda c: [*c, "1"])] = "12 columns instead of 11"
    where[add("word.png", 106, change=lambda c: [*c[:4], "left", *c[5:]])] = "'left'"
    where[add("nan.png", 107, change=lambda c: [*c[:4], "nan", *c[5:]])] = "'nan'"
    where[add("again.png", 108, change=lambda c: ["0.png", *c[1:]])] = "0.png stands there twice"
    where[add("gone.png", 109, save=lambda *_: None)] = "no picture gone.png"
    add("far.png", 110, change=lambda c: [*c[:3], "400", *c[4:]])
    where[str(images / "far.png")] = "point 1 at 400, "
    add("cut.png", 111)
    (images / "cut.png").write_bytes((images / "cut.png").read_bytes()[:300])
    where[str(images / "cut.png")] = "damaged ("
    add("text.jpg", 112, save=lambda _, path: path.write_text("<html>404</html>"))
    where[str(images / "text.jpg")] = "not a picture in a known format"
    table.write_text(text)
    return used, where


def test_training_on_a_folder_of_bad_data(
    make_faces: Any, draw_face: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_faces(tmp_path / "data")
    used, where = spoil(root, draw_face)
    folder = train(Config(root, "bad", runs=tmp_path, cache_mb=0, **TINY))
    remarks = {row["where"]: row["remark"] for row in rows_of(folder / "data.csv")}
    # Pictures of rows that were left out have no row any more.
    unnamed = [w for w, reason in remarks.items() if reason.endswith("pictures that no row names")]
    assert len(unnamed) == 1
    assert set(remarks) - set(unnamed) == set(where)
    for key, reason in where.items():
        assert reason in remarks[key]
    split = {row["file_name"]: row["side"] for row in rows_of(folder / "split.csv")}
    assert set(split) == {f"{i}.png" for i in range(20)} | used
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["pictures"] == sum(side == "validation" for side in split.values())
    assert np.isfinite(metrics["mse"])
    assert f"{len(remarks)} remarks in data.csv" in capsys.readouterr().out


def test_another_count_of_points_than_the_checkpoints(
    make_faces: Any, write_points: Any, tmp_path: Path
) -> None:
    root = make_faces(tmp_path / "data", count=8)
    folder = train(Config(root, "five", runs=tmp_path, **TINY))
    names = [f"{i}.png" for i in range(8)]
    points = np.random.default_rng(0).integers(10, 40, (8, 3, 2))
    write_points(root / "train" / "landmarks.csv", names, points)
    config = Config(root, "three", runs=tmp_path, pretrained_model=folder, **TINY)
    with pytest.raises(ValueError, match=r"cannot start from .*five: `points` was 5 and is 3$"):
        train(config)
    assert not (tmp_path / "three").exists()


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("no folder", "no such file: .*data$"),
        ("empty folder", r"no landmarks in .*data; expected landmarks\.csv and images/"),
        ("no points", r"landmarks\.csv has no points: its only column is file_name"),
        ("half a point", r"landmarks\.csv must have an even count of numbers"),
        ("no header", r"landmarks\.csv must have a header that begins with file_name"),
        ("no rows", r"landmarks\.csv has no row of points that can be used$"),
        ("no good row", r"that can be used; the first: .*landmarks\.csv, row 2: .*'x'"),
        ("no pictures", r"that can be used; the first: .*landmarks\.csv, row 2: no picture 0\.png"),
        (
            "nothing readable",
            r"no picture can be used; the first of 3: .*0\.png: the file is empty",
        ),
        ("one picture", "is left for validation; train with --monitor loss"),
        ("run exists", "exists; choose another -n, or --overwrite"),
        ("other extra", r"data/train/landmarks\.csv has 5 points, .*more/landmarks\.csv has 4"),
    ],
)
def test_one_clear_error_before_training_starts(
    case: str,
    message: str,
    make_faces: Any,
    write_points: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, extra = tmp_path / "data", tmp_path / "more"
    table = root / "train" / "landmarks.csv"
    if case == "empty folder":
        root.mkdir()
    elif case != "no folder":
        make_faces(root, 1 if case == "one picture" else 3)
    changes = {
        "no points": "file_name\n0.png\n",
        "half a point": "file_name\ta\tb\tc\n0.png\t1\t2\t3\n",
        "no header": "0.png\t1\t2\n",
        "no rows": "file_name\ta\tb\n",
        "no good row": "file_name\ta\tb\n0.png\tx\t2\n",
    }
    if case in changes:
        table.write_text(changes[case])
    elif case in ("no pictures", "nothing readable"):
        for path in (root / "train" / "images").iterdir():
            path.unlink() if case == "no pictures" else path.write_bytes(b"")
    elif case == "run exists":
        (tmp_path / "run").mkdir()
    elif case == "other extra":
        extra.mkdir()
        write_points(extra / "landmarks.csv", ["a.png"], np.full((1, 4, 2), 20))
    config = Config(root, "run", runs=tmp_path, extra=(extra,) if extra.exists() else (), **TINY)
    with pytest.raises(SystemExit) as ended:
        command.run(train, config)
    capsys.readouterr()
    assert ended.value.code not in (0, None)
    with pytest.raises((ValueError, OSError), match=message):
        train(config)


def test_one_point(make_faces: Any, write_points: Any, tmp_path: Path) -> None:
    """It is its own mirror image, and trained like any other number."""
    root = make_faces(tmp_path / "data", count=8)
    points = np.random.default_rng(0).integers(20, 40, (8, 1, 2))
    write_points(root / "train" / "landmarks.csv", [f"{i}.png" for i in range(8)], points)
    data = labelled.load(Config(root, runs=tmp_path, **TINY), 1)
    assert data.mirror is not None
    assert data.mirror.tolist() == [0]
    assert data.mean.shape == (1, 2)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.png\t[0, 5]\n", r"row 2: point indices must be in 0\.\.4; received: 5"),
        ("a.png\t[0]\nb.png\t[-1]\n", r"row 3: point indices must be in 0\.\.4; received: -1"),
        ("a.png\t__import__('os').abort()\n", "row 2: must be a list of whole numbers; received"),
        ("a.png\t[1.5]\n", "row 2: must be a list of whole numbers"),
        ("a.png\t[1]\na.png\t[1]\n", r"row 3: a\.png stands there twice"),
    ],
)
def test_test_points(rows: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "test_points.csv"
    path.write_text("file_name\tpoint_index_list\n" + rows)
    with pytest.raises(ValueError, match=rf"test_points\.csv, {message}"):
        records.read_test_points(path, 5)

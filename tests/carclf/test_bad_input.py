"""One folder with everything that is wrong with pictures, trained on; and errors that stop it."""

import csv
import json
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import ExifTags, Image

from carclf import labelled
from carclf.config import Config
from carclf.train import train
from carclf.validation import validate
from triptych import command, run
from triptych.stage import Stage

MakePictures = Callable[..., Path]
TINY = ("--backbone", "tiny", "--weights", "none", "--stages", "part=all,epochs=1,size=32,batch=8")


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size, without its pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def spoil(root: Path, picture: Image.Image) -> tuple[set[str], dict[str, str]]:
    """Put every kind of file into class 0 and a class of one picture beside it.

    Returns the names that must be used, and name -> reason for those that must not.
    """
    folder = root / "train" / "0"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    grey = np.linspace(0, 65535, 56 * 64).reshape(56, 64).astype(np.uint16)
    mark = iter(range(1, 9))  # so that no picture is a copy of another

    def marked() -> Image.Image:
        copy = picture.copy()
        copy.putpixel((0, 0), (next(mark), 0, 0))
        return copy

    alpha = marked()
    alpha.putalpha(128)
    alpha.save(folder / "alpha.png")
    Image.fromarray(grey).save(folder / "grey16.png")
    marked().save(folder / "moving.gif", save_all=True, append_images=[marked()])
    marked().convert("CMYK").save(folder / "cmyk.jpg")
    marked().save(folder / "turned.jpg", exif=exif)
    used = {"alpha.png", "grey16.png", "moving.gif", "cmyk.jpg", "turned.jpg"}

    marked().save(folder / "cut.jpg")
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:700])
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("<html>404</html>")
    (folder / "huge.png").write_bytes(png_header(20_000, 20_000))
    left_out = {
        "cut.jpg": "damaged (",
        "empty.jpg": "the file is empty",
        "text.jpg": "not a picture in a known format",
        "huge.png": "400000000 pixels",
    }
    alone = root / "train" / "7" / "alone.jpg"
    alone.parent.mkdir()
    marked().save(alone)
    with (root / "train.csv").open("a") as file:
        file.writelines(f"{name},0\n" for name in [*sorted(used), *left_out, "gone.jpg"])
        file.write("alone.jpg,7\n")
    marked().save(folder / "unlisted.jpg")
    return used, left_out


def test_training_on_a_folder_of_bad_pictures(
    make_cars: MakePictures, draw_picture: Any, tmp_path: Path, run_cli: Any
) -> None:
    root = make_cars(tmp_path / "data")
    used, left_out = spoil(root, draw_picture(0, 77))
    ended = run_cli(
        "carclf.train",
        "lite",
        "--data",
        root,
        "--runs",
        tmp_path,
        "-n",
        "bad",
        *TINY,
        "--cache-mb",
        0,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    folder = tmp_path / "bad"

    remarks = {row["where"]: row["remark"] for row in rows_of(folder / "data.csv")}
    expected = {str(root / "train" / "0" / name): reason for name, reason in left_out.items()}
    # The header is row 1, then come 36 good pictures, 5 odd ones, 4 bad ones.
    expected[f"{root / 'train.csv'}, row 47"] = "no such file: "
    expected[str(root / "train" / "0" / "unlisted.jpg")] = "no row in train.csv"
    expected["class 7"] = "one picture: in training, not in validation"
    assert set(remarks) == set(expected)
    for where, reason in expected.items():
        assert reason in remarks[where]

    split = {row["Id"]: row["side"] for row in rows_of(folder / "split.csv")}
    assert len(split) == 36 + len(used) + 1
    assert used <= set(split)
    assert split["alone.jpg"] == "training"
    assert not set(left_out) & set(split)

    history = rows_of(folder / "history.csv")
    assert [row["epoch"] for row in history] == ["1"]
    assert all(np.isfinite(float(value)) for value in history[0].values())
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["pictures"] == sum(side == "validation" for side in split.values())
    assert 0 <= metrics["accuracy"] <= 1
    assert f"{len(expected)} remarks in data.csv" in ended.stdout


def test_a_huge_picture_costs_the_check_no_time(tmp_path: Path, make_tree: MakePictures) -> None:
    root = make_tree(tmp_path / "data", classes=2, each=2)
    for number in range(50):
        (root / "class-0" / f"huge-{number}.png").write_bytes(png_header(20_000, 20_000 + number))
    start = time.process_time()
    data = labelled.load(Config(root, stages=(Stage(size="32"),)), workers=2)
    assert time.process_time() - start < 2
    assert len(data.problems) == 50


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("empty folder", "no pictures in "),
        ("no folder", "`data` must be a folder; received: "),
        ("one class", "at least two classes are needed; "),
        ("unknown label", "unknown label 'class-1' of "),
        ("nothing readable", "fewer than two classes of "),
        ("one picture a class", "none is left for validation; train with --monitor loss"),
        ("two labels", "Id 1.jpg has two labels: class-0, class-1"),
        ("run exists", "exists; choose another -n, or --overwrite"),
    ],
)
def test_one_clear_error_before_training_starts(
    case: str,
    message: str,
    make_tree: MakePictures,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "data"
    if case == "empty folder":
        root.mkdir()
    elif case != "no folder":
        classes, each = 1 if case == "one class" else 2, 1 if case.startswith("one picture") else 3
        make_tree(root / "train", classes, each)
    if case == "unknown label":
        (root / "classes.csv").write_text("Category,name\nclass-0,Audi\n")
    elif case == "nothing readable":
        for path in (root / "train" / "class-1").iterdir():
            path.write_bytes(b"")
    elif case == "two labels":
        (root / "train" / "class-0" / "1.jpg").unlink()
        (root / "train.csv").write_text("Id,Category\n1.jpg,class-0\n1.jpg,class-1\n")
    elif case == "run exists":
        (tmp_path / "runs" / "mine").mkdir(parents=True)
        (tmp_path / "runs" / "mine" / "model.keras").write_text("precious")
    config = Config(
        root, "mine", tmp_path / "runs", backbone="tiny", weights="none", stages=(Stage(size="32"),)
    )
    with pytest.raises(SystemExit) as caught:
        command.run(train, config)
    assert caught.value.code == 1
    out, err = capsys.readouterr()
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert "stage" not in out
    if case == "run exists":
        assert (tmp_path / "runs" / "mine" / "model.keras").read_text() == "precious"
    else:
        assert not (tmp_path / "runs").exists()


class FillTheDisk:
    """Makes run folders in which the second model that is saved finds no room."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.create = run.create
        self.folder: Path | None = None
        monkeypatch.setattr(run, "create", self)

    def __call__(self, path: Path, config: Any) -> None:
        self.folder = path
        self.create(path, config)

    def fill(self) -> None:
        assert self.folder is not None
        (self.folder / ".part-model.keras").symlink_to("/dev/full")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_keeps_the_best_model(
    tree_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    disk = FillTheDisk(monkeypatch)
    saved: dict[str, bytes] = {}
    save = keras.Model.save

    def watched(model: keras.Model, path: Path, **options: Any) -> None:
        if saved:
            disk.fill()
        save(model, path, **options)
        saved["first"] = path.read_bytes()

    monkeypatch.setattr(keras.Model, "save", watched)
    stage = Stage("all", 4, 1e-3, "constant", size="32", batch=30)
    config = Config(
        *(tree_dir, "full", tmp_path),
        backbone="tiny",
        weights="none",
        stages=(stage,),
        monitor="loss",
    )
    with pytest.raises(SystemExit) as caught:
        command.run(train, config)
    assert caught.value.code == 1
    err = capsys.readouterr().err
    model = tmp_path / "full" / "model.keras"
    assert err == (
        f"error: [Errno 28] No space left on device: '{model}' "
        "(the disk is full; what was written before is kept)\n"
    )
    assert model.read_bytes() == saved["first"]
    assert not (tmp_path / "full" / ".part-model.keras").exists()

    # The run can be used as far as it came, and a validation picture that is gone is passed over.
    data = labelled.load(config, workers=2)
    gone = data.pictures.paths[data.validation[0]]
    data.pictures._kept.clear()
    data.pictures.paths[data.validation[0]] = tmp_path / gone.name
    metrics = validate(model.parent, data)
    assert metrics["pictures"] == 5
    assert f"left out: {tmp_path / gone.name}: cannot be read" in capsys.readouterr().out
    assert len(rows_of(model.parent / "validation.csv")) == 5

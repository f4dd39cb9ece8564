"""The offline generator: right points, the same pictures whoever makes them, and going on."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from landmarks import augment, records
from landmarks.augment import Config, generate, share
from triptych.images import decode

PICTURES, COUNT = 5, 13


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rows(path: Path, delimiter: str) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def write_faces(root: Path) -> Path:
    """Pictures of a red, a green and a blue dot, in the contest's layout; other sizes each."""
    (root / "train" / "images").mkdir(parents=True)
    header = ["file_name", *(f"Point_M{i}_{axis}" for i in range(3) for axis in "XY")]
    lines = ["\t".join(header)]
    for k in range(PICTURES):
        height, width = 60 + 4 * k, 72 - 3 * k
        points = np.array([[22, 25], [44, 24], [33 + k, 44]])
        y, x = np.mgrid[:height, :width]
        squares = (x[..., None] - points[:, 0]) ** 2 + (y[..., None] - points[:, 1]) ** 2
        image = np.rint(240 * np.exp(-squares / 18)).astype(np.uint8)
        Image.fromarray(image).save(root / "train" / "images" / f"face-{k}.png")
        lines.append("\t".join([f"face-{k}.png", *map(str, points.ravel().tolist())]))
    (root / "train" / "landmarks.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_faces(tmp_path_factory.mktemp("faces"))


@pytest.fixture(scope="module")
def made(faces: Path) -> Path:
    return generate(settings(faces, faces.parent / "made"))


def settings(data: Path, to: Path) -> Config:
    return Config(data=data, to=to, count=COUNT, seed=3, workers=1)


def test_layout(made: Path, faces: Path) -> None:
    names = {"landmarks.csv", "sources.csv", "contact.png", "augment.json", "images"}
    assert {p.name for p in made.iterdir()} == names
    table, sources = rows(made / "landmarks.csv", "\t"), rows(made / "sources.csv", ",")
    assert table[0] == rows(faces / "train" / "landmarks.csv", "\t")[0]
    assert sources[0] == ["file_name", "source"]
    assert [row[0] for row in table[1:]] == [name for name, _ in sources[1:]]
    assert {row[0] for row in table[1:]} == {p.name for p in (made / "images").iterdir()}
    assert len(table) == COUNT + 1
    # Evenly: two or three of each; each called after its source.
    assert sorted(Counter(source for _, source in sources[1:]).values()) == [2, 2, 3, 3, 3]
    assert all(name.rpartition("-")[0] == Path(source).stem for name, source in sources[1:])
    with Image.open(made / "contact.png") as contact:
        assert min(contact.size) > 400


def test_reads_back_as_extra_pictures_of_their_sources(
    made: Path, faces: Path, tmp_path: Path
) -> None:
    data = records.read(faces, [made], tmp_path)
    assert data.extra.tolist() == [False] * PICTURES + [True] * COUNT
    assert not data.problems
    assert data.points.dtype == np.int16
    assert set(data.sources[PICTURES:]) == set(data.names[:PICTURES])


def test_points_are_on_what_they_mark_and_inside(made: Path, faces: Path, tmp_path: Path) -> None:
    data = records.read(made, (), tmp_path)
    source = dict(rows(made / "sources.csv", ",")[1:])
    moves = []
    for path, points in zip(data.paths, data.points, strict=True):
        image = decode(path).astype(float)
        first = decode(faces / "train" / "images" / source[path.name])
        assert image.shape == first.shape
        assert (points >= 0).all()
        assert (points < image.shape[1::-1]).all()
        y, x = np.mgrid[: image.shape[0], : image.shape[1]]
        # Each dot's colour less the others', since JPEG mixes them a little.
        bright = np.clip(image - 0.5 * image.max((0, 1)), 0, None)
        total = bright.sum((0, 1))
        found = np.stack([(bright * a[..., None]).sum((0, 1)) / total for a in (x, y)], -1)
        np.testing.assert_allclose(points, found, atol=1.0)
        moves.append(np.abs(image - first).mean())
    assert min(moves) > 0.5


def test_stopped_it_goes_on_and_redoes_nothing(
    made: Path, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, saved = augment._save, []

    def save(image: np.ndarray, path: Path) -> None:
        saved.append(path.name)
        if len(saved) == 7:
            path.with_name(f"{path.name}.1.part").write_bytes(b"half")
            raise KeyboardInterrupt
        real(image, path)

    monkeypatch.setattr(augment, "_save", save)
    config = settings(faces, tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        generate(config)
    assert not (config.to / "landmarks.csv").exists()
    assert not (config.to / "augment.json").exists()
    with pytest.raises(FileExistsError, match="`seed` was 3 and is 4"):
        generate(replace(config, seed=4))
    assert contents(generate(config)).keys() == contents(made).keys()
    assert len(saved) == COUNT + 1
    same(config.to, made)
    monkeypatch.setattr(augment, "_write", None)
    assert generate(config) == config.to


def same(got: Path, want: Path) -> None:
    """All files, but the sheet that has the folder's name for a title."""
    a, b = contents(got), contents(want)
    assert a.keys() == b.keys()
    assert [name for name in a if a[name] != b[name] and name != "contact.png"] == []


def test_killed_with_its_workers_it_goes_on(faces: Path, tmp_path: Path, run_cli: Any) -> None:
    count = 200
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    flags = ["--data", faces, "--to", killed, "--count", count, "--seed", 3, "--workers", 2]
    command = [sys.executable, "-m", "landmarks.augment", *map(str, flags)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + 200
    while len(list(killed.glob("images/*.jpg"))) < 20 and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    # It ends when nobody holds the pipe any more: the workers are gone too.
    process.communicate(timeout=100)
    assert not (killed / "landmarks.csv").exists()
    done = run_cli("landmarks.augment", *flags)
    assert done.returncode == 0, done.stderr
    generate(replace(settings(faces, whole), count=count))
    same(killed, whole)


def test_a_bad_picture_is_named_and_others_take_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = write_faces(tmp_path / "faces")
    bad = faces / "train" / "images" / "face-2.png"
    bad.write_bytes(bad.read_bytes()[:300])
    table = faces / "train" / "landmarks.csv"
    table.write_text(table.read_text().replace("face-4.png\t22", "face-4.png\t9000"))
    to = generate(settings(faces, tmp_path / "made"))
    out = capsys.readouterr().out
    assert "face-2.png: damaged" in out
    assert "face-4.png: point 0 at 9000" in out
    sources = Counter(source for _, source in rows(to / "sources.csv", ",")[1:])
    assert sources.keys() == {"face-0.png", "face-1.png", "face-3.png"}
    assert sorted(sources.values()) == [4, 4, 5]
    assert len(rows(to / "landmarks.csv", "\t")) == COUNT + 1
    for path in (faces / "train" / "images").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="none of the 5 pictures"):
        generate(settings(faces, tmp_path / "none"))


def test_share_by_hand() -> None:
    none = np.zeros(4, np.int64)
    assert share(np.array([2, 0, 3, 1]), none, 6).tolist() == [2, 1, 2, 1]
    # Picture 0 was bad: what the others have only grows, and 3 is the next in turn.
    assert share(np.array([2, 3, 1]), np.array([0, 1, 2, 1]), 6).tolist() == [0, 2, 2, 2]
    assert share(np.array([2, 0, 3, 1]), none, 1).tolist() == [0, 0, 1, 0]


def test_other_settings_other_data_and_other_folders_are_refused(
    made: Path, faces: Path, tmp_path: Path
) -> None:
    before = contents(made)
    config = settings(faces, made)
    for changed, words in (
        (replace(config, count=14), "`count` was 13 and is 14"),
        (replace(config, scale=(0.5, 1.1)), r"`scale` was \(0.9, 1.1\) and is \(0.5, 1.1\)"),
        (replace(config, data=made), "`data` was 5 pictures .* and is 13 pictures"),
    ):
        with pytest.raises(FileExistsError, match=words):
            generate(changed)
    assert contents(made) == before
    with pytest.raises(FileExistsError, match="holds no pictures of"):
        generate(replace(config, to=faces))
    assert not (faces / "augment.cache").exists()


def test_sources_whose_copies_would_have_one_name_are_refused(tmp_path: Path) -> None:
    faces = write_faces(tmp_path / "faces")
    images, table = faces / "train" / "images", faces / "train" / "landmarks.csv"
    (images / "face-1.png").rename(images / "face-0.bmp")
    table.write_text(table.read_text().replace("face-1.png", "face-0.bmp"))
    with pytest.raises(ValueError, match=r"face-0.png and .*face-0.bmp would have the same names"):
        generate(settings(faces, tmp_path / "made"))


@pytest.mark.parametrize("name", ["count", "seed", "workers"])
def test_bad_numbers_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        Config(Path(), Path(), **{name: -1})  # type: ignore[arg-type]

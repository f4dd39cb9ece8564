"""From files to checked and split pictures: what is held out, and what the run folder tells."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from landmarks import labelled
from landmarks.config import Config
from landmarks.geometry import centre_crop
from landmarks.labelled import Labelled
from triptych import split
from triptych.stage import Stage

MIRROR = [1, 0, 2, 4, 3]


def load(data: Path, runs: Path, **options: Any) -> Labelled:
    options = {"stages": (Stage(size="32"),), **options}
    return labelled.load(Config(data, runs=runs, **options), workers=2)


def names(data: Labelled, positions: np.ndarray) -> set[str]:
    return {data.pictures.paths[i].name for i in positions}


def test_a_clean_folder(faces_dir: Path, tmp_path: Path) -> None:
    data = load(faces_dir, tmp_path)
    assert (len(data.training), len(data.validation)) == (17, 3)
    assert data.points.shape == (20, 5, 2)
    assert data.problems == []
    assert data.mirror is not None
    assert data.mirror.tolist() == MIRROR
    assert data.sizes.tolist() == [[56, 64]] * 20
    crops = [(centre_crop(56, 64, 32)(p) + 0.5) / 32 for p in data.points[data.training]]
    np.testing.assert_allclose(data.mean, np.mean(crops, axis=0), atol=1e-9)
    assert (
        "17 training and 3 validation pictures of 5 points, mirror symmetry found, 0 remarks"
        in (data.summary)
    )


def test_folds_and_seeds(faces_dir: Path, tmp_path: Path) -> None:
    """The split has a seed of its own, so that runs with several seeds can be compared."""
    folds = [load(faces_dir, tmp_path, fold=i, folds=4).validation for i in range(4)]
    assert sorted(np.concatenate(folds)) == list(range(20))
    np.testing.assert_array_equal(
        load(faces_dir, tmp_path, fold=2, folds=4, seed=5).validation, folds[2]
    )
    assert set(load(faces_dir, tmp_path, split_seed=1).validation) != set(
        load(faces_dir, tmp_path).validation
    )


def test_look_alikes_are_on_one_side(
    make_faces: Any, write_points: Any, draw_face: Any, tmp_path: Path
) -> None:
    """Five films of four frames, the light of which changes a little."""
    root = make_faces(tmp_path / "data", count=1)
    rows = []
    for number in range(20):
        image, points = draw_face(number // 4)
        lit = np.clip(np.asarray(image) * 0.9 + 3 * (number % 4), 0, 255).astype(np.uint8)
        Image.fromarray(lit).save(root / "train" / "images" / f"{number}.png")
        rows.append(points)
    write_points(root / "train" / "landmarks.csv", [f"{i}.png" for i in range(20)], np.stack(rows))
    for seed in range(3):
        data = load(root, tmp_path, split_seed=seed, val_fraction=0.2)
        films = [
            {int(Path(n).stem) // 4 for n in names(data, side)}
            for side in (data.training, data.validation)
        ]
        assert len(films[1]) == 1
        assert not films[0] & films[1]
    alone = [load(root, tmp_path, split_seed=s, val_fraction=0.2, same_side=1) for s in range(3)]
    assert any(len({int(Path(n).stem) // 4 for n in names(d, d.validation)}) > 1 for d in alone)


def extras(root: Path, draw_face: Any, write_points: Any, sources: dict[str, str]) -> Path:
    """A folder of extra pictures, each made from the picture that `sources` says."""
    (root / "images").mkdir(parents=True)
    faces = [draw_face(500 + number) for number in range(len(sources))]
    for (image, _), name in zip(faces, sources, strict=True):
        image.save(root / "images" / name)
    write_points(root / "landmarks.csv", list(sources), np.stack([points for _, points in faces]))
    rows = "".join(f"{name},{source}\n" for name, source in sources.items())
    (root / "sources.csv").write_text("file_name,source\n" + rows)
    return root


def test_extras_are_for_training_only(
    faces_dir: Path, draw_face: Any, write_points: Any, tmp_path: Path
) -> None:
    before = load(faces_dir, tmp_path)
    held_out = names(before, before.validation)
    sources = {f"x{i}.png": f"{i}.png" for i in range(20)}
    extra = extras(tmp_path / "extra", draw_face, write_points, sources)
    data = load(faces_dir, tmp_path, extra=(extra,))
    assert names(data, data.validation) == held_out
    assert names(data, data.training) == names(before, before.training) | {
        name for name, source in sources.items() if source not in held_out
    }
    (remark,) = data.problems
    assert remark.reason == f"{len(held_out)} made from validation pictures"
    labelled.write(data, tmp_path)
    sides = split.read(tmp_path)
    assert {sides[f"x{Path(n).stem}.png",] for n in held_out} == {"left out"}


def test_extras_of_pictures_in_folders(
    make_faces: Any, draw_face: Any, write_points: Any, tmp_path: Path
) -> None:
    """A csv may name its pictures by a path; so does sources.csv."""
    root = make_faces(tmp_path / "data")
    images = root / "train" / "images"
    (images / "deep").mkdir()
    for path in images.glob("*.png"):
        path.rename(images / "deep" / path.name)
    table = root / "train" / "landmarks.csv"
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([head, *(f"deep/{row}" for row in rows)]) + "\n")
    sources = {f"x{i}.png": f"deep/{i}.png" for i in range(20)}
    extra = extras(tmp_path / "extra", draw_face, write_points, sources)
    data = load(root, tmp_path, extra=(extra,))
    made = {sources[n].removeprefix("deep/") for n in names(data, data.training) if n in sources}
    assert len(made) == 17
    assert not made & names(data, data.validation)


def test_extras_alone_are_no_data(
    make_faces: Any, draw_face: Any, write_points: Any, tmp_path: Path
) -> None:
    root = make_faces(tmp_path / "data", count=2)
    for path in (root / "train" / "images").iterdir():
        path.write_bytes(b"")
    extra = extras(tmp_path / "extra", draw_face, write_points, {"x.png": "0.png"})
    with pytest.raises(ValueError, match=r"no picture of .* can be used; the first: .*is empty"):
        load(root, tmp_path, extra=(extra,))


def test_copies_are_left_out(make_faces: Any, tmp_path: Path) -> None:
    root = make_faces(tmp_path / "data", count=6)
    images, table = root / "train" / "images", root / "train" / "landmarks.csv"
    rows = table.read_text().splitlines()
    shutil.copy(images / "0.png", images / "copy.png")
    shutil.copy(images / "1.png", images / "other.png")
    rows += [rows[1].replace("0.png", "copy.png"), rows[3].replace("2.png", "other.png")]
    table.write_text("\n".join(rows) + "\n")
    data = load(root, tmp_path)
    remarks = {Path(p.where).name: p.reason for p in data.problems}
    assert remarks == {
        "copy.png": f"a copy of {images / '0.png'}",
        "1.png": f"the same picture as {images / 'other.png'}, which has another label",
        "other.png": f"the same picture as {images / '1.png'}, which has another label",
    }


def test_without_symmetry_there_are_no_flips(
    make_faces: Any, write_points: Any, tmp_path: Path
) -> None:
    root = make_faces(tmp_path / "data", count=12)
    shape = np.array([(5, 5), (12, 9), (40, 12), (31, 50), (9, 22)])
    points = shape + np.random.default_rng(0).integers(-1, 2, (12, 5, 2))
    write_points(root / "train" / "landmarks.csv", [f"{i}.png" for i in range(12)], points)
    data = load(root, tmp_path)
    assert data.mirror is None
    (remark,) = data.problems
    assert (remark.where, remark.reason[:22]) == ("mirror symmetry", "not found, no flips: t")
    labelled.write(data, tmp_path)
    assert labelled.read_points(tmp_path).mirror is None


def test_the_run_folder_tells_the_story(faces_dir: Path, tmp_path: Path) -> None:
    data = load(faces_dir, tmp_path)
    labelled.write(data, tmp_path)
    known = labelled.read_points(tmp_path)
    assert (known.points, known.shift) == (5, data.shift)
    assert known.mirror is not None
    assert known.mirror.tolist() == MIRROR
    np.testing.assert_allclose(known.mean, data.mean, atol=1e-6)
    assert json.loads((tmp_path / "points.json").read_text())["points"] == 5
    with (tmp_path / "data.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["where", "remark"]]
    sides = split.read(tmp_path)
    assert {name for (name,), side in sides.items() if side == "validation"} == names(
        data, data.validation
    )
    labelled.require_same(data, tmp_path)

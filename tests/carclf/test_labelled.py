"""From a folder to checked and split pictures, and what the run folder tells of it."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carclf import labelled
from carclf.config import Config
from carclf.records import Problem
from triptych import split
from triptych.stage import Stage

MakePictures = Callable[..., Path]


def load(data: Path, **options: Any) -> labelled.Labelled:
    options = {"stages": (Stage(size="32"),), **options}
    return labelled.load(Config(data, **options), workers=2)


def test_a_clean_folder(tree_dir: Path) -> None:
    data = load(tree_dir)
    assert data.classes == data.names == ["class-0", "class-1", "class-2"]
    assert len(data.training) + len(data.validation) == 36
    # A fifth of 12 is 2.4.
    assert np.bincount(data.labels[data.validation]).tolist() == [2, 2, 2]
    assert data.problems == []
    assert data.summary.startswith("30 training and 6 validation pictures of 3 classes, 0 remarks")
    for path, label in zip(data.pictures.paths, data.labels, strict=True):
        assert path.parent.name == f"class-{label}"
    pictures, labels = data.side(data.validation)
    assert [path.parent.name for path in pictures.paths] == [f"class-{label}" for label in labels]


def test_pictures_cover_the_largest_size_with_a_margin(tree_dir: Path) -> None:
    """56 x 64 pixels shrink to the 40 that 1.25 times 32 needs."""
    assert load(tree_dir).pictures[0].shape == (40, 46, 3)
    assert load(tree_dir, eval_size="48").pictures[0].shape == (56, 64, 3)


def test_folds_and_seeds(tree_dir: Path) -> None:
    """The split has a seed of its own, so that runs with several seeds can be compared."""
    folds = [load(tree_dir, fold=fold, folds=4, split_seed=1).validation for fold in range(4)]
    assert sorted(np.concatenate(folds)) == list(range(36))
    other = load(tree_dir, fold=2, folds=4, split_seed=1, seed=5).validation
    np.testing.assert_array_equal(other, folds[2])
    assert (load(tree_dir, fold=2, folds=4).validation != folds[2]).any()
    assert (load(tree_dir).validation != load(tree_dir, split_seed=1).validation).any()
    with pytest.raises(ValueError, match="received: fold=4, folds=4"):
        load(tree_dir, fold=4, folds=4)


def test_copies_and_odd_pictures(
    make_tree: MakePictures, tmp_path: Path, draw_picture: Any
) -> None:
    root = make_tree(tmp_path / "data", classes=3, each=4)
    shutil.copy(root / "class-0" / "0.jpg", root / "class-0" / "copy.jpg")
    shutil.copy(root / "class-1" / "0.jpg", root / "class-2" / "double.jpg")
    draw_picture(0, 99, side=20).save(root / "class-0" / "small.png")
    shutil.copy(root / "class-0" / "small.png", root / "class-0" / "smaller.png")
    (root / "class-2" / "notes.txt").touch()
    data = load(root)
    remarks = {Path(p.where).relative_to(root).as_posix(): p.reason for p in data.problems}
    other = "which has another label"
    assert remarks == {
        "class-2/notes.txt": "not a picture by its name",
        "class-0/copy.jpg": f"a copy of {root / 'class-0' / '0.jpg'}",
        "class-1/0.jpg": f"the same picture as {root / 'class-2' / 'double.jpg'}, {other}",
        "class-2/double.jpg": f"the same picture as {root / 'class-1' / '0.jpg'}, {other}",
        "class-0/smaller.png": f"a copy of {root / 'class-0' / 'small.png'}",
        "class-0/small.png": "only 28 x 20 pixels",
    }
    used = {path.relative_to(root).as_posix() for path in data.pictures.paths}
    assert used & set(remarks) == {"class-0/small.png"}
    assert len(used) == 3 * 4 - 1 + 1


def test_classes_with_few_usable_pictures(make_tree: MakePictures, tmp_path: Path) -> None:
    root = make_tree(tmp_path / "data", classes=4, each=2)
    (root / "class-1" / "0.jpg").write_bytes(b"")
    for path in (root / "class-3").iterdir():
        path.write_text("no picture")
    data = load(root)
    assert data.classes == ["class-0", "class-1", "class-2", "class-3"]
    remarks = {p.where: p.reason for p in data.problems}
    assert remarks["class class-1"] == "one picture: in training, not in validation"
    assert remarks["class class-3"] == "no usable picture"
    assert 1 in data.labels[data.training]
    assert np.bincount(data.labels[data.validation]).tolist() == [1, 0, 1]


def test_errors_before_training_starts(make_tree: MakePictures, tmp_path: Path) -> None:
    root = make_tree(tmp_path / "data", classes=2, each=1)
    with pytest.raises(ValueError, match="none is left for validation; train with --monitor loss"):
        load(root)
    with pytest.raises(ValueError, match="none is left for validation"):
        load(root, fold=0)
    assert len(load(root, monitor="loss").training) == 2
    (root / "class-1" / "0.jpg").write_text("no picture")
    with pytest.raises(
        ValueError, match=r"fewer than two classes of .* the first of 1 .*: not a picture"
    ):
        load(root)


def test_without_validation(tree_dir: Path) -> None:
    data = load(tree_dir, val_fraction=0, monitor="loss")
    assert (len(data.training), len(data.validation)) == (36, 0)


def test_the_run_folder_tells_the_story(tree_dir: Path, tmp_path: Path) -> None:
    data = load(tree_dir)
    data.problems.append(Problem("a, b.jpg", "why"))
    labelled.write(data, tmp_path)
    assert labelled.read_classes(tmp_path) == (data.classes, data.names)
    assert json.loads((tmp_path / "classes.json").read_text())["names"] == data.names
    with (tmp_path / "data.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["where", "remark"], ["a, b.jpg", "why"]]
    sides = split.read(tmp_path)
    assert len(sides) == 36
    for number, path in enumerate(data.pictures.paths):
        side = "validation" if number in data.validation else "training"
        assert sides[path.name, path.parent.name] == side
    with pytest.raises(ValueError, match=r"has no split\.csv"):
        split.read(tmp_path / "none")

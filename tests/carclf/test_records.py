"""Folders and csv files -> records: what is used, what is listed, what is an error."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carclf import records
from carclf.records import DataSet, Problem, Record, read, split, split_fold


def kaggle(root: Path, rows: list[str], files: list[str], header: str = "Id,Category") -> Path:
    """Empty files `train/<file>` and a csv of `rows`: `read` looks into no picture."""
    for name in files:
        path = root / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / "train.csv").write_text("\n".join([header, *rows]) + "\n")
    return root


def found(data: DataSet) -> list[tuple[str, str]]:
    return [(r.path.name, data.classes[r.label]) for r in data.records]


def test_kaggle_layout(tmp_path: Path) -> None:
    data = read(
        kaggle(tmp_path, ["a.jpg,10", "b.jpg,9", "c.jpg,10"], ["10/a.jpg", "9/b.jpg", "10/c.jpg"])
    )
    assert data.classes == data.names == ["9", "10"]
    train = tmp_path / "train"
    assert data.records == [
        Record(train / "10" / "a.jpg", 1),
        Record(train / "9" / "b.jpg", 0),
        Record(train / "10" / "c.jpg", 1),
    ]
    assert data.problems == []


def test_what_does_not_fit_is_listed_with_its_row(tmp_path: Path) -> None:
    rows = ["a.jpg,0", "gone.jpg,0", "", "b.jpg,1", "a.jpg,0", ",1", "b.jpg,"]
    data = read(
        kaggle(tmp_path, rows, ["0/a.jpg", "1/b.jpg", "1/new.JPG", "2/new.png", "1/note.txt"])
    )
    assert found(data) == [("a.jpg", "0"), ("b.jpg", "1")]
    csv, train = tmp_path / "train.csv", tmp_path / "train"
    assert data.problems == [
        Problem(f"{csv}, row 3", f"no such file: {train / '0' / 'gone.jpg'}"),
        Problem(f"{csv}, row 4", "an empty Id or Category"),
        Problem(f"{csv}, row 6", "a.jpg stands there twice, first in row 2"),
        Problem(f"{csv}, row 7", "an empty Id or Category"),
        Problem(f"{csv}, row 8", "an empty Id or Category"),
        Problem(str(train / "1" / "new.JPG"), "no row in train.csv"),
        Problem(str(train / "2" / "new.png"), "no row in train.csv"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Id,Category\r\na.jpg,0\r\nb.jpg,1\r\n",
        "\ufeffId,Category\na.jpg,0\nb.jpg,1\n",
        "Id, Category\na.jpg, 0\nb.jpg, 1\n",
        "Category,size,Id\n0,5,a.jpg\n1,,b.jpg\n",
        '"Id","Category"\n"a.jpg","0"\n"b.jpg","1"',
    ],
)
def test_forms_of_csv(text: str, tmp_path: Path) -> None:
    kaggle(tmp_path, [], ["0/a.jpg", "1/b.jpg"])
    (tmp_path / "train.csv").write_bytes(text.encode())
    assert found(read(tmp_path)) == [("a.jpg", "0"), ("b.jpg", "1")]


def test_labels_are_text(tmp_path: Path) -> None:
    rows = ["a.jpg,01", "b.jpg,1", "NA,null"]
    data = read(kaggle(tmp_path, rows, ["01/a.jpg", "1/b.jpg", "null/NA"]))
    assert found(data) == [("a.jpg", "01"), ("b.jpg", "1"), ("NA", "null")]


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        ("Id;Category", ["a.jpg;0"], r"train\.csv has no column Id, Category; it has: Id;Category"),
        ("Id,Label", ["a.jpg,0"], r"train\.csv has no column Category; it has: Id, Label"),
        ("", [], r"train\.csv"),
        ("Id,Category", ["a.jpg,0", 'b.jpg,"1'], r"train\.csv cannot be read as a csv"),
        ("Id,Category", ["a.jpg,0", "b.jpg,1,x"], r"train\.csv cannot be read as a csv: .*line 3"),
        ("Id,Category", ["a.jpg,0,x", "b.jpg,1,x"], r"train\.csv cannot be read as a csv: .*loss"),
        ("Id,Category", ["a.jpg,0", "b.jpg,0"], r"at least two classes are needed; .* has \['0'\]"),
        ("Id,Category", ["x.jpg,0"], "no pictures in "),
        ("Id,Category", ["a.jpg,0", "a.jpg,1"], r"train\.csv: Id a\.jpg has two labels: 0, 1"),
    ],
)
def test_errors_of_the_csv(header: str, rows: list[str], message: str, tmp_path: Path) -> None:
    kaggle(tmp_path, rows, ["0/a.jpg", "0/b.jpg"], header)
    with pytest.raises(ValueError, match=message):
        read(tmp_path)


def test_a_csv_that_is_no_text(tmp_path: Path) -> None:
    kaggle(tmp_path, [], ["0/a.jpg"])
    (tmp_path / "train.csv").write_bytes(b"Id,Category\n\xff\xfe\x00,0\n")
    with pytest.raises(ValueError, match=r"train\.csv cannot be read as a csv"):
        read(tmp_path)


def test_one_id_in_two_folders_is_two_pictures(tmp_path: Path) -> None:
    data = read(kaggle(tmp_path, ["a.jpg,0", "a.jpg,1"], ["0/a.jpg", "1/a.jpg"]))
    assert found(data) == [("a.jpg", "0"), ("a.jpg", "1")]


def tree(root: Path, *files: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


@pytest.mark.parametrize("prefix", ["", "train/"])
def test_class_per_folder(prefix: str, tmp_path: Path) -> None:
    names = [
        "audi/2.jpg",
        "audi/1.PNG",
        "bmw/1.jpeg",
        "bmw/note.txt",
        ".cache/1.jpg",
        "audi/deep/3.jpg",
    ]
    tree(tmp_path, *(prefix + name for name in names))
    (tmp_path / prefix / "empty").mkdir()
    data = read(tmp_path)
    assert found(data) == [("1.PNG", "audi"), ("2.jpg", "audi"), ("1.jpeg", "bmw")]
    root = tmp_path / prefix
    assert data.problems == [
        Problem(str(root / "bmw" / "note.txt"), "not a picture by its name"),
        Problem(str(root / "empty"), "a class folder without pictures"),
    ]


def test_classes_are_in_natural_order(tmp_path: Path) -> None:
    data = read(tree(tmp_path, *(f"{name}/1.jpg" for name in ("x10", "x9", "10", "9", "b"))))
    assert data.classes == ["9", "10", "b", "x9", "x10"]


def test_many_files_of_one_folder_are_read_at_once(tmp_path: Path) -> None:
    tree(tmp_path, *(f"a/{i}.jpg" for i in range(3000)), "b/1.jpg")
    assert len(read(tmp_path).records) == 3001


def test_class_names_from_a_csv(tmp_path: Path) -> None:
    tree(tmp_path, "0/a.jpg", "2/b.jpg")
    rows = "Category,name\n0,Audi A6\n1,BMW 3\n2,Škoda Octavia\n"
    (tmp_path / "classes.csv").write_text(rows)
    data = read(tmp_path)
    assert data.classes == ["0", "1", "2"]
    assert data.names == ["Audi A6", "BMW 3", "Škoda Octavia"]
    assert [r.label for r in data.records] == [0, 2]
    assert data.problems == [Problem("class 1", "has no picture")]
    (tmp_path / "other.csv").write_text(rows.replace("Audi", "AUDI"))
    assert read(tmp_path, tmp_path / "other.csv").names[0] == "AUDI A6"


def test_errors_of_the_class_csv(tmp_path: Path) -> None:
    tree(tmp_path, "0/a.jpg", "7/b.jpg")
    classes = tmp_path / "classes.csv"
    classes.write_text("Category,name\n0,Audi\n")
    with pytest.raises(
        ValueError, match=r"unknown label '7' of .*7/b\.jpg: it is not in .*classes\.csv"
    ):
        read(tmp_path)
    classes.write_text("Category,title\n0,Audi\n7,BMW\n")
    with pytest.raises(ValueError, match=r"classes\.csv has no column name"):
        read(tmp_path)
    with pytest.raises(ValueError, match=r"none\.csv cannot be read"):
        read(tmp_path, tmp_path / "none.csv")


def test_empty_and_missing_folders(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no pictures in "):
        read(tmp_path)
    with pytest.raises(ValueError, match=r"`data` must be a folder; received: .*none"):
        read(tmp_path / "none")
    (tmp_path / "a.jpg").touch()
    with pytest.raises(ValueError, match=r"`data` must be a folder; received: .*a\.jpg"):
        read(tmp_path / "a.jpg")


LABELS = st.lists(st.integers(0, 6), min_size=1, max_size=80)


@given(labels=LABELS, fraction=st.floats(0, 0.99), seed=st.integers(0, 99))
def test_split_is_a_stratified_partition(labels: list[int], fraction: float, seed: int) -> None:
    training, validation = split(labels, fraction, seed)
    assert sorted([*training, *validation]) == list(range(len(labels)))
    assert list(training) == sorted(training)
    assert list(validation) == sorted(validation)
    array = np.array(labels)
    kept = Counter(array[validation].tolist())
    for label, count in Counter(labels).items():
        wanted = max(1, round(fraction * count)) if fraction > 0 else 0
        assert kept[label] == min(wanted, count - 1)
    again = split(labels, fraction, seed)
    np.testing.assert_array_equal(again[1], validation)


@given(labels=LABELS, folds=st.integers(2, 6), seed=st.integers(0, 99))
def test_folds_partition_what_can_be_validated(labels: list[int], folds: int, seed: int) -> None:
    counts = Counter(labels)
    parts = [split_fold(labels, fold, folds, seed) for fold in range(folds)]
    for training, validation in parts:
        assert sorted([*training, *validation]) == list(range(len(labels)))
    together = np.concatenate([validation for _, validation in parts])
    # A class of one picture stays in training.
    assert sorted(together) == [i for i, label in enumerate(labels) if counts[label] > 1]
    sizes = [len(validation) for _, validation in parts]
    assert max(sizes) - min(sizes) <= 1
    array = np.array(labels)
    for label in counts:
        shares = [int((array[validation] == label).sum()) for _, validation in parts]
        assert max(shares) - min(shares) <= 1


def test_another_seed_splits_otherwise() -> None:
    labels = [0, 1] * 30
    assert (split(labels, 0.2, 0)[1] != split(labels, 0.2, 1)[1]).any()
    assert (split_fold(labels, 0, 5, 0)[1] != split_fold(labels, 0, 5, 1)[1]).any()


def test_errors_of_splits() -> None:
    with pytest.raises(ValueError, match=r"`val_fraction` must be in \[0, 1\); received: .*=1.0"):
        split([0, 1], 1.0, 0)
    for fold, folds in ((5, 5), (-1, 5), (0, 1)):
        with pytest.raises(ValueError, match=f"received: fold={fold}, folds={folds}"):
            split_fold([0, 1], fold, folds, 0)


def test_suffixes_are_lower_case() -> None:
    assert all(s == s.lower() and s.startswith(".") for s in records.SUFFIXES)

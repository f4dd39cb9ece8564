"""Folders -> data sets: layouts, extra files, splits; what is listed, what is an error."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from landmarks.records import (
    DataSet,
    Problem,
    extras_beside,
    far_points,
    read,
    read_test_points,
)


def write(csv: Path, names: str, points: int = 2, first: float = 1, images: str = "images") -> Path:
    """A csv with a row for each word of `names`, and empty pictures: `read` looks into none."""
    csv.parent.mkdir(parents=True, exist_ok=True)
    rows = ["\t".join(["file_name"] + [f"c{i}" for i in range(2 * points)])]
    for number, name in enumerate(names.split()):
        rows.append("\t".join([name, *(str(first + number + i) for i in range(2 * points))]))
        touch(csv.parent / images / name)
    csv.write_text("\n".join(rows) + "\n")
    return csv


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., DataSet]:
    return lambda data, *extra: read(data, extra, tmp_path / "cache")


@pytest.mark.parametrize("prefix", ["", "train"])
@pytest.mark.parametrize("images", ["images", ""])
def test_contest(prefix: str, images: str, tmp_path: Path, load: Callable[..., DataSet]) -> None:
    root = tmp_path / "data"
    csv = write(root / prefix / "landmarks.csv", "b.jpg a.jpg deep/c.jpg", images=images)
    for data in (load(root), load(csv)):
        assert data.names == ["b.jpg", "a.jpg", "deep/c.jpg"]
        assert data.paths == [csv.parent / images / name for name in data.names]
        assert data.points.tolist() == [[[1, 2], [3, 4]], [[2, 3], [4, 5]], [[3, 4], [5, 6]]]
        assert isinstance(data.points, np.memmap)
        assert data.extra.tolist() == [False] * 3
        assert data.sources == [""] * 3
        assert data.problems == []


def test_pictures_that_are_missing_or_without_a_row(
    tmp_path: Path, load: Callable[..., DataSet]
) -> None:
    csv = write(tmp_path / "landmarks.csv", "a.jpg b.jpg c.jpg d.jpg")
    images = tmp_path / "images"
    (images / "b.jpg").unlink()
    (images / "d.jpg").unlink()
    (images / "d.jpg").mkdir()
    for name in ("x.JPG", "y.png", "note.txt"):
        touch(images / name)
    data = load(tmp_path)
    assert data.names == ["a.jpg", "c.jpg"]
    assert data.points[:, 0, 0].tolist() == [1, 3]
    assert data.points.dtype == np.int16
    assert data.problems == [
        Problem(f"{csv}, row 3", f"no picture b.jpg in {images}"),
        Problem(f"{csv}, row 5", f"no picture d.jpg in {images}"),
        Problem(str(images / "x.JPG"), "one of 2 pictures that no row names"),
    ]
    for name in ("a.jpg", "c.jpg"):
        (images / name).unlink()
    with pytest.raises(ValueError, match=r"no row .*; the first: .*csv, row 2: no picture a\.jpg"):
        load(tmp_path)


def test_one_point_is_enough(tmp_path: Path, load: Callable[..., DataSet]) -> None:
    write(tmp_path / "landmarks.csv", "a.jpg", points=1)
    assert load(tmp_path).points.shape == (1, 1, 2)
    write(tmp_path / "landmarks.csv", "a.jpg", points=0)
    with pytest.raises(ValueError, match=r"landmarks\.csv has no points"):
        load(tmp_path)


def test_extras(tmp_path: Path, load: Callable[..., DataSet]) -> None:
    main = write(tmp_path / "main" / "train" / "landmarks.csv", "a.jpg b.jpg c.jpg")
    for name in ("d.jpg", "gone.jpg"):
        touch(main.parent / "images" / name)
    dop1 = write(tmp_path / "main" / "train" / "dop1.csv", "d.jpg a.jpg", first=50)
    made = tmp_path / "made"
    csv = write(made / "landmarks.csv", "a-0.jpg b-0.jpg a-1.jpg gone-0.jpg", first=0.5)
    (made / "images" / "gone-0.jpg").unlink()
    sources = ["a-0.jpg,a.jpg", "b-0.jpg,b.jpg", "a-1.jpg,a.jpg", "gone-0.jpg,c.jpg"]
    (made / "sources.csv").write_text("\n".join(["file_name,source", *sources]) + "\n")
    data = load(tmp_path / "main", dop1, made)
    assert data.names == ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "a-0.jpg", "b-0.jpg", "a-1.jpg"]
    assert data.paths[3] == main.parent / "images" / "d.jpg"
    assert data.paths[4] == made / "images" / "a-0.jpg"
    assert data.extra.tolist() == [False] * 3 + [True] * 4
    assert data.sources == ["", "", "", "", "a.jpg", "b.jpg", "a.jpg"]
    assert data.points.dtype == np.float32
    assert data.points[:, 0, 0].tolist() == [1, 2, 3, 50, 0.5, 1.5, 2.5]
    assert data.groups.tolist() == [0, 1, 2, 3, 0, 1, 0]
    assert data.problems == [
        Problem(f"{dop1}, row 3", "a.jpg stands in a file before it"),
        Problem(f"{csv}, row 5", f"no picture gone-0.jpg in {made / 'images'}"),
        Problem(str(main.parent / "images" / "gone.jpg"), "one of 1 pictures that no row names"),
    ]
    assert extras_beside(data, np.array([0])).tolist() == [3, 5]
    assert extras_beside(data, np.array([1, 2])).tolist() == [3, 4, 6]


def test_other_counts_of_points(tmp_path: Path, load: Callable[..., DataSet]) -> None:
    write(tmp_path / "main" / "landmarks.csv", "a.jpg", points=2)
    write(tmp_path / "extra" / "landmarks.csv", "b.jpg", points=3)
    with pytest.raises(
        ValueError, match=r"main/landmarks\.csv has 2 points, .*extra/landmarks\.csv has 3"
    ):
        load(tmp_path / "main", tmp_path / "extra")


def test_bad_sources(tmp_path: Path, load: Callable[..., DataSet]) -> None:
    write(tmp_path / "landmarks.csv", "a.jpg")
    write(tmp_path / "extra" / "landmarks.csv", "b.jpg")
    (tmp_path / "extra" / "sources.csv").write_text("b.jpg,a.jpg\n")
    with pytest.raises(ValueError, match=r"sources\.csv must have the columns file_name,source"):
        load(tmp_path, tmp_path / "extra")


def test_pts_folder(tmp_path: Path, load: Callable[..., DataSet]) -> None:
    touch(tmp_path / "indoor" / "a.png")
    (tmp_path / "indoor" / "a.pts").write_text("version: 1\nn_points: 1\n{\n3 4.5\n}\n")
    data = load(tmp_path)
    assert data.paths == [tmp_path / "indoor" / "a.png"]
    assert data.points.tolist() == [[[2, 3.5]]]


@pytest.mark.parametrize("beside", ["WFLW_images", "../WFLW_images", "../../WFLW_images"])
def test_wflw_list(beside: str, tmp_path: Path, load: Callable[..., DataSet]) -> None:
    path = tmp_path / "annotations" / "lists" / "list_98pt.txt"
    path.parent.mkdir(parents=True)
    rows = [" ".join([*map(str, range(206)), name]) for name in ("0--P/a.jpg", "0--P/b.jpg")]
    path.write_text("\n".join([*rows, rows[0]]) + "\n")
    touch((path.parent / beside).resolve() / "0--P" / "a.jpg")
    data = load(path)
    assert data.names == ["0--P/a.jpg", "0--P/a.jpg"], "a picture may show two faces"
    assert all(path.is_file() for path in data.paths)
    assert data.groups.tolist() == [0, 0]
    assert [p.where for p in data.problems] == [f"{path}, row 2"]


def test_a_plain_csv_of_floats(tmp_path: Path, load: Callable[..., DataSet]) -> None:
    touch(tmp_path / "faces" / "a.jpg")
    (tmp_path / "points.csv").write_text("faces/a.jpg,1.5,2\n")
    data = load(tmp_path / "points.csv")
    assert data.paths == [tmp_path / "faces" / "a.jpg"]
    assert data.points.tolist() == [[[1.5, 2]]]


def test_nothing_to_read(tmp_path: Path, load: Callable[..., DataSet]) -> None:
    with pytest.raises(ValueError, match=r"no landmarks in .*; expected landmarks\.csv"):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"no such file: .*none"):
        load(tmp_path / "none")
    with pytest.raises(ValueError, match=r"none\.txt cannot be read"):
        load(tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("point", "far"),
    [
        ((0, 0), False),
        ((-9, 39), False),
        ((19.4, -20.4), False),
        ((0, 39.6), True),
        ((19.6, 0), True),
        ((-10.6, 0), True),
        ((0, -20.6), True),
    ],
)
def test_far_points(point: tuple[float, float], far: bool) -> None:
    points = np.array([(5, 5), point, (-999, 0) if far else (6, 6)])
    reason = far_points(points, height=20, width=10)
    x, y = point
    told = f"point 1 at {x:g}, {y:g} is far outside the picture of 10 x 20 pixels"
    assert reason == (told if far else "")


def points_csv(folder: Path, *rows: str, header: str = "file_name\tpoint_index_list") -> Path:
    path = folder / "test_points.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_test_points(tmp_path: Path) -> None:
    path = points_csv(tmp_path, "b.jpg\t[4, 0, 67]", 'a.jpg\t"[1]"', "")
    expected = [("b.jpg", [4, 0, 67]), ("a.jpg", [1])]
    assert read_test_points(path) == read_test_points(path, 68) == expected
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_test_points(path) == expected


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("[1, 68]", r"point indices must be in 0\.\.67; received: 68"),
        ("[1, -1]", r"point indices must be in 0\.\.67; received: -1"),
        ("__import__('os').remove('x')", "must be a list of whole numbers; received: .__import__"),
        ("[print(1)]", "must be a list of whole numbers"),
        ("[1, 2", "must be a list of whole numbers"),
        ("[1.0]", "must be a list of whole numbers"),
        ("[True]", "must be a list of whole numbers"),
        ("['1']", "must be a list of whole numbers"),
        ("(1, 2)", "must be a list of whole numbers"),
        ("[]", "must be a list of whole numbers"),
        ("", "must be a list of whole numbers"),
        ("[" * 5000, "must be a list of whole numbers"),
        ("[1]\t[2]", "must be a file name and a list; received"),
        ("[1]\nok.jpg\t[1]", r"ok\.jpg stands there twice"),
    ],
)
def test_bad_test_points(cell: str, message: str, tmp_path: Path) -> None:
    path = points_csv(tmp_path, "ok.jpg\t[1]", f"x.jpg\t{cell}")
    with pytest.raises(ValueError, match=rf"test_points\.csv, row [34]: {message}"):
        read_test_points(path, 68)


def test_files_that_are_no_test_points(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be read as a csv"):
        read_test_points(tmp_path / "none.csv")
    with pytest.raises(ValueError, match=r"must have a header of file_name"):
        read_test_points(points_csv(tmp_path, header="a.jpg\t[1]"))
    with pytest.raises(ValueError, match=r"has no rows"):
        read_test_points(points_csv(tmp_path))

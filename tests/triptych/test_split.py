"""split.csv: which sample was on which side, and whether the data are still the same."""

from pathlib import Path

import pytest

from triptych import split

ROWS = [
    ("1.jpg", "audi", "training", "aa"),
    ("2.jpg", "audi", "validation", "bb"),
    ("2.jpg", "bmw, new", "left out", "cc"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    split.write(tmp_path, ("Id", "Category"), ROWS)
    return tmp_path


def test_what_is_written_is_read(folder: Path) -> None:
    assert split.read(folder) == {
        ("1.jpg", "audi"): "training",
        ("2.jpg", "audi"): "validation",
        ("2.jpg", "bmw, new"): "left out",
    }
    split.require_same(folder, ROWS)
    assert (folder / "split.csv").read_text().startswith("Id,Category,side,sha256\n")


def test_one_key(tmp_path: Path) -> None:
    split.write(tmp_path, ("file_name",), [("a.jpg", "training", "aa")])
    assert split.read(tmp_path) == {("a.jpg",): "training"}
    with pytest.raises(ValueError, match=r"other data: a\.jpg has changed$"):
        split.require_same(tmp_path, [("a.jpg", "training", "bb")])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS[1:], r"other data: 1\.jpg of class audi is not there any more, or cannot be used$"),
        (ROWS[2:], r"1\.jpg of class audi \(and 1 more\) is not there any more"),
        ([*ROWS, ("3.jpg", "audi", "training", "dd")], r"3\.jpg of class audi is new$"),
        ([(*ROWS[0][:3], "zz"), *ROWS[1:]], r"1\.jpg of class audi has changed$"),
        (
            [(*ROWS[0][:2], "validation", "aa"), *ROWS[1:]],
            r"1\.jpg of class audi is on the other side of the split$",
        ),
        (ROWS[::-1], "begun with the same pictures in another order$"),
    ],
)
def test_other_data(rows: list[tuple[str, ...]], message: str, folder: Path) -> None:
    with pytest.raises(ValueError, match=f"cannot go on with .*{message}"):
        split.require_same(folder, rows)


def test_the_fingerprint_is_that_of_the_rows(folder: Path, tmp_path: Path) -> None:
    before = split.fingerprint(folder)
    split.write(tmp_path, ("Id", "Category"), ROWS)
    assert split.fingerprint(tmp_path) == before
    split.write(tmp_path, ("Id", "Category"), ROWS[::-1])
    assert split.fingerprint(tmp_path) != before


def test_a_folder_without_it(tmp_path: Path) -> None:
    for function in (split.read, lambda folder: split.require_same(folder, [])):
        with pytest.raises(ValueError, match=r"none has no split\.csv, which says what it was"):
            function(tmp_path / "none")

"""Which sample is on which side, split.csv, and whether the data are still the same."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


GROUPS = st.lists(st.integers(-3, 9), min_size=1, max_size=60).map(np.array)


@settings(max_examples=40)
@given(groups=GROUPS, fraction=st.floats(0, 0.99), seed=st.integers(0, 99))
def test_split_keeps_groups_together(groups: np.ndarray, fraction: float, seed: int) -> None:
    training, validation = split.share(len(groups), fraction, seed, groups)
    assert sorted([*training, *validation]) == list(range(len(groups)))
    assert not set(groups[training]) & set(groups[validation])
    assert len(training)
    assert bool(len(validation)) == (fraction > 0 and len(set(groups)) > 1)
    largest = max(np.unique_counts(groups).counts)
    assert abs(len(validation) - fraction * len(groups)) <= largest
    np.testing.assert_array_equal(split.share(len(groups), fraction, seed, groups)[1], validation)


@settings(max_examples=40)
@given(groups=GROUPS, folds=st.integers(2, 6), seed=st.integers(0, 99))
def test_folds_keep_groups_together(groups: np.ndarray, folds: int, seed: int) -> None:
    validations: list[int] = []
    for fold in range(folds):
        try:
            training, validation = split.fold(len(groups), fold, folds, seed, groups)
        except ValueError:
            assert max(np.unique_counts(groups).counts) > len(groups) / folds / 2
            continue
        assert sorted([*training, *validation]) == list(range(len(groups)))
        assert not set(groups[training]) & set(groups[validation])
        validations.extend(validation)
    assert sorted(validations) == list(range(len(groups)))


def test_splits_without_groups() -> None:
    training, validation = split.share(4699, 0.15, 0)
    assert (len(training), len(validation)) == (3994, 705)
    assert validation.tolist() != list(range(705))
    assert (validation != split.share(4699, 0.15, 1)[1]).any()
    sizes = [len(split.fold(4699, fold, 5, 0)[1]) for fold in range(5)]
    assert sum(sizes) == 4699
    assert max(sizes) - min(sizes) <= 1


def test_errors_of_splits() -> None:
    with pytest.raises(ValueError, match=r"`val_fraction` must be in \[0, 1\); received: .*=1.0"):
        split.share(2, 1.0, 0)
    for fold, folds in ((5, 5), (-1, 5), (0, 1)):
        with pytest.raises(ValueError, match=f"received: fold={fold}, folds={folds}"):
            split.fold(2, fold, folds, 0)
    with pytest.raises(ValueError, match=r"fold . of 3 would have no samples: there are 2 groups"):
        [split.fold(4, fold, 3, 0, np.array([0, 0, 1, 1])) for fold in range(3)]
    with pytest.raises(ValueError, match="`groups` must have 3 numbers; received: 2"):
        split.share(3, 0.5, 0, np.array([0, 1]))

"""A folder of pictures -> list of records; what cannot be used is listed, not fatal."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"})
_CSV_ERRORS = (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError)


@dataclass(frozen=True)
class Record:
    """One labelled picture; `label` is a position in the class list."""

    path: Path
    label: int


@dataclass(frozen=True)
class Problem:
    """A file or a csv row that is left out or worth a look, and why."""

    where: str
    reason: str


@dataclass(frozen=True)
class DataSet:
    """Records, the classes' identifiers as the csv or the folders have them, and their names."""

    records: list[Record]
    classes: list[str]
    names: list[str]
    problems: list[Problem]


def read(data: Path, class_csv: Path | None = None) -> DataSet:
    """Read the Kaggle layout (`train.csv` and `train/<Category>/<Id>`) or a class-per-folder tree.

    Class names come from `class_csv` or `data/classes.csv` (`Category,name`), else from the
    folders. Rows without a file and files without a row are listed in `problems`.

    Raises:
        ValueError: no such folder, no pictures, fewer than two classes, a csv without the columns
            it needs, a label that the class csv does not have, one Id with two labels.
    """
    if not data.is_dir():
        raise ValueError(f"`data` must be a folder; received: {data}")
    csv = data / "train.csv"
    found, problems = _read_csv(data, csv) if csv.exists() else _read_tree(data)
    if not found:
        raise ValueError(f"no pictures in {data}; expected train.csv and train/, or CLASS/PICTURE")
    used = {category for _, category in found}
    if class_csv is None and (data / "classes.csv").exists():
        class_csv = data / "classes.csv"
    if class_csv is not None:
        table = _read_table(class_csv, ("Category", "name"))
        names_by_class = dict(zip(table["Category"], table["name"], strict=True))
        if unknown := sorted(used - set(names_by_class), key=_natural):
            path = next(path for path, category in found if category == unknown[0])
            raise ValueError(f"unknown label {unknown[0]!r} of {path}: it is not in {class_csv}")
    else:
        names_by_class = {category: category for category in used}
    classes = sorted(names_by_class, key=_natural)
    problems += [
        Problem(f"class {category}", "has no picture")
        for category in classes
        if category not in used
    ]
    if len(used) < 2:
        raise ValueError(f"at least two classes are needed; {data} has {sorted(used)}")
    index = {category: i for i, category in enumerate(classes)}
    records = [Record(path, index[category]) for path, category in found]
    return DataSet(records, classes, [names_by_class[c] for c in classes], problems)


def split(labels: Sequence[int], fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of (training, validation), stratified: `fraction` of every class is validation.

    A class with one picture has it in training. Fraction 0 gives no validation.

    Raises:
        ValueError: `fraction` is not in [0, 1).
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"`val_fraction` must be in [0, 1); received: val_fraction={fraction}")
    validation: list[int] = []
    for members in _shuffled_classes(labels, seed):
        wanted = max(1, round(fraction * len(members))) if fraction > 0 else 0
        validation.extend(members[: min(wanted, len(members) - 1)])
    return _complement(validation, len(labels)), np.sort(np.array(validation, np.int64))


def split_fold(
    labels: Sequence[int], fold: int, folds: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of (training, validation) of fold number `fold` (from 0) of `folds`, stratified.

    Raises:
        ValueError: fewer than 2 folds, or `fold` is not one of them.
    """
    if folds < 2 or not 0 <= fold < folds:
        raise ValueError(
            f"`fold` must be in 0..folds-1, `folds` >= 2; received: fold={fold}, folds={folds}"
        )
    validation: list[int] = []
    offset = 0
    for members in _shuffled_classes(labels, seed):
        # Each class goes on dealing where the last one stopped, so folds have equal sizes.
        if len(members) > 1:
            turn = (np.arange(len(members)) + offset) % folds
            validation.extend(members[turn == fold])
            offset += len(members)
    return _complement(validation, len(labels)), np.sort(np.array(validation, np.int64))


def _shuffled_classes(labels: Sequence[int], seed: int) -> list[np.ndarray]:
    array = np.asarray(labels)
    rng = np.random.default_rng(seed)
    return [rng.permutation(np.flatnonzero(array == label)) for label in np.unique(array)]


def _complement(positions: Sequence[int], count: int) -> np.ndarray:
    return np.setdiff1d(np.arange(count), np.asarray(positions, np.int64))


def _read_csv(data: Path, csv: Path) -> tuple[list[tuple[Path, str]], list[Problem]]:
    table = _read_table(csv, ("Id", "Category"))
    found: dict[Path, tuple[str, int]] = {}
    problems = []
    for row, (name, category) in enumerate(
        zip(table["Id"], table["Category"], strict=True), start=2
    ):
        path = data / "train" / category / name
        where = f"{csv}, row {row}"
        if not name or not category:
            problems.append(Problem(where, "an empty Id or Category"))
        elif path in found:
            problems.append(
                Problem(where, f"{name} stands there twice, first in row {found[path][1]}")
            )
        elif path.is_file():
            found[path] = (category, row)
        else:
            problems.append(Problem(where, f"no such file: {path}"))
    _refuse_two_labels(csv, table)
    on_disk = [path for folder in _folders(data / "train") for path in _pictures(folder)]
    problems += [Problem(str(p), f"no row in {csv.name}") for p in on_disk if p not in found]
    return [(path, category) for path, (category, _) in found.items()], problems


def _refuse_two_labels(csv: Path, table: pd.DataFrame) -> None:
    full = table[(table["Id"] != "") & (table["Category"] != "")]
    kinds = full.drop_duplicates().groupby("Id")["Category"].agg(list)
    for name, categories in kinds.items():
        # Only where both pictures exist could one Id mean two pictures.
        existing = [c for c in categories if (csv.parent / "train" / c / str(name)).is_file()]
        if len(categories) > 1 and len(existing) != len(categories):
            raise ValueError(f"{csv}: Id {name} has two labels: {', '.join(categories)}")


def _read_tree(data: Path) -> tuple[list[tuple[Path, str]], list[Problem]]:
    root = data / "train" if (data / "train").is_dir() else data
    found, problems = [], []
    for folder in _folders(root):
        pictures = set(_pictures(folder))
        found += [(path, folder.name) for path in sorted(pictures)]
        problems += [
            Problem(str(path), "not a picture by its name")
            for path in sorted(folder.iterdir())
            if path.is_file() and path not in pictures
        ]
        if not pictures:
            problems.append(Problem(str(folder), "a class folder without pictures"))
    return found, problems


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())


def _read_table(csv: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Text columns of a csv, empty cells as ""."""
    try:
        with warnings.catch_warnings():
            # Lines that are all too long get no error: the first column would be an index, or,
            # by `index_col=False`, the last one would be dropped with a warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                csv,
                dtype=str,
                keep_default_na=False,
                skipinitialspace=True,
                index_col=False,
                skip_blank_lines=False,  # else the rows' numbers are not those of the file
            )
    except (OSError, UnicodeDecodeError, *_CSV_ERRORS) as error:
        raise ValueError(f"{csv} cannot be read as a csv: {error}") from error
    if missing := [c for c in columns if c not in table.columns]:
        raise ValueError(
            f"{csv} has no column {', '.join(missing)}; it has: {', '.join(table.columns)}"
        )
    return table[list(columns)]


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key that puts 10 after 9."""
    parts = re.split(r"(\d+)", text)
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts if p]

"""Landmark data of any known layout -> pictures and points; what cannot be used is listed."""

import ast
import csv
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from landmarks import formats, store
from landmarks.formats import SUFFIXES, Problem, Table
from triptych.sources import read as read_sources

__all__ = [
    "DataSet",
    "Problem",
    "extras_beside",
    "far_points",
    "read",
    "read_test_points",
]

CSV = "landmarks.csv"
_BLOCK = 4096  # rows


@dataclass(frozen=True)
class DataSet:
    """Pictures and their points, row by row.

    `points` [R, N, 2] int16 or float32: x, y in pixels of the upright picture. `names` are as the
    files have them; `extra` [R] bool: the row comes from an extra file; `sources`: the name of the
    picture that an extra one was made from, or "".
    """

    paths: list[Path]
    names: list[str]
    points: np.ndarray
    extra: np.ndarray
    sources: list[str]
    problems: list[Problem]

    @property
    def groups(self) -> np.ndarray:
        """[R] int: the same for a picture, and all that were made from it or bear its name."""
        keys = [source or name for source, name in zip(self.sources, self.names, strict=True)]
        numbers = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        return np.array([numbers[key] for key in keys], np.int64)


def read(data: Path, extra: Sequence[Path], cache: Path) -> DataSet:
    """Read `data`, and after it the files or folders `extra`, each in the layout that it has.

    Layouts: the contest's (`landmarks.csv` and `images/` in the folder or in its `train/`), a csv
    by itself, a folder of 300-W `.pts`, a list of WFLW. Pictures are looked for in `images/`
    beside the csv, beside it, and in the `images/` of `data`. A csv is parsed once, into the
    folder `cache`. Rows without a picture, and extra rows named as one before them, are listed and
    left out.

    Raises:
        ValueError: nothing there to read, other counts of points, no row that can be used.
    """
    tables = [_read_table(path, cache) for path in (data, *extra)]
    for table in tables[1:]:
        if table.points.shape[1:] != tables[0].points.shape[1:]:
            raise ValueError(
                f"{tables[0].origin} has {tables[0].points.shape[1]} points, "
                f"{table.origin} has {table.points.shape[1]}"
            )
    home = _folders(tables[0].origin)
    listings: dict[Path, set[str]] = {}
    paths: list[Path] = []
    names: list[str] = []
    sources: list[str] = []
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    problems: list[Problem] = []
    for number, table in enumerate(tables):
        problems += table.problems
        before = set(names)
        made_from = read_sources(table.origin.parent) if number else {}
        folders = list(dict.fromkeys([*_folders(table.origin), *home]))
        kept = []
        for row, name in enumerate(table.names):
            path = _find(name, folders, listings)
            if path is None:
                problems.append(Problem(table.where(row), f"no picture {name} in {folders[0]}"))
            elif name in before:
                problems.append(Problem(table.where(row), f"{name} stands in a file before it"))
            else:
                kept.append(row)
                paths.append(path)
                names.append(name)
                sources.append(made_from.get(name, ""))
        parts.append((table.points, np.array(kept, np.int64)))
    formats.require_rows(data, len(parts[0][1]), problems)
    problems += _without_row(home[0], _listing(home[0], listings), set(names))
    extras = np.arange(len(paths)) >= len(parts[0][1])
    return DataSet(paths, names, _gathered(parts, cache), extras, sources, problems)


def _read_table(path: Path, cache: Path) -> Table:
    if path.is_dir():
        for file in (path / CSV, path / "train" / CSV):
            if file.exists():
                return store.open_csv(file, cache)
        if any(path.rglob("*.pts")):
            return formats.read_pts(path)
        raise ValueError(
            f"no landmarks in {path}; expected {CSV} and images/ (or both in train/), "
            "a folder of .pts, or the path of a csv or of a list of WFLW"
        )
    if path.suffix == ".txt":
        return formats.read_wflw(path)
    return store.open_csv(path, cache)


def _folders(origin: Path) -> list[Path]:
    """Where pictures named in `origin` may be, the likeliest first."""
    if origin.is_dir():
        return [origin]
    here = origin.parent
    if origin.suffix == ".txt":
        return [folder / "WFLW_images" for folder in (here, here.parent, here.parent.parent)]
    return [here / "images", here]


def _find(name: str, folders: list[Path], listings: dict[Path, set[str]]) -> Path | None:
    inside, _, last = name.rpartition("/")
    for folder in folders:
        if last in _listing(folder / inside if inside else folder, listings):
            return folder / name
    return None


def _listing(folder: Path, listings: dict[Path, set[str]]) -> set[str]:
    """File names of a folder: one listing is far quicker than asking for each of its files."""
    if folder not in listings:
        listings[folder] = (
            {entry.name for entry in os.scandir(folder) if entry.is_file()}
            if folder.is_dir()
            else set()
        )
    return listings[folder]


def _without_row(folder: Path, files: set[str], names: set[str]) -> list[Problem]:
    left = sorted(f for f in files - names if Path(f).suffix.lower() in SUFFIXES)
    if not left:
        return []
    return [Problem(str(folder / left[0]), f"one of {len(left)} pictures that no row names")]


def _gathered(parts: list[tuple[np.ndarray, np.ndarray]], folder: Path) -> np.ndarray:
    """The kept rows of all tables: the memory-mapped file itself where it has them all."""
    if len(parts) == 1 and len(parts[0][1]) == len(parts[0][0]):
        return parts[0][0]
    shape = (sum(len(kept) for _, kept in parts), *parts[0][0].shape[1:])
    dtype = np.result_type(*(points for points, _ in parts))
    folder.mkdir(parents=True, exist_ok=True)
    # A file without a name: it needs no memory, and goes when nobody uses it.
    with tempfile.TemporaryFile(dir=folder) as file:
        gathered = np.memmap(file, dtype, "w+", shape=shape)
    row = 0
    for points, kept in parts:
        for start in range(0, len(kept), _BLOCK):
            block = kept[start : start + _BLOCK]
            gathered[row : row + len(block)] = points[block]
            row += len(block)
    return gathered


def far_points(points: np.ndarray, height: int, width: int) -> str:
    """Why a picture's points [N, 2] cannot be right, or "".

    That is one farther outside than the picture is wide or high, which is no face cut off but
    another picture's row.
    """
    size = np.array([width, height])
    far = ((points < -0.5 - size) | (points > 2 * size - 0.5)).any(axis=1)
    if not far.any():
        return ""
    first = int(np.argmax(far))
    x, y = points[first].tolist()
    return f"point {first} at {x:g}, {y:g} is far outside the picture of {width} x {height} pixels"


def read_test_points(path: Path, count: int | None = None) -> list[tuple[str, list[int]]]:
    """(picture's name, indices of the points asked for) by row of a `test_points.csv`.

    TAB-separated with a header: `file_name` and a list literal. It is read as data, never run.

    Raises:
        ValueError: naming file and row: not such a row, a name that stands there twice, or an
            index that is negative or, where `count` is given, not under `count`.
    """
    rows: dict[str, list[int]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.reader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as a csv: {error}") from error
    if not lines or len(lines[0]) != 2 or lines[0][0] != "file_name":
        raise ValueError(f"{path} must have a header of file_name and one column, by TAB")
    for number, cells in enumerate(lines[1:], start=2):
        if not cells:
            continue
        where = f"{path}, row {number}"
        if len(cells) != 2 or not cells[0]:
            raise ValueError(f"{where}: must be a file name and a list; received: {cells}")
        name, text = cells
        if name in rows:
            raise ValueError(f"{where}: {name} stands there twice")
        try:
            rows[name] = _indices(text, count)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
    if not rows:
        raise ValueError(f"{path} has no rows")
    return list(rows.items())


def _indices(text: str, count: int | None) -> list[int]:
    try:
        indices = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        indices = None
    if not isinstance(indices, list) or not indices or any(type(i) is not int for i in indices):
        raise ValueError(f"must be a list of whole numbers; received: {text[:60]!r}")
    for index in indices:
        if index < 0 or (count is not None and index >= count):
            known = "0 or more" if count is None else f"in 0..{count - 1}"
            raise ValueError(f"point indices must be {known}; received: {index}")
    return indices


def extras_beside(data: DataSet, validation: np.ndarray) -> np.ndarray:
    """Positions of the extra rows that were made from no picture of `validation` (positions)."""
    groups = data.groups
    return np.flatnonzero(data.extra & ~np.isin(groups, groups[validation]))

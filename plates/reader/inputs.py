"""What the user named on the command line -> plates to be read, labelled or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from plates import records
from plates.reader.records import CROPS, Crop
from triptych.images import SUFFIXES

COLUMNS = ("file", "file_name", "image_path")
"""Names, in this order, of a csv's column, or of a json list's key, that has the pictures."""


@dataclass(frozen=True)
class Found:
    """Plates to be read, and the pictures' names, those of photographs without a plate too."""

    plates: list[Crop]
    pictures: list[str]


def find(paths: Sequence[Path]) -> Found:
    """Plates of pictures, folders (with their subfolders), lists of crops and contest files.

    A csv or json list names crops, relative to itself; a contest's `train.json` names photographs,
    from which every plate is cut by its corners. A folder with a `train_recognition.json` or a
    `train.json` counts as that file. Texts that stand there are not looked at: they are "". A
    picture that a list names need not be there. What is wrong with photographs and their boxes is
    printed.

    Raises:
        ValueError: a path that does not exist, a folder without pictures, a list that cannot be
            read or names no picture, or two pictures of one name (it is the key of every answer).
    """
    plates: list[Crop] = []
    pictures: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise ValueError(f"no such file or folder: {path}")
        if path.is_dir():
            found = _folder(path)
        elif path.suffix.lower() == ".csv":
            found = _csv(path)
        elif path.suffix.lower() == ".json":
            found = _json(path)
        else:
            found = _whole([(path, path.name)])
        for name in found.pictures:
            if name in pictures:
                raise ValueError(
                    f"two pictures have one name, {name}; received: {pictures[name]} and {path}"
                )
            pictures[name] = path
        plates += found.plates
    return Found(plates, list(pictures))


def _folder(path: Path) -> Found:
    for name in (CROPS, records.CONTEST):
        if (path / name).is_file():
            return _json(path / name)
    pictures = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not pictures:
        raise ValueError(f"no pictures in {path}")
    # Named as a contest names them: test/12.jpg.
    return _whole([(p, p.relative_to(path.parent).as_posix()) for p in pictures])


def _csv(path: Path) -> Found:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{path} cannot be read as a csv: {error}") from error
    column = next((name for name in COLUMNS if name in table), None)
    if column is None:
        raise ValueError(f"{path} has none of the columns {', '.join(COLUMNS)}")
    return _named(path, table[column].tolist())


def _json(path: Path) -> Found:
    rows = records.load(path)
    if any(isinstance(row, dict) and "nums" in row for row in rows):
        photographs, problems = records.parse(path, rows)
        for problem in problems:
            print(f"{problem.where}: {problem.reason}")
        plates = [
            Crop(photograph.path, f"{photograph.name}#{number}", "", plate.quad)
            for photograph in photographs
            for number, plate in enumerate(photograph.plates)
        ]
        # Those left out as well, and once each: all are to be answered.
        files = [row.get("file") for row in rows if isinstance(row, dict)]
        named = dict.fromkeys(name for name in files if isinstance(name, str) and name)
        if not named:
            raise ValueError(f"{path} names no picture")
        return Found(plates, list(named))
    names = []
    for number, row in enumerate(rows, start=1):
        known = row if isinstance(row, dict) else {}
        name = next((known[key] for key in COLUMNS if key in known), None)
        if not isinstance(name, str):
            raise ValueError(f"{path}, row {number}: has no {', '.join(COLUMNS)}")
        names.append(name)
    return _named(path, names)


def _named(path: Path, names: Sequence[str]) -> Found:
    if not names:
        raise ValueError(f"{path} names no picture")
    return _whole([(path.parent / name, name) for name in names])


def _whole(pictures: Sequence[tuple[Path, str]]) -> Found:
    """Pictures, with their names, that are one plate each."""
    return Found(
        [Crop(path, name, "", None) for path, name in pictures], [name for _, name in pictures]
    )

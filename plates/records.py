"""Photographs with plates: the contest's json -> pictures, corners, texts; what is bad is listed.

`[{"file": "train/0.jpg", "nums": [{"box": [[x, y] x 4], "text": "..."}]}]`, pictures named from the
json's folder. Boxes may begin at any corner and go either way round; a box may have no text.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plates import geometry

CONTEST = "train.json"
Quad = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Problem:
    """A file, a row or a box that is left out or worth a look, and why."""

    where: str
    reason: str


@dataclass(frozen=True)
class Plate:
    """Corners in pixels, in reading order (`geometry`), and the text as the file has it."""

    quad: Quad
    text: str | None
    """None: the file does not say."""


@dataclass(frozen=True)
class Photograph:
    """A picture and the plates in it; `name` is as the file has it."""

    path: Path
    name: str
    plates: tuple[Plate, ...]


def read(path: Path) -> tuple[list[Photograph], list[Problem]]:
    """Read the contest's folder, or its json, or one like it without texts.

    A photograph without plates is kept, and so is a box that reaches out of the picture: `read`
    opens no picture. Of a file that stands there twice the first counts. Boxes whose sides cross
    are put in order and listed; other bad boxes are listed and left out.

    Raises:
        ValueError: nothing there to read, no list of photographs, a json that is cut off or damaged
            (with the place), or no photograph that can be used.
    """
    source = path / CONTEST if path.is_dir() else path
    photographs, problems = parse(source, load(source))
    if not photographs:
        first = [f"; the first of {len(problems)}: {p.where}: {p.reason}" for p in problems[:1]]
        raise ValueError(f"no photograph of {source} can be used{''.join(first)}")
    return photographs, problems


def load(path: Path) -> list[Any]:
    """The list that a json file holds.

    Raises:
        ValueError: no such file, not a list, not UTF-8, or cut off or damaged (with the place).
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    except json.JSONDecodeError as error:
        end = ", where the file ends" if error.pos >= len(error.doc.rstrip()) else ""
        place = f"line {error.lineno}, column {error.colno}{end}"
        raise ValueError(f"{path} is damaged or cut off: {error.msg} at {place}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read as json: {error}") from error
    if not isinstance(rows, list):
        raise ValueError(f"{path} must hold a list; received: {type(rows).__name__}")
    return rows


def parse(source: Path, rows: list[Any]) -> tuple[list[Photograph], list[Problem]]:
    """Photographs from what `load` found in `source`, and what is wrong with others."""
    photographs: list[Photograph] = []
    problems: list[Problem] = []
    files = Files()
    rows_by_name: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        where = f"{source}, row {number}"
        name = row.get("file") if isinstance(row, dict) else None
        if not isinstance(name, str) or not name:
            problems.append(Problem(where, f"must have a `file`; received: {row!r:.60}"))
        elif not isinstance(row.get("nums"), list):
            problems.append(Problem(where, f"{name} has no list `nums`"))
        elif name in rows_by_name:
            reason = f"{name} stands there twice, first in row {rows_by_name[name]}"
            problems.append(Problem(where, reason))
        elif not files.has(source.parent / name):
            problems.append(Problem(where, f"no picture {name} in {source.parent}"))
        else:
            rows_by_name[name] = number
            plates = [
                _plate(num, f"{where} ({name}), box {i}", problems)
                for i, num in enumerate(row["nums"], start=1)
            ]
            found = tuple(plate for plate in plates if plate is not None)
            photographs.append(Photograph(source.parent / name, name, found))
    return photographs, problems


def _plate(num: Any, where: str, problems: list[Problem]) -> Plate | None:
    try:
        given = geometry.quad(num["box"])
    except (TypeError, KeyError):
        problems.append(Problem(where, f"must have a `box`; received: {num!r:.60}"))
        return None
    except ValueError as error:
        problems.append(Problem(where, str(error)))
        return None
    corners = geometry.reading_order(given)
    if reason := geometry.defect(corners):
        problems.append(Problem(where, f"left out: {reason}"))
        return None
    if geometry.defect(given):
        problems.append(Problem(where, "its sides cross; its corners were put in order"))
    text = num.get("text")
    if not isinstance(text, str | None):
        problems.append(Problem(where, f"`text` must be a string; received: {text!r:.60}"))
        text = None
    return Plate(tuple((float(x), float(y)) for x, y in corners.tolist()), text)


class Files:
    """Which files there are: one listing of a folder is far quicker than asking for each file."""

    def __init__(self) -> None:
        self._listings: dict[Path, set[str]] = {}

    def has(self, path: Path) -> bool:
        """Whether `path` is a file."""
        folder = path.parent
        if folder not in self._listings:
            try:
                names = {entry.name for entry in os.scandir(folder) if entry.is_file()}
            except (OSError, ValueError):
                names = set()
            self._listings[folder] = names
        return path.name in self._listings[folder]

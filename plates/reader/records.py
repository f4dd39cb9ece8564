"""Data of any known layout -> plate crops with their texts; what cannot be used is listed."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from plates import records as photographs
from plates.reader.groups import groups
from plates.records import CONTEST, Problem, Quad
from plates.text import normalize

__all__ = ["Crop", "Problem", "groups", "read"]

CROPS = "train_recognition.json"
_COLUMNS = ("image_path", "plate_text")


@dataclass(frozen=True)
class Crop:
    """One plate and what it says.

    `name` is as the data name it, and unique; `text` is normalized, "" where there is no plate to
    be read. `quad` are the corners in the upright picture, in reading order and pixels; None: the
    whole picture is the crop.
    """

    path: Path
    name: str
    text: str
    quad: Quad | None
    country: str = ""
    rows: int = 0
    """Lines of text; 0: unknown."""
    extra: bool = False
    """For training only."""

    @property
    def where(self) -> str:
        """The picture's file, and the number of the plate in a photograph."""
        return str(self.path) + (f"#{self.name.rpartition('#')[2]}" if self.quad else "")


def read(
    data: Path, extra: Sequence[Path] = (), *, cyrillic: bool = True
) -> tuple[list[Crop], list[Problem]]:
    """Read `data`, and after it the files or folders `extra`, each in the layout that it has.

    Layouts: a folder with `train_recognition.json` (else `train.json`), or one of these by itself:

    - `train_recognition.json`, `[{"file", "text", "country"?, "rows"?}]`: whole pictures, named
      from the json's folder. `"text": ""` says that there is no plate; a row that says nothing is
      listed and left out.
    - the contest's `train.json` (see `plates.records`): each plate with a text is a crop, named
      `train/0.jpg#0`, #1 ... in the order of the photograph's plates.
    - a csv of fast-plate-ocr, `image_path,plate_text[,plate_region]`: whole pictures, named from
      the csv's folder. An empty text may be a forgotten one, so it is listed and left out.

    Texts are normalized, with Cyrillic look-alikes as Latin letters when `cyrillic`. Pictures that
    are not there are listed. Of a picture with several rows the first counts, or none where their
    texts differ. Crops of the first `extra` are named `extra1:...`, and so on; those that are in
    the data before it are listed and left out.

    Raises:
        ValueError: nothing there to read, a json cut off, a csv without its columns, or no row of
            one of them that can be used.
    """
    crops: list[Crop] = []
    problems: list[Problem] = []
    seen: set[tuple[Path, Quad | None]] = set()
    for number, source in enumerate((data, *extra)):
        found, wrong = _read_one(source, cyrillic)
        problems += wrong
        for crop in found:
            key = (crop.path.resolve(), crop.quad) if extra else (crop.path, crop.quad)
            if number and key in seen:
                problems.append(Problem(f"{source}, {crop.name}", "is in the data before it"))
                continue
            seen.add(key)
            named = replace(crop, name=f"extra{number}:{crop.name}", extra=True) if number else crop
            crops.append(named)
    return crops, problems


def _read_one(path: Path, cyrillic: bool) -> tuple[list[Crop], list[Problem]]:
    source = path
    if path.is_dir():
        inside = [path / name for name in (CROPS, CONTEST) if (path / name).is_file()]
        if not inside:
            raise ValueError(f"no plates in {path}; expected {CROPS} or {CONTEST}, or a csv's path")
        source = inside[0]
    if source.suffix.lower() == ".csv":
        crops, problems = _pictures(source, _csv_rows(source), cyrillic)
    else:
        rows = photographs.load(source)
        if any(isinstance(row, dict) and "nums" in row for row in rows):
            crops, problems = _cut(source, rows, cyrillic)
        else:
            crops, problems = _pictures(source, _json_rows(source, rows), cyrillic)
    if not crops:
        first = [f"; the first of {len(problems)}: {p.where}: {p.reason}" for p in problems[:1]]
        raise ValueError(f"no plate of {source} can be used{''.join(first)}")
    return crops, problems


@dataclass(frozen=True)
class _Row:
    """`name` and `text` as they stand in a file; `error` says why the row is no good."""

    where: str
    name: str = ""
    text: str = ""
    country: str = ""
    rows: int = 0
    error: str = ""


def _json_rows(source: Path, rows: list[Any]) -> list[_Row]:
    found = []
    for number, row in enumerate(rows, start=1):
        where = f"{source}, row {number}"
        name, text = (row.get("file"), row.get("text")) if isinstance(row, dict) else (None, None)
        if not isinstance(name, str) or not name:
            found.append(_Row(where, error=f"must have a `file`; received: {row!r:.60}"))
        elif not isinstance(text, str):
            found.append(_Row(where, error=f'{name} has no `text`; where no plate is, it is ""'))
        else:
            country, lines = row.get("country"), row.get("rows")
            known = lines if isinstance(lines, int) and lines > 0 else 0
            found.append(_Row(where, name, text, str(country or ""), known))
    return found


def _csv_rows(source: Path) -> list[_Row]:
    try:
        with source.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True, strict=True)
            lines = [(reader.line_num, row) for row in reader]
            header = reader.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{source} cannot be read as a csv: {error}") from error
    if missing := [column for column in _COLUMNS if column not in header]:
        raise ValueError(
            f"{source} has no column {', '.join(missing)}; it has: {', '.join(header)}"
        )
    found = []
    for number, row in lines:
        where = f"{source}, row {number}"
        name, text = row["image_path"], row["plate_text"]
        if not name or not text or None in row:
            cells = [cell for cell in row.values() if cell is not None]
            found.append(_Row(where, error=f"must be a picture and its text; received: {cells}"))
        else:
            found.append(_Row(where, name, text, row.get("plate_region") or ""))
    return found


def _pictures(source: Path, rows: list[_Row], cyrillic: bool) -> tuple[list[Crop], list[Problem]]:
    """Rows about whole pictures: checked, and one crop a picture."""
    problems: list[Problem] = []
    files = photographs.Files()
    by_path: dict[Path, list[tuple[_Row, Crop]]] = {}
    for row in rows:
        path = source.parent / row.name
        text = normalize(row.text, cyrillic)
        if row.error:
            problems.append(Problem(row.where, row.error))
        elif row.text and not text:
            problems.append(Problem(row.where, f"no character in {row.text!r}"))
        elif not files.has(path):
            problems.append(Problem(row.where, f"no picture {row.name} in {source.parent}"))
        else:
            crop = Crop(path, row.name, text, None, row.country, row.rows)
            by_path.setdefault(path, []).append((row, crop))
    crops = []
    for (first, crop), *others in by_path.values():
        if all(other.text == crop.text for _, other in others):
            crops.append(crop)
            reason = f"{crop.name} stands there twice, first in {first.where}"
            problems += [Problem(row.where, reason) for row, _ in others]
        else:
            texts = ", ".join(dict.fromkeys([crop.text, *(other.text for _, other in others)]))
            reason = f"{crop.name} stands there with several texts: {texts}"
            problems += [Problem(row.where, reason) for row in (first, *(row for row, _ in others))]
    return crops, problems


def _cut(source: Path, rows: list[Any], cyrillic: bool) -> tuple[list[Crop], list[Problem]]:
    """The plates of photographs."""
    found, problems = photographs.parse(source, rows)
    crops = []
    without = []
    for photograph in found:
        for number, plate in enumerate(photograph.plates):
            name = f"{photograph.name}#{number}"
            text = normalize(plate.text or "", cyrillic)
            if text:
                crops.append(Crop(photograph.path, name, text, plate.quad))
            else:
                without.append(name)
    if without:
        reason = f"no text, as for {len(without)} of {len(without) + len(crops)} plates"
        problems.append(Problem(f"{source}, {without[0]}", reason))
    return crops, problems

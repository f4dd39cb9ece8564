"""Photographs and the corners of their plates, of any known layout; what is bad is listed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from plates import records as photographs
from plates.detector import formats
from plates.records import CONTEST, Photograph, Problem, Quad
from triptych import sources

__all__ = ["Problem", "Quad", "Sample", "read", "weighted"]


@dataclass(frozen=True)
class Sample:
    """A photograph and its plates, of which there may be none.

    `name` is as the data name it, and unique; `quads` are corners in pixels of the upright picture,
    in reading order (`plates.geometry`); `texts` what the plates say, as the file has it, and ""
    where it does not tell; `source` is what the contest's json has under that name, or "".
    """

    path: Path
    name: str
    quads: tuple[Quad, ...]
    texts: tuple[str, ...]
    source: str = ""
    extra: bool = False
    """For training only."""
    weight: float = 1.0
    """How often it is taken in an epoch of training."""
    made_from: str = ""
    """Name of the photograph that this extra one was made from (`triptych.sources`), or ""."""


_Found = tuple[list[Sample], list[Problem]]


def read(data: Path, extra: Sequence[str] = ()) -> _Found:
    """Read `data`, and after it the files or folders `extra`, PATH or PATH@WEIGHT, of any layout.

    Layouts, found out by what is there:

    - the contest's folder or json (`plates.records`), with texts or without;
    - a COCO json, or a folder with `_annotations.coco.json`: `segmentation` polygons, else `bbox`.
      Of several categories those count that have "plate" in their names;
    - a YOLO folder: `images/` with `labels/` beside it, or folders of such (train/, valid/). A line
      is `class cx cy w h` or `class x1 y1 x2 y2 ...`, in shares of the picture's sides. All classes
      count; a picture without a file of labels holds no plate.

    Of COCO and YOLO more is in `plates.detector.formats`. Pictures of the first extra are named
    `extra1:...`, and so on; those that are in the data before it are listed and left out. What they
    were made from stands in a `sources.csv` beside the extra's json, if there is one.

    Raises:
        ValueError: nothing there to read, a json that is damaged or cut off (with the place), a bad
            weight, a sources.csv without its columns, or no photograph of one of them that can be
            used.
    """
    samples: list[Sample] = []
    problems: list[Problem] = []
    seen: set[Path] = set()
    for number, (path, weight) in enumerate([(data, 1.0), *map(weighted, extra)]):
        found, wrong = _read_one(path)
        problems += wrong
        made_from = sources.read(path if path.is_dir() else path.parent) if number else {}
        for sample in found:
            key = sample.path.resolve() if extra else sample.path
            if number and key in seen:
                problems.append(Problem(f"{path}, {sample.name}", "is in the data before it"))
                continue
            seen.add(key)
            if number:
                sample = replace(
                    sample,
                    name=f"extra{number}:{sample.name}",
                    extra=True,
                    weight=weight,
                    made_from=made_from.get(sample.name, ""),
                )
            samples.append(sample)
    return samples, problems


def weighted(extra: str) -> tuple[Path, float]:
    """`PATH@WEIGHT` -> path and weight; without a weight, and for a path that is there, 1.

    Raises:
        ValueError: a weight that is not positive and finite.
    """
    path, _, number = extra.rpartition("@")
    try:
        weight = float(number)
    except ValueError:
        path = ""
    if not path or Path(extra).exists():
        return Path(extra), 1.0
    if not 0 < weight < math.inf:
        raise ValueError(f"`extra` must be PATH@WEIGHT, a weight over 0; received: extra={extra}")
    return Path(path), weight


def _read_one(path: Path) -> _Found:
    source = path
    if path.is_dir():
        inside = [path / name for name in (CONTEST, formats.COCO) if (path / name).is_file()]
        source = inside[0] if inside else path
    origins: dict[str, str] = {}
    if source.is_dir():
        found, problems = formats.yolo(source)
    elif _is_object(source):
        found, problems = formats.coco(source)
    else:
        rows = photographs.load(source)
        found, problems = photographs.parse(source, rows)
        origins = _origins(rows)
    if not found:
        first = [f"; the first of {len(problems)}: {p.where}: {p.reason}" for p in problems[:1]]
        raise ValueError(f"no photograph of {source} can be used{''.join(first)}")
    return [_sample(one, origins.get(one.name, "")) for one in found], problems


def _origins(rows: list[Any]) -> dict[str, str]:
    """File -> `source` in the contest's json, of those that have one."""
    found: dict[str, str] = {}
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("source"), str):
            found.setdefault(str(row.get("file")), row["source"])
    return found


def _sample(photograph: Photograph, origin: str) -> Sample:
    quads = tuple(plate.quad for plate in photograph.plates)
    texts = tuple(plate.text or "" for plate in photograph.plates)
    return Sample(photograph.path, photograph.name, quads, texts, origin)


def _is_object(source: Path) -> bool:
    """Whether a json holds an object, as COCO's does, and not a list; of no file, False."""
    try:
        with source.open(encoding="utf-8-sig", errors="replace") as file:
            return file.read(1000).lstrip()[:1] == "{"
    except OSError:
        return False

"""Photographs and the corners of their plates, of any known layout; what is bad is listed."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from plates import geometry
from plates import records as photographs
from plates.records import CONTEST, Problem, Quad
from triptych.images import SUFFIXES

__all__ = ["Problem", "Quad", "Sample", "enclosing", "read", "weighted"]

COCO = "_annotations.coco.json"
_YOLO = ("images", "labels")
_FLAT = 1e-3  # pixels: a corner of an outline that stands out by less is none


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

    COCO and YOLO count from the edge of the first pixel, and half a pixel is taken off. A polygon
    of more than four points becomes the quad around it (`enclosing`). Pictures of the first extra
    are named `extra1:...`, and so on; those that are in the data before it are listed and left out.

    Raises:
        ValueError: nothing there to read, a json that is damaged or cut off (with the place), a bad
            weight, or no photograph of one of them that can be used.
    """
    samples: list[Sample] = []
    problems: list[Problem] = []
    seen: set[Path] = set()
    for number, (path, weight) in enumerate([(data, 1.0), *map(weighted, extra)]):
        found, wrong = _read_one(path)
        problems += wrong
        for sample in found:
            key = sample.path.resolve() if extra else sample.path
            if number and key in seen:
                problems.append(Problem(f"{path}, {sample.name}", "is in the data before it"))
                continue
            seen.add(key)
            if number:
                name = f"extra{number}:{sample.name}"
                sample = replace(sample, name=name, extra=True, weight=weight)
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
        inside = [path / name for name in (CONTEST, COCO) if (path / name).is_file()]
        source = inside[0] if inside else path
    if source.is_dir():
        samples, problems = _yolo(source)
    elif _is_object(source):
        samples, problems = _coco(source)
    else:
        samples, problems = _contest(source)
    if not samples:
        first = [f"; the first of {len(problems)}: {p.where}: {p.reason}" for p in problems[:1]]
        raise ValueError(f"no photograph of {source} can be used{''.join(first)}")
    return samples, problems


def _contest(source: Path) -> _Found:
    rows = photographs.load(source)
    found, problems = photographs.parse(source, rows)
    sources: dict[Any, str] = {}
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("source"), str):
            sources.setdefault(str(row.get("file")), row["source"])
    samples = [
        Sample(
            photograph.path,
            photograph.name,
            tuple(plate.quad for plate in photograph.plates),
            tuple(plate.text or "" for plate in photograph.plates),
            sources.get(photograph.name, ""),
        )
        for photograph in found
    ]
    return samples, problems


def _is_object(source: Path) -> bool:
    """Whether a json holds an object, as COCO's does, and not a list; of no file, False."""
    try:
        with source.open(encoding="utf-8-sig", errors="replace") as file:
            return file.read(1000).lstrip()[:1] == "{"
    except OSError:
        return False


def _coco(source: Path) -> _Found:
    try:
        given = json.loads(source.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{source} is damaged or cut off: {error}") from error
    images, annotations = given.get("images"), given.get("annotations")
    if not isinstance(images, list) or not isinstance(annotations, list):
        raise ValueError(
            f"{source} must be a list, as the contest's, or have lists `images` and `annotations`, "
            f"as COCO's; it has: {', '.join(given)}"
        )
    problems: list[Problem] = []
    left_aside = _other_categories(source, given)
    by_image: dict[int | str, list[tuple[int, dict[str, Any]]]] = {}
    for number, row in enumerate(annotations, start=1):
        key = row.get("image_id") if isinstance(row, dict) else None
        if not isinstance(key, int | str):
            where = f"{source}, annotation {number}"
            problems.append(Problem(where, f"must have an `image_id`; received: {row!r:.60}"))
        elif str(row.get("category_id")) not in left_aside:
            by_image.setdefault(key, []).append((number, row))
    samples: list[Sample] = []
    files = photographs.Files()
    here = source.parent
    folders = [here, here / "images", here.parent, here.parent / "images"]
    names: set[str] = set()
    for number, row in enumerate(images, start=1):
        where = f"{source}, image {number}"
        name, key = (row.get("file_name"), row.get("id")) if isinstance(row, dict) else (None, None)
        if not isinstance(name, str) or not name or not isinstance(key, int | str):
            reason = f"must have an `id` and a `file_name`; received: {row!r:.60}"
            problems.append(Problem(where, reason))
            continue
        rows = by_image.pop(key, [])
        path = next((folder / name for folder in folders if files.has(folder / name)), None)
        if name in names:
            problems.append(Problem(where, f"{name} stands there twice"))
        elif path is None:
            problems.append(Problem(where, f"no picture {name} in {here}"))
        else:
            names.add(name)
            quads = [
                _coco_quad(row, f"{source}, annotation {i} ({name})", problems) for i, row in rows
            ]
            samples.append(_sample(path, name, quads))
    for (number, row), *_ in by_image.values():
        reason = f"no image has the id {row['image_id']!r}"
        problems.append(Problem(f"{source}, annotation {number}", reason))
    return samples, problems


def _other_categories(source: Path, given: dict[str, Any]) -> set[str]:
    """Numbers of the categories that are no plates.

    Raises:
        ValueError: there are annotations of several categories, and none is a plate by its name.
    """
    used = {str(row.get("category_id")) for row in given["annotations"] if isinstance(row, dict)}
    rows = given.get("categories")
    names = {
        str(row.get("id")): str(row.get("name"))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict) and str(row.get("id")) in used
    }
    other = {number for number, name in names.items() if "plate" not in name.lower()}
    if len(names) < 2 or not other:
        return set()
    if len(other) == len(names):
        raise ValueError(
            f"{source} must have a category with `plate` in its name, or one category; "
            f"it has: {', '.join(names.values())}"
        )
    return other


def _coco_quad(row: dict[str, Any], where: str, problems: list[Problem]) -> Quad | None:
    outline = row.get("segmentation")
    is_mask = isinstance(outline, dict)
    try:
        if outline and not is_mask:
            points = np.concatenate([np.array(part, float).reshape(-1, 2) for part in outline])
        else:
            x, y, width, height = map(float, row["bbox"])
            points = _box(x, y, x + width, y + height)
    except (TypeError, ValueError, KeyError):
        reason = f"must have polygons as `segmentation`, or a `bbox`; received: {row!r:.60}"
        problems.append(Problem(where, reason))
        return None
    if is_mask:
        problems.append(Problem(where, "an RLE mask is not read; its bbox is taken"))
    return _quad(points - 0.5, where, problems)


def _yolo(root: Path) -> _Found:
    inside = [root, *sorted(folder for folder in root.iterdir() if folder.is_dir())]
    folders = [f for f in inside if all((f / name).is_dir() for name in _YOLO)]
    if not folders:
        raise ValueError(
            f"no photographs in {root}; expected {CONTEST}, {COCO}, or {'/ and '.join(_YOLO)}/, "
            "or a json's path"
        )
    samples: list[Sample] = []
    problems: list[Problem] = []
    classes: set[str] = set()
    unlabelled: list[Path] = []
    for folder in folders:
        images, labels = (folder / name for name in _YOLO)
        for path in sorted(p for p in images.rglob("*") if p.suffix.lower() in SUFFIXES):
            file = labels / path.relative_to(images).with_suffix(".txt")
            quads: list[Quad | None] = []
            try:
                lines = file.read_text(encoding="utf-8-sig").splitlines()
                size = np.array(_size(path)) if lines else np.zeros(2)
            except FileNotFoundError:
                unlabelled.append(path)
                lines = []
            except (OSError, ValueError) as error:
                problems.append(Problem(str(file), f"left out: {error}"))
                continue
            for number, line in enumerate(lines, start=1):
                if not (words := line.split()):
                    continue
                where = f"{file}, row {number}"
                try:
                    points = _shares(words) * size - 0.5
                except ValueError as error:
                    problems.append(Problem(where, str(error)))
                    continue
                classes.add(words[0])
                quads.append(_quad(points, where, problems))
            samples.append(_sample(path, path.relative_to(root).as_posix(), quads))
    if unlabelled:
        reason = f"one of {len(unlabelled)} of {len(samples)} pictures without a file of labels: "
        problems.append(Problem(str(unlabelled[0]), reason + "it is taken to hold no plate"))
    if len(classes) > 1:
        reason = f"classes {', '.join(sorted(classes))} are all taken as plates"
        problems.append(Problem(str(root), reason))
    return samples, problems


def _shares(words: list[str]) -> np.ndarray:
    """Points [N, 2] in shares of the picture's width and height, of the words of a line."""
    try:
        numbers = np.array(words[1:], float)
    except ValueError:
        numbers = np.empty(0)
    if len(numbers) != 4 and (len(numbers) < 8 or len(numbers) % 2):
        raise ValueError(
            f"must be `class cx cy w h` or `class x1 y1 ... x4 y4`; received: {' '.join(words):.60}"
        )
    # Plates that reach out of the picture are right, numbers of pixels are not.
    if not (np.abs(numbers - 0.5) <= 1.5).all():
        raise ValueError(f"must be shares, 0..1, of the sides; received: {' '.join(words):.60}")
    if len(numbers) > 4:
        return numbers.reshape(-1, 2)
    x, y, width, height = numbers.tolist()
    return _box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _size(path: Path) -> tuple[int, int]:
    """Width and height of a picture, upright by its EXIF orientation, from its header alone."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
    except Exception as error:  # Pillow's readers report damage by many kinds
        raise ValueError(f"{path} cannot be read as a picture ({error})") from error
    return (height, width) if turned else (width, height)


def _sample(path: Path, name: str, quads: Iterable[Quad | None]) -> Sample:
    found = tuple(quad for quad in quads if quad is not None)
    return Sample(path, name, found, ("",) * len(found))


def _box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def _quad(points: np.ndarray, where: str, problems: list[Problem]) -> Quad | None:
    """The corners of a plate with this outline [N, 2]; None, and why, where it can be none."""
    try:
        corners = geometry.reading_order(points if len(points) == 4 else enclosing(points))
        reason = geometry.defect(corners)
    except ValueError as error:
        reason = str(error)
    if reason:
        problems.append(Problem(where, f"left out: {reason}"))
        return None
    return tuple((float(x), float(y)) for x, y in corners.tolist())


def enclosing(points: np.ndarray) -> np.ndarray:
    """A small quadrilateral [4, 2] around points [N, 2].

    Of their convex hull one side after the other is taken away, its neighbours prolonged until they
    meet: always the side by which the area grows least (Low and Ilie, "View frustum optimization
    to maximize object's image area", 2003). So it may lean, which a rectangle cannot.

    Raises:
        ValueError: not finite, or the hull has fewer than four corners.
    """
    if not np.isfinite(points).all():
        raise ValueError("a corner is not finite")
    hull = _hull(points)
    if len(hull) < 4:
        raise ValueError(f"an outline must have four corners or more; received: {len(hull)}")
    while len(hull) > 4:
        before, start, end, after = (np.roll(hull, -i, axis=0) for i in (-1, 0, 1, 2))
        on, back, side = start - before, end - after, end - start
        depth = _cross(on, side) / np.hypot(*(end - before).T)
        if depth.min() < _FLAT:  # prolonged, sides that are nearly one line meet anywhere
            hull = np.delete(hull, np.argmin(depth), axis=0)
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = _cross(side, back) / _cross(on, back)
            other = _cross(side, on) / _cross(on, back)
            tips = start + reach[:, None] * on
            added = np.abs(_cross(side, tips - start))
        meet = (reach > 0) & (other > 0) & np.isfinite(added)
        least = int(np.argmin(np.where(meet, added, np.inf)))
        hull[least] = tips[least]
        hull = np.delete(hull, (least + 1) % len(hull), axis=0)
    return hull


def _hull(points: np.ndarray) -> np.ndarray:
    """Corners [M, 2] of the convex hull in turn (Andrew's monotone chain, 1979)."""
    ordered = np.unique(points, axis=0)
    halves: list[list[np.ndarray]] = []
    for some in (ordered, ordered[::-1]):
        half: list[np.ndarray] = []
        for point in some:
            while len(half) > 1 and _cross(half[-1] - half[-2], point - half[-1]) <= 0:
                half.pop()
            half.append(point)
        halves.append(half[:-1])
    return np.array([*halves[0], *halves[1]], float).reshape(-1, 2)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The cross product of vectors [..., 2]: positive where `b` turns as from x to y."""
    product: np.ndarray = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return product

"""Photographs and their plates' outlines from the files of others: COCO and YOLO.

Both count from the edge of the first pixel, and half a pixel is taken off; neither has texts. A
polygon of more than four points becomes the quad around it (`outline.enclosing`).
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from plates import geometry
from plates.detector.outline import enclosing
from plates.records import CONTEST, Files, Photograph, Plate, Problem, Quad
from triptych.images import SUFFIXES, upright_size

COCO = "_annotations.coco.json"
_YOLO = ("images", "labels")

Found = tuple[list[Photograph], list[Problem]]


def coco(source: Path) -> Found:
    """The photographs of a COCO json, and what is wrong with others.

    Pictures are looked for beside the json, in `images/` there, and in both places a folder up.

    Raises:
        ValueError: damaged or cut off (with the place), without its two lists, or annotations of
            several categories of which none is a plate by its name.
    """
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
    photographs: list[Photograph] = []
    files = Files()
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
            photographs.append(_photograph(path, name, quads))
    for (number, row), *_ in by_image.values():
        reason = f"no image has the id {row['image_id']!r}"
        problems.append(Problem(f"{source}, annotation {number}", reason))
    return photographs, problems


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


def yolo(root: Path) -> Found:
    """The photographs of a YOLO folder, and what is wrong with others.

    Raises:
        ValueError: neither it nor a folder in it has both `images/` and `labels/`.
    """
    inside = [root, *sorted(folder for folder in root.iterdir() if folder.is_dir())]
    folders = [f for f in inside if all((f / name).is_dir() for name in _YOLO)]
    if not folders:
        raise ValueError(
            f"no photographs in {root}; expected {CONTEST}, {COCO}, or {'/ and '.join(_YOLO)}/, "
            "or a json's path"
        )
    photographs: list[Photograph] = []
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
                size = np.array(upright_size(path)[::-1]) if lines else np.zeros(2)
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
            photographs.append(_photograph(path, path.relative_to(root).as_posix(), quads))
    if unlabelled:
        reason = (
            f"one of {len(unlabelled)} of {len(photographs)} pictures without a file of labels: "
        )
        problems.append(Problem(str(unlabelled[0]), reason + "it is taken to hold no plate"))
    if len(classes) > 1:
        reason = f"classes {', '.join(sorted(classes))} are all taken as plates"
        problems.append(Problem(str(root), reason))
    return photographs, problems


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


def _photograph(path: Path, name: str, quads: Iterable[Quad | None]) -> Photograph:
    plates = tuple(Plate(quad, None) for quad in quads if quad is not None)
    return Photograph(path, name, plates)


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

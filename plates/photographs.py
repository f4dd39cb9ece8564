"""What the user named on the command line -> photographs and videos, and their pictures."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from plates import records
from triptych import submission
from triptych.images import SUFFIXES, ImageError, decode

SAMPLE = "sample_submission.csv"
COLUMN = "file_name"
VIDEOS = frozenset({".mp4", ".avi", ".mov", ".mkv", ".m4v", ".webm"})

_MOST_PICTURES = 8
_MOST_PIXELS = 50_000_000  # 150 MB

T = TypeVar("T")


@dataclass(frozen=True)
class Source:
    """A file, and its name in every answer."""

    path: Path
    name: str

    @property
    def is_video(self) -> bool:
        """By the end of its name."""
        return self.path.suffix.lower() in VIDEOS


def find(paths: Sequence[Path]) -> list[Source]:
    """Photographs and videos named singly, in folders with their subfolders, and in lists.

    A csv (the contest's sample_submission.csv) or a json (its train.json) names photographs,
    relative to itself; labels are not looked at, and what a list names need not be there. A folder
    with a sample_submission.csv counts as that file. Files of a folder are named as a contest names
    them, test/12.jpg, single ones by their bare names.

    Raises:
        ValueError: a path that does not exist, a folder with nothing to look at, a list that cannot
            be read or names no picture, or two files of one name (it is the key of every answer).
    """
    found: dict[str, Source] = {}
    for path in paths:
        for source in _find(path):
            if source.name in found:
                first = found[source.name].path
                raise ValueError(
                    f"two files have one name, {source.name}; received: {first} and {source.path}"
                )
            found[source.name] = source
    return list(found.values())


def _find(path: Path) -> list[Source]:
    if not path.exists():
        raise ValueError(f"no such file or folder: {path}")
    if path.is_dir():
        if (path / SAMPLE).is_file():
            return _find(path / SAMPLE)
        known = SUFFIXES | VIDEOS
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in known)
        if not inside:
            raise ValueError(f"no pictures and no videos in {path}")
        return [Source(p, p.relative_to(path.parent).as_posix()) for p in inside]
    if path.suffix.lower() == ".csv":
        return _listed(path, submission.sample_order(path, COLUMN))
    if path.suffix.lower() == ".json":
        rows = enumerate(records.load(path), start=1)
        # Once each: all are to be answered.
        return _listed(path, dict.fromkeys(_name(path, number, row) for number, row in rows))
    return [Source(path, path.name)]


def _name(path: Path, number: int, row: object) -> str:
    name = row.get("file") if isinstance(row, dict) else None
    if not isinstance(name, str) or not name:
        raise ValueError(f"{path}, row {number}: must have a `file`; received: {row!r:.60}")
    return name


def _listed(path: Path, names: Collection[str]) -> list[Source]:
    if not names:
        raise ValueError(f"{path} names no picture")
    return [Source(path.parent / name, name) for name in names]


def targets(sources: Sequence[Source], folder: Path) -> dict[str, Path]:
    """Name -> the file in `folder` that it is drawn into: of the same name and kind; videos as mp4.

    Raises:
        ValueError: one of them is the file itself.
    """
    chosen = {}
    for source in sources:
        # A list may name what lies elsewhere; nothing is written outside of the folder.
        parts = [part for part in Path(source.name).parts if part not in ("..", "/")]
        target = folder.joinpath(*parts)
        suffix, known = (".mp4", {".mp4"}) if source.is_video else (".png", SUFFIXES)
        if target.suffix.lower() not in known:
            target = target.with_name(target.name + suffix)
        if target.resolve() == source.path.resolve():
            raise ValueError(f"`draw` must be another folder; {source.path} would be written over")
        chosen[source.name] = target
    return chosen


def decoded(
    sources: Sequence[Source], problems: dict[str, str]
) -> Iterator[tuple[Source, np.ndarray]]:
    """Photographs [H, W, 3] uint8 RGB one by one; of a bad one name and reason go to `problems`."""
    for source in sources:
        try:
            image = decode(source.path)
        except ImageError as error:
            problems[source.name] = str(error)
        else:
            yield source, image


def batches(pictures: Iterable[tuple[T, np.ndarray]]) -> Iterator[list[tuple[T, np.ndarray]]]:
    """As many at a time as a model takes well, fewer of large ones: 8 of up to 50 megapixels."""
    batch: list[tuple[T, np.ndarray]] = []
    pixels = 0
    for tag, image in pictures:
        size = image.shape[0] * image.shape[1]
        if batch and (len(batch) == _MOST_PICTURES or pixels + size > _MOST_PIXELS):
            yield batch
            batch, pixels = [], 0
        batch.append((tag, image))
        pixels += size
    if batch:
        yield batch

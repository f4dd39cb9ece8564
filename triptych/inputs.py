"""What the user named on the command line -> picture files."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from triptych import run
from triptych.images import SUFFIXES, ImageError, decode, shrink_to_cover


def runs_and_inputs(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Split the command line's paths: run folders or exports first, at least one, then inputs.

    Raises:
        ValueError: no run folder, or nothing after it.
    """
    if not paths:
        raise ValueError("a run folder and pictures are needed")
    folders = [p for p in paths if (p / run.CONFIG).exists() or run.is_export(p)]
    if paths[0] not in folders:
        run.check(paths[0])
    inputs = [p for p in paths if p not in folders]
    if not inputs:
        raise ValueError("no pictures; name a folder, a picture or a csv after the run")
    return folders, inputs


def find(paths: Sequence[Path], listed: Callable[[Path], list[Path]]) -> list[Path]:
    """Picture files of folders (with their subfolders), of csv files and named singly.

    `listed(csv)` gives the picture files that a csv names.

    Raises:
        ValueError: a path that does not exist, a folder without pictures, two pictures of one name
            (the name is the key of every answer), and what `listed` raises.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
            if not inside:
                raise ValueError(f"no pictures in {path}")
            found += inside
        elif path.suffix == ".csv":
            found += listed(path)
        elif path.exists():
            found.append(path)
        else:
            raise ValueError(f"no such file or folder: {path}")
    seen: dict[str, Path] = {}
    for path in found:
        if path.name in seen:
            raise ValueError(f"two pictures have one name: {seen[path.name]} and {path}")
        seen[path.name] = path
    return found


class Readable:
    """Pictures by position; one that cannot be decoded is remembered and reads as a grey one.

    They are shrunk to cover twice `size` = (height, width), or kept whole with `size` None.
    """

    def __init__(self, paths: Sequence[Path], size: tuple[int, int] | None) -> None:
        self.paths = paths
        self.unreadable: dict[Path, str] = {}
        # Larger than any view needs; a photograph of 50 megapixels need not stay in memory.
        self._cover = None if size is None else (2 * size[0], 2 * size[1])

    def read(self, index: int) -> np.ndarray:
        """[H, W, 3] uint8 RGB."""
        path = self.paths[index]
        try:
            image = decode(path)
        except ImageError as error:
            self.unreadable[path] = str(error)
            return np.full((*(self._cover or (64, 64)), 3), 127, np.uint8)
        return image if self._cover is None else shrink_to_cover(image, self._cover)

"""All pictures of a data set: checked before training starts, kept decoded when they fit."""

import hashlib
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from triptych.images import ImageError, decode, resize, shrink_to_cover


@dataclass(frozen=True)
class Checked:
    """What one look at a picture file found: `error` is empty for a picture that can be used."""

    path: Path
    height: int = 0
    width: int = 0
    digest: str = ""
    error: str = ""
    thumbnail: np.ndarray | None = None
    """Grey [16, 16] uint8, to tell look-alikes by."""


class Pictures:
    """Decoded pictures by position, from memory where they fit into `budget_mb`, else from disk.

    Kept pictures are shrunk to cover `cover` = (height, width), since no crop of them is trained
    at a larger size.
    """

    def __init__(self, paths: Sequence[Path], cover: tuple[int, int], budget_mb: float) -> None:
        self.paths = list(paths)
        self.cover = cover
        self._left = budget_mb * 1e6
        self._kept: dict[int, np.ndarray] = {}
        self._lock = Lock()

    def __getitem__(self, index: int) -> np.ndarray:
        """Picture [H, W, 3] uint8 RGB.

        Raises:
            ImageError: the file cannot be decoded.
        """
        if (kept := self._kept.get(index)) is not None:
            return kept
        return shrink_to_cover(decode(self.paths[index]), self.cover)

    def check(
        self, workers: int, progress: Callable[[Iterable[Checked]], Iterable[Checked]] = iter
    ) -> list[Checked]:
        """Decode every picture once, in parallel, keep what fits; never raises for a bad one."""
        with ThreadPoolExecutor(workers) as pool:
            return list(progress(pool.map(self._check, range(len(self.paths)))))

    def select(self, positions: Sequence[int]) -> "Pictures":
        """The pictures at `positions`, in that order, sharing what is kept."""
        chosen = Pictures([self.paths[i] for i in positions], self.cover, 0)
        chosen._kept = {
            new: self._kept[old] for new, old in enumerate(positions) if old in self._kept
        }
        return chosen

    def _check(self, index: int) -> Checked:
        path = self.paths[index]
        try:
            data = path.read_bytes()
            image = decode(data)
        except (ImageError, OSError) as error:
            return Checked(path, error=str(error))
        height, width = image.shape[:2]
        small = shrink_to_cover(image, self.cover)
        with self._lock:
            if small.nbytes <= self._left:
                self._left -= small.nbytes
                self._kept[index] = small
        grey = resize(small, (16, 16)) @ np.array([0.299, 0.587, 0.114])
        digest = hashlib.sha256(data).hexdigest()
        return Checked(path, height, width, digest, thumbnail=grey.astype(np.uint8))


def left_out(
    checked: Sequence[Checked], labels: Sequence[object], extra: Sequence[bool] = ()
) -> dict[int, str]:
    """Position -> reason, for pictures that training must not see.

    Those are unreadable ones, second copies (the same bytes) of a picture, and all copies of one
    that stands under two labels, since nothing says which label is right.

    `extra` [R] says which pictures come beside the data; empty: none. Data and extras are compared
    each among themselves, and an extra with the picture of one of the data is left out, whatever
    either label says: an extra takes nothing away from the data.
    """
    beside = list(extra) or [False] * len(checked)
    reasons = {i: c.error for i, c in enumerate(checked) if c.error}
    copies = defaultdict(list)
    for i, (c, is_extra) in enumerate(zip(checked, beside, strict=True)):
        if c.digest:
            copies[is_extra, c.digest].append(i)
    for same in copies.values():
        first, *others = same
        if any(labels[i] != labels[first] for i in others):
            for i in same:
                twin = next(j for j in same if labels[j] != labels[i])
                reasons[i] = f"the same picture as {checked[twin].path}, which has another label"
        else:
            reasons |= dict.fromkeys(others, f"a copy of {checked[first].path}")
    for (is_extra, digest), same in copies.items():
        if is_extra and (False, digest) in copies:
            first = copies[False, digest][0]
            reason = f"the same picture as {checked[first].path}, which is in the data"
            reasons |= dict.fromkeys(same, reason)
    return reasons


def odd_sized(checked: Sequence[Checked]) -> dict[int, str]:
    """Position -> reason, for pictures that are used but worth a look: tiny or very long ones."""
    reasons = {}
    for i, c in enumerate(checked):
        short, long = sorted((c.height, c.width))
        if c.error:
            continue
        if short < 32:
            reasons[i] = f"only {c.width} x {c.height} pixels"
        elif long > 4 * short:
            reasons[i] = f"an odd shape: {c.width} x {c.height} pixels"
    return reasons


def progress(total: int) -> Callable[[Iterable[Checked]], Iterable[Checked]]:
    """For `Pictures.check`: Keras's bar on a terminal; a log gets no thousand half-drawn bars."""
    if not sys.stdout.isatty():
        return iter
    from keras.utils import Progbar

    return partial(_drawn, Progbar(total, unit_name="picture"))


def _drawn(bar: Any, items: Iterable[Checked]) -> Iterable[Checked]:
    for item in items:
        yield item
        bar.add(1)

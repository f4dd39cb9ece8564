"""Which samples are for training and which for validation, and split.csv, which tells it after."""

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from triptych import run

SPLIT = "split.csv"


def share(
    count: int, fraction: float, seed: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of (training, validation), about `fraction` of `count` rows in validation.

    Rows of one number in `groups` [count] int are on one side. Where there are two groups or more
    and `fraction` is over 0, both sides have one.

    Raises:
        ValueError: `fraction` is not in [0, 1).
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"`val_fraction` must be in [0, 1); received: val_fraction={fraction}")
    order, place, ends = _shuffled(count, seed, groups)
    # The cut between groups that comes nearest, none of them (0) included.
    cut = int(np.argmin(np.abs(np.append(0, ends) - fraction * count)))
    cut = min(max(cut, int(fraction > 0)), len(order) - 1)
    return _sides(np.isin(place, order[:cut]))


def fold(
    count: int, number: int, folds: int, seed: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of (training, validation) of fold `number` (from 0) of `folds`.

    Every row is in the validation of one fold; rows of one number in `groups`, of the same.

    Raises:
        ValueError: fewer than 2 folds, `number` is not one of them, or it has no rows.
    """
    if folds < 2 or not 0 <= number < folds:
        raise ValueError(
            f"`fold` must be in 0..folds-1, `folds` >= 2; received: fold={number}, folds={folds}"
        )
    order, place, ends = _shuffled(count, seed, groups)
    middles = (np.append(0, ends[:-1]) + ends) / 2
    chosen = np.isin(place, order[(middles * folds // count).astype(int) == number])
    if not chosen.any():
        raise ValueError(
            f"fold {number} of {folds} would have no samples: there are {len(order)} groups"
        )
    return _sides(chosen)


def _shuffled(
    count: int, seed: int, groups: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Groups in random order, the group of each row, and rows up to each group's end."""
    if groups is not None and len(groups) != count:
        raise ValueError(f"`groups` must have {count} numbers; received: {len(groups)}")
    _, number, sizes = np.unique(
        np.arange(count) if groups is None else groups, return_inverse=True, return_counts=True
    )
    order = np.random.default_rng(seed).permutation(len(sizes))
    return order, number, np.cumsum(sizes[order])


def _sides(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def write(folder: Path, keys: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows (key..., side, digest of the sample); `keys` names the first columns."""
    run.write_rows(folder / SPLIT, (*keys, "side", "sha256"), rows)


def read(folder: Path) -> dict[tuple[str, ...], str]:
    """Key -> "training" or "validation", of a run's samples.

    Raises:
        ValueError: the run folder has no split.csv.
    """
    return {tuple(key): side for *key, side, _ in rows(folder)}


def fingerprint(folder: Path) -> str:
    """SHA-256 of what the run was begun with: its samples and their split."""
    return hashlib.sha256((folder / SPLIT).read_bytes()).hexdigest()


def require_same(folder: Path, wanted: Sequence[Sequence[str]]) -> None:
    """Raise ValueError, naming a difference, where `wanted` are not the rows of `write`."""
    written = rows(folder)
    before = {tuple(key): rest for *key, side, digest in written for rest in [(side, digest)]}
    now = {tuple(key): rest for *key, side, digest in wanted for rest in [(side, digest)]}
    both = before.keys() & now.keys()
    # A picture more or less moves others to the other side of the split, which says little.
    for change, keys in (
        ("is not there any more, or cannot be used", before.keys() - now.keys()),
        ("is new", now.keys() - before.keys()),
        ("has changed", {key for key in both if before[key][1] != now[key][1]}),
        ("is on the other side of the split", {key for key in both if before[key] != now[key]}),
    ):
        if keys:
            name, *group = min(keys)
            where = f"{name} of class {group[0]}" if group else name
            more = f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""
            raise ValueError(
                f"cannot go on with {folder}: it was begun with other data: {where}{more} {change}"
            )
    if written != [list(row) for row in wanted]:
        raise ValueError(
            f"cannot go on with {folder}: it was begun with the same pictures in another order"
        )


def rows(folder: Path) -> list[list[str]]:
    """What `write` was given: key..., side, digest.

    Raises:
        ValueError: the run folder has no split.csv.
    """
    path = folder / SPLIT
    if not path.exists():
        raise ValueError(f"{folder} has no {SPLIT}, which says what it was trained on")
    with path.open(newline="") as file:
        _, *found = csv.reader(file)
    return found

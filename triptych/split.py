"""split.csv of a run folder: which sample was on which side, and what its file held."""

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path

from triptych import run

SPLIT = "split.csv"


def write(folder: Path, keys: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows (key..., side, digest of the sample); `keys` names the first columns."""
    run.write_rows(folder / SPLIT, (*keys, "side", "sha256"), rows)


def read(folder: Path) -> dict[tuple[str, ...], str]:
    """Key -> "training" or "validation", of a run's samples.

    Raises:
        ValueError: the run folder has no split.csv.
    """
    return {tuple(key): side for *key, side, _ in _rows(folder)}


def fingerprint(folder: Path) -> str:
    """SHA-256 of what the run was begun with: its samples and their split."""
    return hashlib.sha256((folder / SPLIT).read_bytes()).hexdigest()


def require_same(folder: Path, rows: Sequence[Sequence[str]]) -> None:
    """Raise ValueError, naming a difference, where `rows` are not those of `write`."""
    written = _rows(folder)
    before = {tuple(key): rest for *key, side, digest in written for rest in [(side, digest)]}
    now = {tuple(key): rest for *key, side, digest in rows for rest in [(side, digest)]}
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
    if written != [list(row) for row in rows]:
        raise ValueError(
            f"cannot go on with {folder}: it was begun with the same pictures in another order"
        )


def _rows(folder: Path) -> list[list[str]]:
    path = folder / SPLIT
    if not path.exists():
        raise ValueError(f"{folder} has no {SPLIT}, which says what it was trained on")
    with path.open(newline="") as file:
        _, *rows = csv.reader(file)
    return rows

"""sources.csv: of which picture each one that was made from others, for training, was made.

By it, what was made from a validation picture is kept out of training.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

SOURCES = "sources.csv"
HEADER = ("file_name", "source")


def read(folder: Path) -> dict[str, str]:
    """File name -> the picture it was made from; empty where `folder` has no sources.csv.

    Raises:
        ValueError: it has other columns, or a row of more or fewer.
    """
    path = folder / SOURCES
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    if not rows or tuple(rows[0]) != HEADER or any(len(row) != len(HEADER) for row in rows):
        raise ValueError(f"{path} must have the columns {','.join(HEADER)}")
    return dict(rows[1:])


def write(folder: Path, rows: Iterable[tuple[str, str]]) -> None:
    """Write what `read` reads: (file name, the picture it was made from)."""
    with (folder / SOURCES).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)

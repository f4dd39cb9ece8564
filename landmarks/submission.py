"""What a contest's `test_points.csv` asks for, and the csv files of points that answer."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from landmarks.records import read_test_points
from triptych import inputs

TEST_POINTS = "test_points.csv"

Asked = dict[str, list[int]]
"""A picture's name, as the csv has it -> indices of the points asked for."""


def find(
    paths: Sequence[Path], images: Path | None, count: int | None = None
) -> tuple[list[Path], Asked]:
    """Picture files, and what the csv files among `paths` ask about them.

    A path is a picture, a folder of pictures, a `test_points.csv`, or a folder that holds one and
    its `images/`. The pictures of a csv are in `images`, by default `images/` beside it; whether
    they are there is not looked at. `count` is the number of points that there are.

    Raises:
        ValueError: what `triptych.inputs.find` and `landmarks.records.read_test_points` raise.
    """
    asked: Asked = {}

    def listed(csv: Path) -> list[Path]:
        rows = read_test_points(csv, count)
        asked.update(rows)
        folder = images or csv.parent / "images"
        return [folder / name for name, _ in rows]

    return inputs.find([_csv_of(path) for path in paths], listed), asked


def _csv_of(path: Path) -> Path:
    csv = path / TEST_POINTS
    return csv if csv.is_file() and (path / "images").is_dir() else path


def asked_count(asked: Asked) -> int:
    """How many points every row asks for.

    Raises:
        ValueError: nothing is asked, or two rows ask for different numbers of points.
    """
    if not asked:
        raise ValueError(f"a submission needs a {TEST_POINTS} among the inputs")
    first = len(next(iter(asked.values())))
    for number, (name, indices) in enumerate(asked.items(), start=1):
        if len(indices) != first:
            raise ValueError(
                f"row {number} of {TEST_POINTS} ({name}) asks for {len(indices)} points, "
                f"the first for {first}"
            )
    return first


def rounded(points: np.ndarray) -> np.ndarray:
    """Whole pixels, int64: the nearest, and of two as near the even one (0.5 -> 0, 1.5 -> 2)."""
    return np.rint(points).astype(np.int64)


def header(count: int) -> list[str]:
    """`Point_M0_X`, `Point_M0_Y`, ... of `count` points."""
    return [f"Point_M{i}_{axis}" for i in range(count) for axis in "XY"]


def rows(asked: Asked, points: Mapping[str, np.ndarray]) -> list[tuple[object, ...]]:
    """The contest's rows: the name and the asked points in whole pixels, in the csv's order.

    `points` [N, 2] of each picture go by its bare file name, in pixels of the original picture.
    """
    return [
        (name, *rounded(points[Path(name).name][indices]).ravel().tolist())
        for name, indices in asked.items()
    ]


def all_points(
    paths: Sequence[Path], points: np.ndarray, spread: np.ndarray | None
) -> tuple[list[str], list[tuple[str, ...]]]:
    """Header and rows: file_name, every point's x and y, then `Spread_M0`, ... where there is one.

    `points` [R, N, 2] and `spread` [R, N] are written in pixels with three decimals.
    """
    columns = header(points.shape[1])
    values = points.reshape(len(points), 2 * points.shape[1])
    if spread is not None:
        columns += [f"Spread_M{i}" for i in range(points.shape[1])]
        values = np.hstack([values, spread])
    named = zip(paths, values, strict=True)
    return ["file_name", *columns], [(path.name, *map("{:.3f}".format, row)) for path, row in named]

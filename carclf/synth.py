"""The embedded data set: drawn cars of ten body styles in the layout of the Kaggle contest.

    python -m carclf.synth --to data/cars

writes `train.csv` (Id,Category), `train/<Category>/<Id>`, `test_upload/<Id>`,
`sample-submission.csv`, `classes.csv` (Category,name), and, what no contest gives,
`test_solution.csv` (Id,Category) with the truth of the test side.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from carclf.drawing.bodies import STYLES
from triptych import command, generated
from triptych.config import parse

if TYPE_CHECKING:
    import numpy as np

__all__ = ["STYLES", "Config", "draw", "generate"]

VERSION = 1
FIRST_ID = 100000
MARKER = "synth.json"
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Config:
    """Draw a data set of cars in the layout of Kaggle's sf-dl-car-classification."""

    to: Path
    """Folder to write; left as it is when it already holds this very data set."""
    train_per_class: int = 60
    """Training pictures of each of the 10 body styles."""
    test_per_class: int = 20
    """Test pictures of each body style."""
    seed: int = 0
    """Another seed draws other cars."""


def draw(
    style: int, rng: "np.random.Generator", size: tuple[int, int] = (240, 320)
) -> "np.ndarray":
    """A drawn car of body style `STYLES[style]`: uint8 [H, W, 3] RGB, `size` = (H, W) pixels.

    Raises ValueError for a style out of range or a side under 32 pixels.
    """
    from carclf.drawing.picture import draw as picture

    return picture(style, rng, size)


def generate(
    to: Path,
    train_per_class: int = 60,
    test_per_class: int = 20,
    seed: int = 0,
    size: tuple[int, int] = (240, 320),
    workers: int | None = None,
) -> Path:
    """Writes the data set into folder `to` and returns it; at once if it is already there.

    Every picture depends on (seed, split, index) alone, whatever `workers` (None: one a core).
    Several workers are spawned processes, so a script must call this under its main guard.
    Raises ValueError for a count under 1, a side under 32 or a negative seed, FileExistsError for
    a folder that holds anything but this data set, finished or broken off.
    """
    for name, count in (("train_per_class", train_per_class), ("test_per_class", test_per_class)):
        if count < 1:
            raise ValueError(f"`{name}` must be at least 1; received: {name}={count}")
    if min(size) < 32:
        raise ValueError(f"`size` must be at least 32 x 32; received: size={size}")
    if seed < 0:
        raise ValueError(f"`seed` must not be negative; received: seed={seed}")
    settings = {
        "version": VERSION,
        "train_per_class": train_per_class,
        "test_per_class": test_per_class,
        "seed": seed,
        "size": list(size),
    }
    to = Path(to)
    generated.require_own(to, MARKER)
    if generated.holds(to, MARKER, settings):
        return to
    generated.begin(to, MARKER, settings)
    for k in range(len(STYLES)):
        (to / "train" / str(k)).mkdir(parents=True, exist_ok=True)
    (to / "test_upload").mkdir(exist_ok=True)

    jobs, tables = _plan(train_per_class, test_per_class, seed)
    with generated.in_processes(partial(_save, to, seed, size), workers) as each:
        for _ in each(jobs):
            pass

    train, test = tables
    _write(to / "train.csv", ("Id", "Category"), train)
    _write(to / "test_solution.csv", ("Id", "Category"), test)
    _write(to / "sample-submission.csv", ("Id", "Category"), ((name, 0) for name, _ in test))
    _write(to / "classes.csv", ("Category", "name"), enumerate(STYLES))
    generated.finish(to, MARKER)
    return to


Job = tuple[int, int, str]  # split, index, file name
Row = tuple[str, int]


def _plan(train: int, test: int, seed: int) -> tuple[list[Job], list[list[Row]]]:
    """What to draw, and the rows (name, style) of both csv files in the order of the names."""
    import numpy as np

    counts = [train * len(STYLES), test * len(STYLES)]
    shuffled = np.random.default_rng([seed, len(SPLITS)]).permutation(sum(counts))
    names = [f"{FIRST_ID + int(k)}.jpg" for k in shuffled]
    jobs, tables, start = [], [], 0
    for split, count in enumerate(counts):
        mine = names[start : start + count]
        jobs += [(split, index, name) for index, name in enumerate(mine)]
        tables.append(sorted((name, index % len(STYLES)) for index, name in enumerate(mine)))
        start += count
    return jobs, tables


def _save(to: Path, seed: int, size: tuple[int, int], job: Job) -> None:
    """Draws and writes one picture; its style is its index modulo the number of styles."""
    import cv2
    import numpy as np

    split, index, name = job
    style = index % len(STYLES)
    rng = np.random.default_rng([seed, split, index])
    image = draw(style, rng, size)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 96))]
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
    folder = to / "train" / str(style) if SPLITS[split] == "train" else to / "test_upload"
    (folder / name).write_bytes(coded.tobytes())


def _write(path: Path, head: tuple[str, str], rows: Iterable[tuple[object, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def main(argv: list[str] | None = None) -> None:
    config = parse(Config, argv, prog="carclf.synth", description=str(__doc__))
    command.run(_generate, config)


def _generate(config: Config) -> None:
    counts = (config.train_per_class, config.test_per_class)
    print(generate(config.to, *counts, config.seed))


if __name__ == "__main__":
    main()

"""The embedded data set: drawn faces with exact points, in the layout of the landmarks contest.

    python -m landmarks.synth --to data/drawn-faces --points 68

writes `train/landmarks.csv` (TAB; file_name and 2N whole pixels), `train/images/`,
`test/test_points.csv` (TAB; file_name and a list of up to 30 indices), `test/images/`,
`sample_submission.csv`, and, what no contest gives, `test/solution.csv` (as landmarks.csv) with
the truth of the test side. 68 points are iBUG's in their order.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from triptych import command, generated
from triptych.config import parse

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Config", "draw", "generate", "mirror"]

VERSION = 1
MARKER = "synth.json"
SPLITS = ("train", "test")
ASKED = 30  # indices a row of test_points.csv
SIDES = (60, 200)  # shortest side of a picture, pixels
ASPECT = 1.4  # longest side over the shortest, at most


@dataclass(frozen=True)
class Config:
    """Draw a data set of faces in the layout of the landmarks contest."""

    to: Path
    """Folder to write; left as it is when it already holds this very data set."""
    train: int = 2000
    """Training pictures."""
    test: int = 400
    """Test pictures."""
    points: int = 68
    """Points a face, 1 to 971; 68 are iBUG's in their order."""
    seed: int = 0
    """Another seed draws other faces."""


def draw(
    rng: "np.random.Generator", points: int = 68, size: tuple[int, int] = (160, 160)
) -> tuple["np.ndarray", "np.ndarray"]:
    """A drawn face, uint8 [H, W, 3] RGB, and its points, float64 [points, 2].

    `size` = (H, W) pixels. Points are (x, y) in pixels of the picture, a whole number being a
    pixel's centre; all lie inside. Raises ValueError for a number of points outside 1..971 or a
    side under 32 pixels.
    """
    from landmarks.drawing.picture import draw as picture

    return picture(rng, points, size)


def mirror(points: int) -> "np.ndarray":
    """The mirror permutation of the drawn points: int [points].

    Point i of a mirrored picture is the picture's point mirror(points)[i]. Raises ValueError for
    a number outside 1..971.
    """
    from landmarks.drawing.points import layout

    return layout(points).mirror


def generate(
    to: Path,
    train: int = 2000,
    test: int = 400,
    points: int = 68,
    seed: int = 0,
    workers: int | None = None,
) -> Path:
    """Writes the data set into folder `to` and returns it; at once if it is already there.

    Every picture depends on (seed, split, index) alone, whatever `workers` (None: one a core).
    Several workers are spawned processes, so a script must call this under its main guard.
    Raises ValueError for a count under 1, a number of points outside 1..971 or a negative seed,
    FileExistsError for a folder that holds anything but this data set, finished or broken off.
    """
    from landmarks.drawing.points import layout

    for name, count in (("train", train), ("test", test)):
        if count < 1:
            raise ValueError(f"`{name}` must be at least 1; received: {name}={count}")
    layout(points)
    if seed < 0:
        raise ValueError(f"`seed` must not be negative; received: seed={seed}")
    settings = {"version": VERSION, "train": train, "test": test, "points": points, "seed": seed}
    to = Path(to)
    generated.require_own(to, MARKER)
    if generated.holds(to, MARKER, settings):
        return to
    generated.begin(to, MARKER, settings)
    for split in SPLITS:
        (to / split / "images").mkdir(parents=True, exist_ok=True)

    jobs = [(split, index) for split, n in enumerate((train, test)) for index in range(n)]
    with generated.in_processes(partial(_save, to, seed, points), workers) as each:
        rows = [row for _, row in each(jobs)]

    head = ("file_name", *_columns(range(points)))
    _write(to / "train" / "landmarks.csv", "\t", head, rows[:train])
    _write(to / "test" / "solution.csv", "\t", head, rows[train:])
    asked = min(ASKED, points)
    questions = [(row[0], _indices(seed, k, points)) for k, row in enumerate(rows[train:])]
    _write(to / "test" / "test_points.csv", "\t", ("file_name", "point_index_list"), questions)
    blank = [(row[0], *[0] * (2 * asked)) for row in rows[train:]]
    _write(to / "sample_submission.csv", ",", ("file_name", *_columns(range(asked))), blank)
    generated.finish(to, MARKER)
    return to


Job = tuple[int, int]  # split, index


def _columns(indices: Iterable[int]) -> list[str]:
    return [f"Point_M{k}_{axis}" for k in indices for axis in "XY"]


def _indices(seed: int, index: int, points: int) -> str:
    """The list literal of one row of test_points.csv: random indices in ascending order."""
    import numpy as np

    rng = np.random.default_rng([seed, len(SPLITS), index])
    return str(sorted(rng.permutation(points)[:ASKED].tolist()))


def _save(to: Path, seed: int, points: int, job: Job) -> tuple[object, ...]:
    """Draws and writes one picture; returns its row: file name and 2 * points whole pixels."""
    import cv2
    import numpy as np

    split, index = job
    rng = np.random.default_rng([seed, split, index])
    name = f"{rng.bytes(16).hex()}.jpg"
    short = int(rng.integers(SIDES[0], SIDES[1] + 1))
    long = int(short * rng.uniform(1, ASPECT))
    size = (short, long) if rng.random() < 0.4 else (long, short)
    image, found = draw(rng, points, size)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(55, 96))]
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
    (to / SPLITS[split] / "images" / name).write_bytes(coded.tobytes())
    return (name, *np.rint(found).astype(int).ravel().tolist())


def _write(
    path: Path, delimiter: str, head: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def main(argv: list[str] | None = None) -> None:
    config = parse(Config, argv, prog="landmarks.synth", description=str(__doc__))
    command.run(_generate, config)


def _generate(config: Config) -> None:
    print(generate(config.to, config.train, config.test, config.points, config.seed))


if __name__ == "__main__":
    main()

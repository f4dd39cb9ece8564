"""Extra training pictures, written once: training pictures turned, scaled and shifted.

    python -m landmarks.augment --data DIR --to EXTRA --count 40000

writes `EXTRA/landmarks.csv` and `EXTRA/images/` in the contest's layout, for `--extra EXTRA` of
`landmarks.train`; `sources.csv` (file_name,source), by which validation pictures keep their copies
out of training; and `contact.png` to look at. Killed, the same command goes on.
"""

import csv
import os
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from triptych import command, generated
from triptych.config import parse
from triptych.sources import HEADER, SOURCES

if TYPE_CHECKING:
    import numpy as np

    from landmarks.augmenter import Reach
    from landmarks.records import DataSet

VERSION = 1
MARKER = "augment.json"
CACHE = "augment.cache"
_SHOWN = 24  # pictures on the contact sheet


@dataclass(frozen=True)
class Config:
    """What to make extra pictures from, how many, and how far they are moved."""

    data: Path
    """Training data in any layout that landmarks.train reads."""
    to: Path
    """Folder to write; left as it is when it already holds these very pictures."""
    count: int = 40000
    """Pictures to write; every training picture gets as many, or one more."""
    seed: int = 0
    """Another seed moves the pictures otherwise."""
    rotation: float = 15.0
    """Most degrees that a picture is turned by, either way."""
    scale: tuple[float, float] = (0.9, 1.1)
    """Least and most scale."""
    shift: float = 0.05
    """Most shift along a side, as a share of it, either way."""
    workers: int = 0
    """Processes; 0: one a core. They change nothing in what is written."""

    def __post_init__(self) -> None:
        for name, least in (("count", 1), ("seed", 0), ("workers", 0)):
            if (value := getattr(self, name)) < least:
                raise ValueError(f"`{name}` must be at least {least}; received: {name}={value}")


@dataclass(frozen=True)
class Job:
    """Copies number `first` to `last` (without it) of one picture; `row` is its row in the data."""

    row: int
    path: Path
    points: "np.ndarray"
    first: int
    last: int


@dataclass(frozen=True)
class Copy:
    """One new picture's file name, and its points [N, 2] int in its pixels."""

    name: str
    points: "np.ndarray"


def main() -> None:
    """The command line."""
    command.run(_run, parse(Config, prog="landmarks.augment", description=str(__doc__)))


def _run(config: Config) -> None:
    print(generate(config))


def generate(config: Config) -> Path:
    """Write the pictures and return their folder; at once if they are already there.

    A new picture has its source's size, and all points inside, rounded to whole pixels. It depends
    on the data, its row and its number alone, whatever the workers. A picture that cannot be used
    is named on the terminal, and others have more copies in its place. Several workers are spawned
    processes, so a script must call this under its main guard.

    Raises:
        ValueError: a setting out of range, data that cannot be read, two pictures whose copies
            would have one name, no picture that can be used.
        FileExistsError: `config.to` holds something else, or pictures made by other settings.
    """
    from landmarks import records
    from landmarks.augmenter import Reach

    reach = Reach(config.rotation, config.scale, config.shift)
    to, cache = config.to, config.to / CACHE
    # The data are read into the folder before it is known whether it is to be written.
    generated.require_own(to, MARKER, CACHE, what="pictures of landmarks.augment")
    data = records.read(config.data, (), cache)
    _require_names(data)
    settings = _settings(config, data)
    if (to / MARKER).exists():
        shutil.rmtree(cache, ignore_errors=True)
    if generated.holds(to, MARKER, settings):
        return to
    generated.begin(to, MARKER, settings)
    for problem in data.problems:
        print(f"{problem.where}: {problem.reason}")
    _write(config, data, reach)
    generated.finish(to, MARKER)
    shutil.rmtree(cache, ignore_errors=True)
    return to


def share(rows: "np.ndarray", copies: "np.ndarray", count: int) -> "np.ndarray":
    """How many copies each picture has when `count` are shared evenly by the pictures `rows`.

    `rows` are in the order in which they get one more; other pictures keep their `copies` [R].
    """
    import numpy as np

    shared = copies.copy()
    shared[rows] = count // len(rows) + (np.arange(len(rows)) < count % len(rows))
    return shared


def _write(config: Config, data: "DataSet", reach: "Reach") -> None:
    """The pictures, both csv files and the contact sheet."""
    import numpy as np

    images = config.to / "images"
    images.mkdir(exist_ok=True)
    order = np.random.default_rng(config.seed).permutation(len(data.paths))
    copies = np.zeros(len(order), np.int64)
    shown = set(np.linspace(0, config.count - 1, _SHOWN).astype(int).tolist())
    sheet: list[Copy] = []
    number = 0
    tables = [config.to / name for name in ("landmarks.csv", SOURCES)]
    parts = [path.with_name(f"{path.name}.part") for path in tables]
    with ExitStack() as stack:
        files = [stack.enter_context(part.open("w", newline="")) for part in parts]
        points, sources = (
            csv.writer(file, delimiter=delimiter, lineterminator="\n")
            for file, delimiter in zip(files, "\t,", strict=True)
        )
        columns = [f"Point_M{i}_{axis}" for i in range(data.points.shape[1]) for axis in "XY"]
        points.writerow(("file_name", *columns))
        sources.writerow(HEADER)
        make = partial(_copies, images, config.seed, reach)
        each = stack.enter_context(generated.in_processes(make, config.workers))
        while len(order) and number < config.count:
            # What bad pictures owe is known only after a round; the next one makes up for it.
            wanted = share(order, copies, config.count)
            jobs = (
                Job(row, data.paths[row], np.array(data.points[row]), copies[row], wanted[row])
                for row in np.flatnonzero(wanted > copies).tolist()
            )
            bad = []
            for job, made in each(jobs):
                if isinstance(made, str):
                    print(f"left out: {made}")
                    bad.append(job.row)
                    continue
                copies[job.row] = job.last
                for copy in made:
                    points.writerow((copy.name, *copy.points.ravel().tolist()))
                    sources.writerow((copy.name, data.names[job.row]))
                    if number in shown:
                        sheet.append(copy)
                    number += 1
            order = order[~np.isin(order, bad)]
    if not len(order):
        raise ValueError(f"none of the {len(data.paths)} pictures of {config.data} can be used")
    _draw(images, sheet, config.to / "contact.png")
    for left in images.glob("*.part"):  # of killed workers
        left.unlink()
    for part, path in zip(parts, tables, strict=True):
        part.replace(path)


def _copies(images: Path, seed: int, reach: "Reach", job: Job) -> list[Copy] | str:
    """Write the job's copies that are not there yet; returns all, or why there are none."""
    import numpy as np
    from PIL import Image

    from landmarks.augmenter import place
    from landmarks.records import far_points
    from landmarks.warp import warp
    from triptych.images import ImageError, decode

    made: list[Copy] = []
    image: np.ndarray | None = None
    for number in range(job.first, job.last):
        path = images / f"{job.path.stem}-{number}.jpg"
        if path.exists():
            with Image.open(path) as there:
                width, height = there.size
        else:
            try:
                image = decode(job.path) if image is None else image
            except ImageError as error:
                return str(error)
            height, width = image.shape[:2]
        if reason := far_points(job.points, height, width):
            return f"{job.path}: {reason}"
        rng = np.random.default_rng([seed, job.row, number])
        affine = place(rng, job.points, (height, width), reach)
        if not path.exists():
            assert image is not None
            # `warp` makes squares; what is right of it or below it is cut off.
            _save(warp(image, affine, max(height, width))[:height, :width], path)
        made.append(Copy(path.name, np.rint(affine(job.points)).astype(np.int64)))
    return made


def _save(image: "np.ndarray", path: Path) -> None:
    """JPEG in one step, so that a file that is there is whole."""
    import cv2

    quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(coded.tobytes())
    part.replace(path)


def _draw(images: Path, copies: list[Copy], to: Path) -> None:
    """The contact sheet: pictures with their points."""
    import cv2
    import numpy as np

    from triptych import gallery
    from triptych.images import decode

    tiles = []
    for copy in copies:
        image = decode(images / copy.name)
        # Drawn on the enlarged picture: on the small one a dot would hide a whole eye.
        zoom = max(1, round(400 / max(image.shape[:2])))
        big = np.repeat(np.repeat(image, zoom, 0), zoom, 1)
        radius = 3 if len(copy.points) < 200 else 1
        for x, y in ((copy.points + 0.5) * zoom - 0.5).round().astype(int).tolist():
            cv2.circle(big, (x, y), radius, (0, 255, 0), -1, cv2.LINE_AA)
        tiles.append(gallery.Tile([big], [(copy.name, gallery.BLACK)]))
    gallery.write(tiles, to, title=str(to.parent.name), columns=6, box=(240, 240))


def _settings(config: Config, data: "DataSet") -> dict[str, str]:
    """All that decides what is written, by name; the data by what is in them."""
    import hashlib

    import numpy as np

    digest = hashlib.sha256("\n".join(data.names).encode())
    for start in range(0, len(data.points), 4096):
        digest.update(np.ascontiguousarray(data.points[start : start + 4096]).data)
    return {
        "version": str(VERSION),
        "data": f"{len(data.names)} pictures of digest {digest.hexdigest()[:16]}",
        **{k: str(getattr(config, k)) for k in ("count", "seed", "rotation", "scale", "shift")},
    }


def _require_names(data: "DataSet") -> None:
    """A copy is called after its source, so the sources' stems must differ."""
    seen: dict[str, Path] = {}
    for path in data.paths:
        if path.stem in seen:
            raise ValueError(f"copies of {seen[path.stem]} and {path} would have the same names")
        seen[path.stem] = path


if __name__ == "__main__":
    main()

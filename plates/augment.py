"""Extra training photographs, written once: others' pixels changed, cropped around their plates.

    python -m plates.augment --data DIR --to EXTRA --count 10000

Each new picture is a random photograph after some random picks of gray, blur, sepia, Gaussian
noise, salt and pepper and cutout (never over a plate), cropped so that every labelled plate stays
whole. Writes `EXTRA/train.json` and `EXTRA/train/` in the contest's layout, for `--extra EXTRA` of
plates.reader.train and plates.detector.train; `sources.csv` (file_name,source); and `contact.png`
to look at. Killed, the same command goes on.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych import command, generated, sources
from triptych.config import parse
from triptych.stage import require

if TYPE_CHECKING:
    import numpy as np

    from plates.records import Photograph

VERSION = 1
MARKER = "augment.json"
JOURNAL = "augment.rows"
QUALITY = 92  # of the JPEG files
_SHOWN, _TILE = 24, (240, 240)  # pictures on the contact sheet; height and width of the largest
_MOST_PICKS = 6

Row = dict[str, Any]
"""`number`, `source` and `nums`, as train.json has these, of one picture that is written."""


@dataclass(frozen=True)
class Config:
    """What to make extra photographs from, how many, and how they are changed."""

    data: Path
    """The contest's folder, or its json, or one like it without texts."""
    to: Path
    """Folder to write; left as it is when it already holds these very pictures."""
    count: int = 10000
    """Pictures to write."""
    seed: int = 0
    """Another seed makes other pictures."""
    picks: tuple[int, int] = (1, 3)
    """Least and most changes of a picture, 0 to 6."""
    margin: float = 0.1
    """Room that is kept around a plate where its picture has it, as a share of its sides."""
    workers: int = 0
    """Processes; 0: one a core. They change nothing in what is written."""

    def __post_init__(self) -> None:
        for name, least in (("count", 1), ("seed", 0), ("workers", 0)):
            value = getattr(self, name)
            require(value >= least, name, f"at least {least}", value)
        ordered = 0 <= self.picks[0] <= self.picks[1] <= _MOST_PICKS
        require(ordered, "picks", f"least and most, 0 to {_MOST_PICKS}", self.picks)
        require(0 <= self.margin <= 1, "margin", "in [0, 1]", self.margin)


@dataclass(frozen=True)
class Job:
    """Picture `number`, to be made from `photograph`."""

    number: int
    photograph: "Photograph"


def main() -> None:
    """The command line."""
    command.run(_run, parse(Config, prog="plates.augment", description=str(__doc__)))


def _run(config: Config) -> None:
    print(generate(config))


def generate(config: Config) -> Path:
    """Write the pictures and return their folder; at once if they are already there.

    A box moves with its picture, its text stays; one that reaches out of its photograph reaches out
    as far of the new picture. Each picture depends on the data, the settings and its number alone,
    whatever the workers. What is wrong with the data is printed, and so is a photograph that cannot
    be used: unreadable, or with a box that lies outside of it. Several workers are spawned
    processes, so a script must call this under its main guard.

    Raises:
        ValueError: data that cannot be read, or no photograph that can be used.
        FileExistsError: `config.to` holds something else, or pictures made by other settings.
    """
    from plates import records

    to, journal = config.to, config.to / JOURNAL
    generated.require_own(to, MARKER, what="pictures of plates.augment")
    photographs, problems = records.read(config.data)
    settings = _settings(config, photographs)
    if not generated.holds(to, MARKER, settings):
        generated.begin(to, MARKER, settings)
        for problem in problems:
            print(f"{problem.where}: {problem.reason}")
        _tables(to, _pictures(config, photographs, journal))
        generated.finish(to, MARKER)
    journal.unlink(missing_ok=True)
    return to


def _pictures(config: Config, photographs: "list[Photograph]", journal: Path) -> list[Row]:
    """Make the pictures that `journal` does not have yet; returns the rows of all, by number."""
    (config.to / "train").mkdir(exist_ok=True)
    rows = _done(journal)
    bad: set[str] = set()

    def jobs() -> Iterator[Job]:
        for number in sorted(set(range(config.count)) - rows.keys()):
            if len(bad) == len(photographs):
                raise ValueError(f"none of the {len(bad)} photographs of {config.data} can be used")
            yield Job(number, _source(config.seed, number, photographs, bad))

    with (
        journal.open("a", buffering=1) as file,  # a line is there as soon as it is whole
        generated.in_processes(partial(_make, config), config.workers) as each,
    ):
        while len(rows) < config.count:
            # A picture whose photograph turns out bad waits for the next round.
            for job, made in each(jobs()):
                if not isinstance(made, str):
                    rows[job.number] = made
                    file.write(json.dumps(made) + "\n")
                elif job.photograph.name not in bad:
                    bad.add(job.photograph.name)
                    print(f"left out: {made}")
    return [rows[number] for number in range(config.count)]


def _done(journal: Path) -> dict[int, Row]:
    """What was written before; a line that was broken off is cut away."""
    if not journal.exists():
        return {}
    text = journal.read_text()
    whole = text[: text.rfind("\n") + 1]
    os.truncate(journal, len(whole))
    rows = [json.loads(line) for line in whole.splitlines()]
    return {row["number"]: row for row in rows}


def _source(seed: int, number: int, photographs: "list[Photograph]", bad: set[str]) -> "Photograph":
    """The photograph that picture `number` is made from: the first one drawn that is not bad.

    So it is the same one whether or not it is known yet which ones are.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 0, number])
    while (drawn := photographs[rng.integers(len(photographs))]).name in bad:
        pass
    return drawn


def _make(config: Config, job: Job) -> Row | str:
    """Write one picture; returns its row, or why its photograph cannot be used."""
    import numpy as np

    from plates import augmenter, geometry
    from plates.drawing.develop import encoded
    from triptych.images import ImageError, decode

    path = job.photograph.path
    try:
        image = decode(path)
    except ImageError as error:
        return str(error)
    height, width = image.shape[:2]
    quads = [np.array(plate.quad) for plate in job.photograph.plates]
    if not all(geometry.inside(quad, height, width) for quad in quads):
        return f"{path}: a box lies outside the picture of {width} x {height} pixels"
    rng = np.random.default_rng([config.seed, 1, job.number])
    room = [geometry.expand(quad, config.margin) for quad in quads]
    (top, bottom), (left, right) = augmenter.crop(rng, (height, width), room)
    # Cropped first: no work for what is cut away, and no cutout that nobody sees.
    made = augmenter.change(
        rng,
        np.ascontiguousarray(image[top:bottom, left:right]),
        int(rng.integers(config.picks[0], config.picks[1] + 1)),
        [quad - (left, top) for quad in room],
    )
    (config.to / _name(job.number)).write_bytes(encoded(made, QUALITY))
    nums = []
    for plate, quad in zip(job.photograph.plates, quads, strict=True):
        box = {"box": _numbers(quad - (left, top))}
        nums.append(box if plate.text is None else {**box, "text": plate.text})
    return {"number": job.number, "source": job.photograph.name, "nums": nums}


def _name(number: int) -> str:
    return f"train/{number}.jpg"


def _numbers(quad: "np.ndarray") -> list[list[float]]:
    """Whole numbers as such, others to a thousandth of a pixel."""
    return [[int(v) if v == int(v) else v for v in xy] for xy in quad.round(3).tolist()]


def _tables(to: Path, rows: list[Row]) -> None:
    """The json, sources.csv and the contact sheet."""
    entries = [{"file": _name(row["number"]), "nums": row["nums"]} for row in rows]
    (to / "train.json").write_text(json.dumps(entries) + "\n")
    sources.write(to, ((_name(row["number"]), row["source"]) for row in rows))
    _draw(to, entries)


def _draw(to: Path, entries: list[dict[str, Any]]) -> None:
    """The contact sheet: pictures with their boxes, and the texts in these."""
    import cv2
    import numpy as np

    from triptych import gallery
    from triptych.images import decode

    tiles = []
    for place in np.unique(np.linspace(0, len(entries) - 1, _SHOWN).astype(int)).tolist():
        name, nums = entries[place]["file"], entries[place]["nums"]
        whole = decode(to / name)
        image = np.array(gallery.fit(whole, _TILE))
        zoom = np.array(image.shape[1::-1]) / whole.shape[1::-1]
        corners = [(np.array(num["box"]) + 0.5) * zoom - 0.5 for num in nums]
        lines = [quad.round().astype(np.int32) for quad in corners]
        cv2.polylines(image, lines, isClosed=True, color=(0, 255, 0), lineType=cv2.LINE_AA)
        texts = " ".join(num.get("text", "?") for num in nums) or "no plate"
        tiles.append(gallery.Tile([image], [(f"{name}: {texts}", gallery.BLACK)]))
    gallery.write(tiles, to / "contact.png", title=to.name, columns=6, box=_TILE)


def _settings(config: Config, photographs: "list[Photograph]") -> dict[str, str]:
    """All that decides what is written, by name; the data by their names, boxes and texts."""
    digest = hashlib.sha256(repr([(p.name, p.plates) for p in photographs]).encode())
    return {
        "version": str(VERSION),
        "data": f"{len(photographs)} photographs of digest {digest.hexdigest()[:16]}",
        **{name: str(getattr(config, name)) for name in ("count", "seed", "picks", "margin")},
    }


if __name__ == "__main__":
    main()

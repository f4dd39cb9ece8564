"""The embedded data set: drawn plates in the layout of the contest, and crops of them with text.

    python -m plates.synth --to data/plates

writes `train.json` (`[{"file", "nums": [{"box": [[x, y] * 4], "text"}]}]`, exact corners) and
`train/`, `test/` and `sample_submission.csv` (file_name,plates_string); crops with
`train_recognition.json` (`[{"file", "text", "country", "rows"}]`) and `crops/`, `test_crops/`; and,
what no contest gives, the truth of the test side: `test_solution.csv` (as the sample), `test.json`
and `test_recognition.json`. A crop without a plate has the text "", country "" and 0 rows.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plates.text import LATIN
from triptych import command, generated
from triptych.config import parse

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Config", "crop", "generate", "scene"]

VERSION = 1
MARKER = "synth.json"
FOLDERS = ("crops", "test_crops", "train", "test")  # a picture's stream is its folder's place here
QUALITY = (70, 96)  # of the JPEG files
SIDES = (480, 1024)  # longest side of a scene, pixels


@dataclass(frozen=True)
class Config:
    """Draw a data set of number plates in the layout of the plates contest."""

    to: Path
    """Folder to write; left as it is when it already holds this very data set."""
    crops: int = 5000
    """Crops for training a reader."""
    test_crops: int = 500
    """Crops to test it."""
    scenes: int = 300
    """Whole pictures for training a detector."""
    test_scenes: int = 60
    """Whole pictures to test it."""
    nothing: float = 0.05
    """Share of crops without a plate, 0..1."""
    kinds: str = "any"
    """Formats of plates, as "ru,ru2,eu"; "any" is all. plates.drawing.plate.KINDS has the names."""
    alphabet: str = LATIN
    """Characters on the plates."""
    seed: int = 0
    """Another seed draws other plates."""


def crop(
    rng: "np.random.Generator",
    kinds: Sequence[str] = ("any",),
    alphabet: str = LATIN,
    nothing: float = 0.0,
) -> tuple["np.ndarray", str, str, int]:
    """One crop: picture uint8 [H, W, 3] RGB, text, country, lines of text.

    With probability `nothing` it holds no plate: text "", country "" and 0 lines. Raises ValueError
    for an unknown kind or a character that is not drawn.
    """
    from plates.drawing import camera, plate
    from plates.drawing.nothing import nothing as draw_nothing

    empty, kind = rng.random() < nothing, str(rng.choice(list(kinds)))
    if empty:
        return draw_nothing(rng, kind), "", "", 0
    flat = plate.draw(rng, kind, alphabet)
    return camera.crop(rng, flat), flat.text, flat.country, flat.rows


def scene(
    rng: "np.random.Generator", kinds: Sequence[str] = ("any",), alphabet: str = LATIN
) -> tuple["np.ndarray", list[tuple["np.ndarray", str]]]:
    """A street, uint8 [H, W, 3] RGB, 480 to 1024 pixels, and (corners [4, 2], text) of its plates.

    Corners are in pixels, in reading order; plates from left to right. Raises as `crop`.
    """
    from plates.drawing.scene import scene as draw_scene

    long = int(rng.integers(SIDES[0], SIDES[1] + 1))
    short = round(long * rng.uniform(0.56, 0.8))
    return draw_scene(rng, (short, long), kinds, alphabet)


def generate(
    to: Path,
    crops: int = 5000,
    test_crops: int = 500,
    scenes: int = 300,
    test_scenes: int = 60,
    nothing: float = 0.05,
    kinds: Sequence[str] = ("any",),
    alphabet: str = LATIN,
    seed: int = 0,
    workers: int | None = None,
) -> Path:
    """Writes the data set into folder `to` and returns it; at once if it is already there.

    Every picture depends on (seed, folder, index) and what is drawn, whatever the counts and
    `workers` (None: one a core). Several workers are spawned processes, so a script must call this
    under its main guard.

    Raises:
        ValueError: a count or the seed is negative, all counts are 0, `nothing` is outside 0..1,
            an unknown kind, or a character that is not drawn.
        FileExistsError: `to` holds anything but this data set, finished or broken off.
    """
    import numpy as np

    counts = {
        "crops": crops,
        "test_crops": test_crops,
        "scenes": scenes,
        "test_scenes": test_scenes,
    }
    for name, count in {**counts, "seed": seed}.items():
        if count < 0:
            raise ValueError(f"`{name}` must not be negative; received: {name}={count}")
    if not any(counts.values()):
        raise ValueError("`crops` and the other counts must not all be 0")
    if not 0 <= nothing <= 1:
        raise ValueError(f"`nothing` must be in 0..1; received: nothing={nothing}")
    if not kinds:
        raise ValueError("`kinds` must name at least one format; received: none")
    for kind in kinds:
        _try(np.random.default_rng(0), kind, alphabet)
    drawn = {"nothing": nothing, "kinds": ",".join(kinds), "alphabet": alphabet, "seed": seed}
    settings = {"version": VERSION, **counts, **drawn}
    to = Path(to)
    generated.require_own(to, MARKER)
    if generated.holds(to, MARKER, settings):
        return to
    generated.begin(to, MARKER, settings)
    jobs = [(k, index) for k, n in enumerate(counts.values()) for index in range(n)]
    for folder, count in zip(FOLDERS, counts.values(), strict=True):
        if count:
            (to / folder).mkdir(exist_ok=True)
    found: dict[str, list[dict[str, Any]]] = {folder: [] for folder in FOLDERS}
    save = partial(_save, to, seed, nothing, tuple(kinds), alphabet)
    with generated.in_processes(save, workers) as each:
        for (stream, _), record in each(jobs):
            found[FOLDERS[stream]].append(record)
    _write(to, found)
    generated.finish(to, MARKER)
    return to


Job = tuple[int, int]  # place in FOLDERS, index


def _try(rng: "np.random.Generator", kind: str, alphabet: str) -> None:
    """Raises the drawing's own errors before anything is written."""
    from plates.drawing import plate

    plate.draw(rng, kind, alphabet)


def _save(
    to: Path, seed: int, nothing: float, kinds: Sequence[str], alphabet: str, job: Job
) -> dict[str, Any]:
    """Draws and writes one picture; returns its record."""
    import numpy as np

    from plates.drawing.develop import encoded

    stream, index = job
    rng = np.random.default_rng([seed, stream, index])
    name = f"{FOLDERS[stream]}/{index}.jpg"
    if stream < 2:
        image, text, country, rows = crop(rng, kinds, alphabet, nothing)
        record: dict[str, Any] = {"file": name, "text": text, "country": country, "rows": rows}
    else:
        image, plates = scene(rng, kinds, alphabet)
        nums = [{"box": quad.round(2).tolist(), "text": text} for quad, text in plates]
        record = {"file": name, "nums": nums}
    quality = int(rng.integers(QUALITY[0], QUALITY[1] + 1))
    (to / name).write_bytes(encoded(image, quality))
    return record


def _write(to: Path, found: dict[str, list[dict[str, Any]]]) -> None:
    """The tables of all that was drawn."""
    tables = {
        "train_recognition.json": "crops",
        "test_recognition.json": "test_crops",
        "train.json": "train",
        "test.json": "test",
    }
    for table, folder in tables.items():
        if found[folder]:
            (to / table).write_text(json.dumps(found[folder]) + "\n")
    if found["test"]:
        for table, known in (("sample_submission.csv", False), ("test_solution.csv", True)):
            with (to / table).open("w", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(("file_name", "plates_string"))
                for record in found["test"]:
                    texts = [plate["text"] for plate in record["nums"]] if known else []
                    writer.writerow((record["file"], " ".join(texts)))


def main(argv: list[str] | None = None) -> None:
    config = parse(Config, argv, prog="plates.synth", description=str(__doc__))
    command.run(_generate, config)


def _generate(config: Config) -> None:
    print(
        generate(
            config.to,
            config.crops,
            config.test_crops,
            config.scenes,
            config.test_scenes,
            config.nothing,
            tuple(kind for kind in config.kinds.split(",") if kind),
            config.alphabet,
            config.seed,
        )
    )


if __name__ == "__main__":
    main()

"""Find and read number plates: `python -m plates.predict INPUT... [--to DIR]`.

INPUT is a photograph, a video, a folder of such, a contest's sample_submission.csv or train.json,
or the folder of the former. Prints a line for each plate: its file, the text ("-": it cannot be
read), how sure the whole text is, its weakest character, and that it is a plate at all (0..1). Of a
video every plate is answered once, by a vote over its frames.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import tyro

from plates import gate
from plates.detector.config import check_size
from plates.reader.views import View
from triptych import command
from triptych.config import parse
from triptych.stage import require


@dataclass(frozen=True)
class Config:
    """Which photographs and videos, how sure an answer must be, and where to write."""

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """Photographs, videos, folders or lists of them."""
    detector: Path | None = None
    """Run folder of a detector of yours, or its ONNX or LiteRT export; default: the package's."""
    reader: Path | None = None
    """Run folder of a reader of yours, or its ONNX or LiteRT export; default: the package's."""
    to: Path | None = None
    """Folder for plates.csv, plates.json and drawn/, all of what follows but the submission."""
    csv: Path | None = None
    """Write a row for each plate: text, confidences, corners, and in videos frames and seconds."""
    json: Path | None = None
    """Write the same in the layout of a contest's train.json."""
    draw: Path | None = None
    """Folder to write every photograph and video into, with its plates drawn."""
    submission: Path | None = None
    """Write file_name,plates_string here: each photograph's plates left to right, by number."""
    tta: Annotated[tuple[View, ...], tyro.conf.arg(metavar="VIEW...")] = ()
    """Views of every plate to read as well: shift, scale, contrast."""
    least: float = gate.LEAST
    """Score from which a plate is told that reads no surer than `least_reading`; what it lacks in
    one (as a share of the limit) it must have over in the other. 0: all are told."""
    least_reading: float = gate.LEAST_READING
    """The same of the weakest character's confidence."""
    most: int = 0
    """Most plates of a photograph, the surest; 0: all."""
    size: int | None = None
    """Longer side in pixels that photographs are looked at, a multiple of 32; default: that of the
    training. 1024 finds plates of 40 pixels in large photographs, at some four times the cost."""
    every: int = 1
    """Look for plates in every so many-th frame of a video."""
    seen: int = 2
    """Fewest frames of a video that a plate must be found in."""

    def __post_init__(self) -> None:
        require(bool(self.paths), "paths", "at least one photograph, video or folder", "none")
        gate.check(self.least, self.least_reading)
        require(self.most >= 0, "most", "0 or more", self.most)
        check_size(self.size)
        require(self.every > 0, "every", "positive", self.every)
        require(self.seen > 0, "seen", "positive", self.seen)

    def output(self, name: str, inside: str) -> Path | None:
        """The file or folder of one kind of answer: its own flag's, or that in `to`."""
        own: Path | None = getattr(self, name)
        return own or (self.to / inside if self.to else None)


def main() -> None:
    """The command line."""
    command.run(predict, parse(Config, prog="plates.predict", description=str(__doc__)))


def predict(config: Config) -> None:
    """Answer every photograph and video and write what `config` asks for.

    Raises:
        ValueError: at the end, when one could not be read or not to its end, each of which has a
            line on stderr; at once, when there is no such path, or no model.
    """
    from plates import photographs

    sources = photographs.find(config.paths)
    csv, json = config.output("csv", "plates.csv"), config.output("json", "plates.json")
    drawn = config.output("draw", "drawn")
    targets = photographs.targets(sources, drawn) if drawn else {}
    # Before the work: a folder that cannot be made must not cost it.
    for path in (csv, json, config.submission, *targets.values()):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
    # The models' library comes after that: a wrong path must not cost the wait.
    from plates import answers, pipeline, tables
    from plates.reader import submission
    from triptych import run

    model = pipeline.open(
        config.detector, config.reader, config.least, config.least_reading, config.most, config.size
    )
    problems: dict[str, str] = {}
    read = partial(model.read, tta=config.tta)
    found = answers.of_photographs(sources, read, targets, problems)
    films = answers.of_videos(sources, read, targets, problems, config.every, config.seen)
    rows: list[Sequence[object]] = []
    entries: list[dict[str, Any]] = []
    for name in (source.name for source in sources):
        if name in films:
            rows += tables.film_rows(name, films[name])
            entries.append(tables.film_entry(name, films[name]))
        else:
            rows += tables.rows(name, found.get(name, ()))
            entries.append(tables.entry(name, found.get(name, ()), problems.get(name, "")))
    if csv:
        run.write_rows(csv, tables.HEADER, rows)
    if json:
        run.write_json(json, entries)
    if config.submission:
        run.write_rows(config.submission, submission.HEADER, tables.submitted(sources, found))
    for reason in problems.values():
        print(reason, file=sys.stderr)
    if problems:
        raise ValueError(f"{len(problems)} of {len(sources)} files could not be read, or not whole")


if __name__ == "__main__":
    main()

"""Judge detector and reader together: `python -m plates.evaluate --data DIR --to DIR`.

DIR is a contest's folder or its train.json. Writes metrics.json, answers.csv (a row a photograph:
the true texts, those read, their distance), mistakes.csv (which plates were missed, found loosely,
misread, or found where the data have none), by_region.csv, detections.csv, curve.png, and a sheet
of each kind of mistake: missed.png, loose.png, misread.png, false.png.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from plates import gate
from plates.detector.config import check_size
from plates.reader.views import View
from plates.sides import Side
from triptych import command
from triptych.config import parse
from triptych.stage import require


@dataclass(frozen=True)
class Config:
    """What to judge, on which photographs, and where to write."""

    data: Path
    """A contest's folder with train.json, or such a json."""
    to: Path
    """Folder to write into."""
    detector: Path | None = None
    """Run folder of a detector of yours, or its ONNX or LiteRT export; default: the package's."""
    reader: Path | None = None
    """Run folder of a reader of yours, or its ONNX or LiteRT export; default: the package's."""
    side: Side | None = None
    """Which photographs; default: those that both runs kept for validation, of data that they never
    saw all."""
    split: Path | None = None
    """Run folder of a detector whose split tells the sides; default: the judged runs' own."""
    tta: Annotated[tuple[View, ...], tyro.conf.arg(metavar="VIEW...")] = ()
    """Views of every plate to read as well: shift, scale, contrast."""
    least: float = gate.LEAST
    """As in `plates.predict`: score from which a plate counts that reads no surer than the next."""
    least_reading: float = gate.LEAST_READING
    """The same of the weakest character's confidence."""
    most: int = 0
    """Most plates of a photograph, the surest; 0: all."""
    size: int | None = None
    """As in `plates.predict`: longer side in pixels that photographs are looked at, a
    multiple of 32."""
    worst: int = 40
    """Most plates on each sheet; 0: no sheets."""

    def __post_init__(self) -> None:
        gate.check(self.least, self.least_reading)
        require(self.most >= 0, "most", "0 or more", self.most)
        check_size(self.size)
        require(self.worst >= 0, "worst", "0 or more", self.worst)


def main() -> None:
    """The command line."""
    command.run(evaluate, parse(Config, prog="plates.evaluate", description=str(__doc__)))


def evaluate(config: Config) -> dict[str, Any]:
    """Write the evaluation and print it; returns what metrics.json holds.

    Photographs and labels that cannot be used are listed on the terminal and not counted.
    """
    from functools import partial

    from plates import heldout, pipeline, verdict
    from plates.detector import records
    from plates.detector.verdict import ask
    from plates.records import CONTEST
    from triptych import run, runtime

    runtime.setup(seed=0)
    source = config.data / CONTEST if config.data.is_dir() else config.data
    regions = verdict.regions(source)
    samples, problems = records.read(source)
    model = pipeline.open(
        config.detector, config.reader, config.least, config.least_reading, config.most, config.size
    )
    cyrillic = model.reader.config.cyrillic
    chosen, side, learned = heldout.choose(
        samples, source, config.detector, config.reader, config.split, config.side, cyrillic
    )
    usable, found, remarks = ask(chosen, partial(model.read, tta=config.tta))
    for remark in [*problems, *remarks]:
        print(f"{remark.where}: {remark.reason}")
    places = [regions.get(sample.name, "unknown") for sample in usable]
    judged = verdict.Judged(usable, found, places, cyrillic)
    config.to.mkdir(parents=True, exist_ok=True)
    seen = sum(sample.name in learned for sample in usable)
    scores = {
        "detector": str(config.detector or "shipped"),
        "reader": str(config.reader or "shipped"),
        "data": str(config.data),
        "side": side,
        "tta": list(config.tta),
        "least": config.least,
        "size": config.size,
        "least_reading": config.least_reading,
        "most": config.most,
        "trained_on": seen,
        "left_out": len(chosen) - len(usable),
        **verdict.judge(judged, config.to),
    }
    run.write_json(config.to / "metrics.json", scores)
    verdict.show_mistakes(judged, config.worst, config.to)
    if seen:
        print(f"note: {seen} of these photographs were trained on")
    print(f"{side} side of {config.data}; written: {config.to}", flush=True)
    return scores


if __name__ == "__main__":
    main()

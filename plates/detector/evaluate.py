"""Judge a detector on labelled photographs: `python -m plates.detector.evaluate RUN --data DIR`.

Writes metrics.json, scores.csv, detections.csv (corners in pixels, score, IoU with the true plate),
plates.csv (every true plate, and how it was found), by_width.csv, by_source.csv, curve.png
(precision over recall) and worst.png. A plate that the data do not label counts as a false one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from plates.detector.config import check_size
from plates.sides import Side
from triptych import command
from triptych.config import parse
from triptych.stage import require

_FLOOR = 0.05
_SHIPPED = Path("shipped")
_WANTED = "a folder, unless a run of your own is judged"


@dataclass(frozen=True)
class Config:
    """What to judge, on which photographs, and where to write."""

    run: tyro.conf.Positional[Path]
    """Run folder, or the word shipped: the detector in the package."""
    data: Path
    """Labelled photographs in any layout that can be trained on."""
    side: Side | None = None
    """Which photographs; default: those the run kept for validation, of data it never saw all."""
    split: Path | None = None
    """Run folder whose split tells the sides; default: the judged run's own."""
    least: float | None = None
    """Score from which a plate counts as found; default: the detector's own. Average precision and
    the curve are of all that is found with a score of 0.05 or more."""
    size: int | None = None
    """As in `plates.predict`: longer side in pixels that photographs are looked at, a
    multiple of 32."""
    worst: int = 20
    """Most plates of each kind in worst.png: missed, false, loose; 0: no sheet."""
    to: Path | None = None
    """Folder to write into; default: evaluation in the run folder."""

    def __post_init__(self) -> None:
        require(self.run != _SHIPPED or self.to is not None, "to", _WANTED, self.to)
        known = self.least is None or _FLOOR <= self.least <= 1
        require(known, "least", f"in [{_FLOOR}, 1]", self.least)
        check_size(self.size)
        require(self.worst >= 0, "worst", "0 or more", self.worst)


def main() -> None:
    """The command line."""
    command.run(evaluate, parse(Config, prog="plates.detector.evaluate", description=str(__doc__)))


def evaluate(config: Config) -> dict[str, Any]:
    """Write the evaluation and print it; returns what metrics.json holds.

    Photographs and labels that cannot be used are listed on the terminal and not counted.
    """
    from concurrent.futures import ThreadPoolExecutor

    from plates import sides
    from plates.detector import labelled, predictor, records, verdict
    from triptych import run, runtime

    runtime.setup(seed=0)
    folder = predictor.located(config.run)
    shipped = folder.resolve() == predictor.SHIPPED.resolve()
    # Nothing is written into the package.
    require(config.to is not None or not shipped, "to", _WANTED, config.to)
    detector = predictor.open(folder, config.size)
    samples, problems = records.read(config.data)
    # The shipped detector has seen drawn photographs alone.
    own = [] if shipped else [sides.read(folder)]
    splits = [sides.read(config.split)] if config.split else own
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(labelled.digest, samples)) if own or splits else [""] * len(samples)
    chosen, side = sides.choose(samples, digests, splits, config.side, "photographs")
    names = [sample.name for sample in samples]
    places = [place for one in own for place in sides.where(names, digests, one)]
    learned = {name for name, place in zip(names, places, strict=False) if place == "training"}
    usable, found, remarks = verdict.ask(chosen, lambda images: detector.detect(images, _FLOOR))
    for remark in [*problems, *remarks]:
        print(f"{remark.where}: {remark.reason}")
    to = config.to or folder / "evaluation"
    to.mkdir(parents=True, exist_ok=True)
    least = predictor.LEAST if config.least is None else config.least
    judged = verdict.Judged(usable, found, least)
    seen = sum(sample.name in learned for sample in usable)
    scores = {
        "run": str(config.run),
        "data": str(config.data),
        "side": side,
        "size": config.size,
        "trained_on": seen,
        "left_out": len(chosen) - len(usable),
        **verdict.judge(judged, to),
    }
    run.write_json(to / "metrics.json", scores)
    verdict.show_worst(judged, config.worst, to)
    if seen:
        print(f"note: {seen} of these photographs were trained on")
    print(f"{side} side of {config.data}; written: {to}", flush=True)
    return scores


if __name__ == "__main__":
    main()

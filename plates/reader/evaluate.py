"""Judge readers on known texts: `python -m plates.reader.evaluate [RUN...] --data DIR`.

Several RUNs make an ensemble; without one, or with the word shipped, the reader in the package is
judged. Writes metrics.json, readings.csv, by_country.csv, by_rows.csv, by_length.csv,
confusion.csv, confusion.png, confidence.png, answered.png (what share of the plates can be answered
how well) and worst.png.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from plates.reader.views import Merge, View
from plates.sides import Side
from triptych import command
from triptych.config import parse
from triptych.stage import require

_SEED = 0
_WANTED = "a folder, unless one run of your own is judged"


@dataclass(frozen=True)
class Config:
    """What to judge, on which crops, and where to write."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders; the readings of several are put together; none, or the word shipped: the reader
    in the package."""
    data: Path
    """Labelled crops or photographs in any layout that can be trained on."""
    side: Side | None = None
    """Which crops; default: those the run kept for validation, of data it never saw all."""
    split: Path | None = None
    """Run folder whose split tells the sides; default: the judged runs' own."""
    tta: Annotated[tuple[View, ...], tyro.conf.arg(metavar="VIEW...")] = ()
    """Views to put together: shift, scale, contrast; default: the plain crop."""
    merge: Merge = "average"
    """How views and runs are put together: the texts' log-probabilities averaged, or a vote."""
    grammar: str | None = None
    """Patterns that answers must fit; "": none; default: the first run's own."""
    beam: int = 0
    """Width of the beam search; 0: greedy decoding, or with a grammar 16."""
    precision: float = 0.99
    """The share of plates is told that can be answered with this share of right answers."""
    nothing: int = 0
    """Drawn crops without a plate that are asked as well, to be answered with no text."""
    worst: int = 48
    """Most crops in worst.png; 0: no sheet."""
    to: Path | None = None
    """Folder to write into; default: evaluation in the run folder."""

    def __post_init__(self) -> None:
        require(len(self.runs) == 1 or self.to is not None, "to", _WANTED, self.to)
        require(0 < self.precision <= 1, "precision", "in (0, 1]", self.precision)
        for name in ("beam", "nothing", "worst"):
            require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))


def main() -> None:
    """The command line."""
    command.run(evaluate, parse(Config, prog="plates.reader.evaluate", description=str(__doc__)))


def evaluate(config: Config) -> dict[str, Any]:
    """Write the evaluation and print it; returns what metrics.json holds.

    Crops that cannot be used are listed on the terminal and not counted. Those with characters
    that the reader cannot know are counted, as wrong.
    """
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    from plates import sides
    from plates.drawing.nothing import nothing
    from plates.reader import labelled, predictor, records, verdict
    from plates.reader.records import Crop
    from triptych import run, runtime

    runtime.setup(seed=_SEED)
    folders = [predictor.located(f) for f in config.runs] or [predictor.SHIPPED]
    shipped = [folder.resolve() == predictor.SHIPPED.resolve() for folder in folders]
    # Nothing is written into the package.
    require(config.to is not None or not any(shipped), "to", _WANTED, config.to)
    models = [predictor.open(folder) for folder in folders]
    first = models[0].config
    found, problems = records.read(config.data, cyrillic=first.cyrillic)
    # The shipped reader has seen drawn plates alone.
    own = [sides.read(f) for f, drawn in zip(folders, shipped, strict=True) if not drawn]
    splits = [sides.read(config.split)] if config.split else own
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(labelled.digest, found)) if own or splits else [""] * len(found)
    chosen, side = sides.choose(found, digests, splits, config.side, "crops")
    names = [crop.name for crop in found]
    places = [sides.where(names, digests, one) for one in own]
    learned = {name for name, *at in zip(names, *places, strict=True) if "training" in at}
    seen = sum(crop.name in learned for crop in chosen)
    settings = replace(first, data=config.data)
    workers = os.cpu_count() or 1
    crops, _, remarks = labelled.usable(chosen, settings, workers, shrink=False)
    left_out = len(chosen) - len(crops)
    # Those on crops that are odd but used come after them; small ones are the rule among plates.
    for remark in [*problems, *remarks[:left_out]]:
        print(f"{remark.where}: {remark.reason}")
    # Drawn one by one from their numbers, so that more of them are the same ones and others.
    drawn = [nothing(np.random.default_rng((_SEED, i))) for i in range(config.nothing)]
    known = [*crops.records, *(Crop(Path(), f"nothing/{i}", "", None) for i in range(len(drawn)))]

    def read(index: int) -> np.ndarray:
        return crops[index] if index < len(crops) else drawn[index - len(crops)]

    answers = predictor.readings(
        models, len(known), read, config.tta, config.merge, config.grammar, config.beam
    )
    judged = verdict.Judged(known, answers)
    to = config.to or folders[0] / "evaluation"
    to.mkdir(parents=True, exist_ok=True)
    scores = {
        "runs": [str(folder) for folder in config.runs],
        "data": str(config.data),
        "side": side,
        "tta": list(config.tta),
        "merge": config.merge,
        "grammar": first.grammar if config.grammar is None else config.grammar,
        "beam": config.beam,
        "trained_on": seen,
        "left_out": left_out,
        **verdict.judge(judged, first.alphabet, config.precision, to),
    }
    run.write_json(to / "metrics.json", scores)
    verdict.show_worst(judged, read, config.worst, to)
    if seen:
        print(f"note: {seen} of these crops were trained on")
    print(f"{side} side of {config.data}; written: {to}", flush=True)
    return scores


if __name__ == "__main__":
    main()

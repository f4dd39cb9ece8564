"""Judge a finished run on labelled pictures: `python -m carclf.evaluate RUN... --data DIR`.

Several RUNs make an ensemble. Writes metrics.json, per_class.csv, predictions.csv, confusion.png,
calibration.png and mistakes.png.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from carclf.sides import Side, choose, match
from triptych import command
from triptych.config import parse
from triptych.tta import Kind


@dataclass(frozen=True)
class Config:
    """What to judge, on which pictures, and where to write."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders; the probabilities of several are averaged."""
    data: Path
    """Folder in the Kaggle layout (train.csv, train/CLASS/ID), or with one folder a class."""
    side: Side | None = None
    """Which pictures; default: those the run kept for validation, of data it never saw all."""
    tta: Annotated[tuple[Kind, ...], tyro.conf.arg(metavar="VIEW...")] = ("flip", "zoom")
    """Views to average: flip, zoom, corners, scales; nothing after --tta: the plain picture."""
    k: int = 3
    """Also count a picture as right when its class is among the k most probable ones."""
    mistakes: int = 24
    """Most pictures in mistakes.png; 0: none."""
    to: Path | None = None
    """Folder to write into; default: evaluation in the run folder."""

    def __post_init__(self) -> None:
        if not self.runs:
            raise ValueError("a run folder is needed")
        if len(self.runs) > 1 and self.to is None:
            raise ValueError("`to` must name a folder when several runs are judged together")
        if self.k < 1:
            raise ValueError(f"`k` must be positive; received: k={self.k}")
        if self.mistakes < 0:
            raise ValueError(f"`mistakes` must be 0 or more; received: mistakes={self.mistakes}")


def main() -> None:
    """The command line."""
    command.run(evaluate, parse(Config, prog="carclf.evaluate", description=str(__doc__)))


def evaluate(config: Config) -> dict[str, Any]:
    """Write the evaluation and print it; returns what metrics.json holds.

    Pictures that cannot be used are listed on the terminal and not counted.
    """
    from carclf import labelled, mistakes, predictor, records, verdict
    from triptych import ensemble, run, runtime, split

    runtime.setup(seed=0)
    for folder in config.runs:
        run.check(folder)
    models = [predictor.open(folder) for folder in config.runs]
    classes, names = models[0].classes, models[0].names
    if any(model.classes != classes for model in models):
        raise ValueError(f"the runs have different classes: {', '.join(map(str, config.runs))}")
    data = records.read(config.data)
    splits = [split.read(folder) for folder in config.runs]
    found, side = choose(match(data, classes, names), classes, splits, config.side)
    # Larger than any view needs; a photograph of 50 megapixels need not stay in memory.
    cover = (2 * max(m.size[0] for m in models), 2 * max(m.size[1] for m in models))
    pictures, labels, remarks, _ = labelled.usable(found, cover, 0, os.cpu_count() or 1)
    for remark in data.problems + remarks:
        print(f"{remark.where}: {remark.reason}")
    if not len(labels):
        raise ValueError(
            f"none of the {len(found)} pictures can be used; the first: {remarks[0].reason}"
        )

    answers = [m.probabilities(len(labels), pictures.__getitem__, config.tta) for m in models]
    probabilities = ensemble.combine(answers)
    to = config.to or config.runs[0] / "evaluation"
    to.mkdir(parents=True, exist_ok=True)
    k = min(config.k, len(classes))
    judged = {
        "runs": [str(folder) for folder in config.runs],
        "data": str(config.data),
        "side": side,
        "tta": list(config.tta),
        "left_out": len(found) - len(labels),
        **verdict.judge(probabilities, labels, classes, names, k, to),
    }
    run.write_json(to / "metrics.json", judged)
    verdict.write_predictions(
        probabilities, labels, classes, pictures.paths, to / "predictions.csv"
    )
    mistakes.draw(models, pictures, probabilities, labels, config.mistakes, to / "mistakes.png")
    print(f"{side} side of {config.data}; written: {to}", flush=True)
    return judged


if __name__ == "__main__":
    main()

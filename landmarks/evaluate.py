"""Judge a finished run on known points: `python -m landmarks.evaluate RUN... --data DIR`.

Several RUNs make an ensemble. Writes metrics.json, subsets.csv, per_point.csv, predictions.csv,
mean_face.png, ced.png, worst.png and typical.png.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from landmarks.ensemble import View
from landmarks.sides import Side, choose
from triptych import command
from triptych.config import parse
from triptych.ensemble import How


@dataclass(frozen=True)
class Config:
    """What to judge, on which pictures, by which measure, and where to write."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders; the answers of several are put together."""
    data: Path
    """Landmark data in any layout that can be trained on."""
    side: Side | None = None
    """Which pictures; default: those the run kept for validation, of data it never saw all."""
    tta: Annotated[tuple[View, ...] | None, tyro.conf.arg(metavar="VIEW...")] = None
    """Views to average: flip, shift, scale; nothing after --tta: the plain picture; default: flip
    where the points have a mirror symmetry."""
    ensemble: How = "mean"
    """How the answers of several runs are put together."""
    pair: Annotated[tuple[int, int] | None, tyro.conf.arg(metavar="I J")] = None
    """Errors are divided by the distance of these two points; default with 68 points: 36 45, the
    outer eye corners."""
    box: bool = False
    """Errors are divided by the root of the area of the points' box; the default without a pair."""
    threshold: float = 0.1
    """A picture with a normalised error over this has failed; the curve's area goes up to it."""
    subsets: Path | None = None
    """JSON {"name": [points]} of parts of the face; default with 68 points: jaw, brows, ..."""
    worst: int = 24
    """Most faces in worst.png; 0: no sheets of faces."""
    to: Path | None = None
    """Folder to write into; default: evaluation in the run folder."""

    def __post_init__(self) -> None:
        if not self.runs:
            raise ValueError("a run folder is needed")
        if len(self.runs) > 1 and self.to is None:
            raise ValueError("`to` must name a folder when several runs are judged together")
        if self.pair and self.box:
            raise ValueError("`pair` and `box` are two measures; name one")
        if not self.threshold > 0:
            raise ValueError(f"`threshold` must be positive; received: threshold={self.threshold}")
        if self.worst < 0:
            raise ValueError(f"`worst` must be 0 or more; received: worst={self.worst}")


def main() -> None:
    """The command line."""
    command.run(evaluate, parse(Config, prog="landmarks.evaluate", description=str(__doc__)))


def evaluate(config: Config) -> dict[str, Any]:
    """Write the evaluation and print it; returns what metrics.json holds.

    Pictures that cannot be used are listed on the terminal and not counted.
    """
    import numpy as np

    from landmarks import ensemble, labelled, predictor, records, verdict
    from triptych import run, runtime, split
    from triptych.inputs import Readable

    runtime.setup(seed=0)
    for folder in config.runs:
        run.check(folder)
    count = ensemble.points(config.runs)
    subsets = verdict.read_subsets(config.subsets, count)
    data = records.read(config.data, (), config.runs[0].parent / labelled.CACHE)
    if data.points.shape[1] != count:
        raise ValueError(f"{config.data} has {data.points.shape[1]} points, the run has {count}")
    found, side = choose(data, [split.read(folder) for folder in config.runs], config.side)
    # Nothing is kept in memory: what is predicted is the whole picture.
    store, checked, kept, remarks = labelled.usable(found, 32, 0, os.cpu_count() or 1)
    for remark in data.problems + remarks:
        print(f"{remark.where}: {remark.reason}")
    true = found.points[kept].astype(float)
    pair = config.pair or (None if config.box else verdict.default_pair(count))
    sizes = np.array([(c.height, c.width) for c in checked])
    lengths, measure = verdict.normaliser(true, sizes, store.paths, pair)
    models = [predictor.open(folder) for folder in config.runs]
    tta = ensemble.views(models, config.tta)

    images = Readable(store.paths, None)
    answers = ensemble.answers(models, len(kept), images.read, tta, config.ensemble)
    to = config.to or config.runs[0] / "evaluation"
    to.mkdir(parents=True, exist_ok=True)
    judged = verdict.Judged(store.paths, true, answers, lengths, measure)
    scores = {
        "runs": [str(folder) for folder in config.runs],
        "data": str(config.data),
        "side": side,
        "tta": list(tta),
        "ensemble": config.ensemble,
        "left_out": len(found.paths) - len(kept),
        **verdict.judge(judged, config.threshold, subsets, to),
    }
    run.write_json(to / "metrics.json", scores)
    verdict.show_faces(judged, config.worst, to)
    print(f"{side} side of {config.data}; written: {to}", flush=True)
    return scores


if __name__ == "__main__":
    main()

"""Classify pictures: `python -m carclf.predict RUN... INPUT... [--submission FILE]`.

A RUN is a run folder or an export of one; several make an ensemble. INPUT is a folder, a picture,
or a csv with a column Id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from triptych import command
from triptych.config import parse
from triptych.ensemble import How
from triptych.tta import Kind


@dataclass(frozen=True)
class Config:
    """What to classify, and where to write the answers."""

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders or exports, then folders of pictures, pictures, or a csv of Ids."""
    submission: Path | None = None
    """Write `Id,Category` here, in the order of the sample."""
    sample: Path | None = None
    """The sample submission; default: sample-submission.csv in or beside the input folder."""
    images: Path | None = None
    """Folder of the pictures that an input csv names; default: test_upload beside it."""
    probabilities: Path | None = None
    """Write `Id` and every class's probability here."""
    truth: Path | None = None
    """csv `Id,Category` of the right answers; the share of right ones is printed."""
    tta: Annotated[tuple[Kind, ...], tyro.conf.arg(metavar="VIEW...")] = ("flip", "zoom")
    """Views to average: flip, zoom, corners, scales; nothing after --tta: the plain picture."""
    ensemble: How = "mean"
    """How the answers of several runs are put together."""


def main() -> None:
    """The command line."""
    command.run(predict, parse(Config, prog="carclf.predict", description=str(__doc__)))


def predict(config: Config) -> None:
    """Classify and write what `config` asks for.

    A picture that cannot be read is named on the terminal and answered with equal probabilities.
    """
    import numpy as np

    from carclf import inputs, predictor
    from triptych import ensemble, run, submission
    from triptych.inputs import Readable, runs_and_inputs

    folders, paths = runs_and_inputs(config.paths)
    pictures = inputs.find(paths, config.images)
    sample = config.sample or inputs.find_sample(paths)
    # Before any work: a bad sample must not cost a long prediction.
    order = [path.name for path in pictures]
    if config.submission and sample:
        order = submission.sample_order(sample, "Id")
        submission.rows_in_order({path.name: () for path in pictures}, order)
    truth = submission.labels(config.truth, "Id", "Category") if config.truth else {}
    if unknown := sorted(set(truth) - {path.name for path in pictures}):
        raise ValueError(f"{config.truth}: {unknown[0]} is not among the pictures")
    models = [predictor.open(folder) for folder in folders]
    if len({tuple(model.classes) for model in models}) > 1:
        raise ValueError(f"the runs have different classes: {', '.join(map(str, folders))}")
    classes, names = models[0].classes, models[0].names

    images = Readable(pictures, models[0].size)
    results = [m.probabilities(len(pictures), images.read, config.tta) for m in models]
    combined = ensemble.combine(results, config.ensemble)
    for path, reason in images.unreadable.items():
        print(f"not readable, answered with equal probabilities: {reason or path}")
    combined[[path in images.unreadable for path in pictures]] = 1 / len(classes)

    answer = combined.argmax(axis=1)
    answers = {p.name: (classes[a],) for p, a in zip(pictures, answer, strict=True)}
    if config.probabilities:
        texts = np.char.mod("%.6f", combined)
        rows = [(path.name, *row) for path, row in zip(pictures, texts, strict=True)]
        run.write_rows(config.probabilities, ("Id", *classes), rows)
    if config.submission:
        rows = submission.rows_in_order(answers, order)
        run.write_rows(config.submission, ("Id", "Category"), rows)
        print(f"{config.submission}: {len(rows)} rows, in the order of {sample or 'the input'}")
    else:
        _show(pictures, [names[a] for a in answer], combined.max(axis=1))
    if config.truth:
        right = [answers[name] == (category,) for name, category in truth.items()]
        print(f"accuracy {np.mean(right):.4f} on the {len(right)} pictures of {config.truth}")


def _show(pictures: Sequence[Path], names: Sequence[str], confidence: Sequence[float]) -> None:
    for path, name, share in zip(pictures, names, confidence, strict=True):
        print(f"{share:6.1%}  {name:<30}  {path}")


if __name__ == "__main__":
    main()

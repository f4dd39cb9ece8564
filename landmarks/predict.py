"""Find the points of faces: `python -m landmarks.predict RUN... INPUT... [--submission FILE]`.

A RUN is a run folder or an export of one; several make an ensemble. INPUT is a folder of pictures,
a picture, or a contest's test_points.csv with its pictures in images/ beside it (or the folder that
holds both).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from landmarks.ensemble import View
from triptych import command
from triptych.config import parse
from triptych.ensemble import How

if TYPE_CHECKING:
    import numpy as np

    from landmarks.predictor import Answers, Predictor
    from landmarks.submission import Asked


@dataclass(frozen=True)
class Config:
    """Which pictures, and where to write the answers."""

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders or exports, then folders of pictures, pictures, or a test_points.csv."""
    submission: Path | None = None
    """Write the asked points here in whole pixels (rounded), in the order of test_points.csv."""
    points: Path | None = None
    """Write file_name and every point here (pixels, three decimals), with the model's spread."""
    pictures: Path | None = None
    """Folder to write every picture into, with its points drawn; circles are the spread."""
    images: Path | None = None
    """Folder of the pictures that a csv names; default: images beside it."""
    detect: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """The pictures are whole photographs: find faces first (pip install 'triptych[detect]')."""
    truth: Path | None = None
    """csv of the true points, as landmarks.csv; the mean squared error is printed."""
    tta: Annotated[tuple[View, ...] | None, tyro.conf.arg(metavar="VIEW...")] = None
    """Views to average: flip, shift, scale; nothing after --tta: the plain picture; default: flip
    where the points have a mirror symmetry."""
    ensemble: How = "mean"
    """How the answers of several runs are put together."""

    def __post_init__(self) -> None:
        for name in ("submission", "truth"):
            if self.detect and getattr(self, name):
                raise ValueError(f"`{name}` is of face crops; it cannot be given with --detect")


def main() -> None:
    """The command line."""
    command.run(predict, parse(Config, prog="landmarks.predict", description=str(__doc__)))


def predict(config: Config) -> None:
    """Find the points and write what `config` asks for.

    A picture that cannot be read, or is not there, is named on the terminal and answered with
    `landmarks.ensemble.guess`.
    """
    from landmarks import ensemble, predictor, submission
    from triptych import run
    from triptych.inputs import runs_and_inputs

    folders, paths = runs_and_inputs(config.paths)
    # Before any work: a bad csv must not cost a long prediction.
    count = ensemble.points(folders)
    pictures, asked = submission.find(paths, config.images, count)
    asks = submission.asked_count(asked) if config.submission else 0
    truth = _read_truth(config.truth, folders[0], pictures, count) if config.truth else {}
    models = [predictor.open(folder) for folder in folders]
    tta = ensemble.views(models, config.tta)
    if config.detect:
        _find_faces(config, models, pictures, tta)
        return

    answers, unreadable = _answer(models, pictures, tta, config.ensemble)
    by_name = {path.name: row for path, row in zip(pictures, answers.points, strict=True)}
    if config.submission:
        rows = submission.rows(asked, by_name)
        run.write_rows(config.submission, ("file_name", *submission.header(asks)), rows)
        print(f"{config.submission}: {len(rows)} rows, in the order of {submission.TEST_POINTS}")
    if config.points:
        run.write_rows(
            config.points, *submission.all_points(pictures, answers.points, answers.spread)
        )
        print(f"{config.points}: {len(pictures)} rows")
    if config.pictures:
        _draw(config.pictures, pictures, answers, unreadable)
    if not (config.submission or config.points or config.pictures):
        _show(pictures, answers)
    if config.truth:
        _compare(truth, by_name, asked if config.submission else {}, config.truth)


def _find_faces(
    config: Config, models: "Sequence[Predictor]", pictures: Sequence[Path], tta: tuple[View, ...]
) -> None:
    """Write or show the points of every face in whole photographs."""
    from landmarks import photographs

    found = photographs.find(models, pictures, tta, config.ensemble)
    count = sum(map(len, found.values()))
    if config.points:
        photographs.write_points(found, models[0].points, config.points)
        print(f"{config.points}: {count} rows")
    if config.pictures:
        photographs.draw(found, config.pictures)
        print(f"{config.pictures}: {sum(map(bool, found.values()))} pictures")
    photographs.show(found)
    print(f"{count} faces in {len(pictures)} photographs")


def _read_truth(
    csv: Path, folder: Path, pictures: Sequence[Path], count: int
) -> "dict[str, np.ndarray]":
    """The true points [N, 2] of those `pictures` that the csv has, by bare file name."""
    from landmarks import store
    from landmarks.labelled import CACHE

    table = store.open_csv(csv, folder.parent / CACHE)
    if table.points.shape[1] != count:
        raise ValueError(f"{csv} has {table.points.shape[1]} points, {folder} has {count}")
    for problem in table.problems:
        print(f"{problem.where}: {problem.reason}")
    wanted = {path.name for path in pictures}
    named = zip(table.names, table.points, strict=True)
    truth = {Path(name).name: row for name, row in named if Path(name).name in wanted}
    if not truth:
        raise ValueError(f"{csv} has none of the pictures, the first of which is {pictures[0]}")
    return truth


def _answer(
    models: "Sequence[Predictor]", pictures: Sequence[Path], tta: tuple[View, ...], how: How
) -> "tuple[Answers, set[Path]]":
    """Points and spread of every picture, and the pictures that could not be read."""
    from landmarks import ensemble
    from triptych.inputs import Readable

    images = Readable(pictures, None)
    answers = ensemble.answers(models, len(pictures), images.read, tta, how)
    for i, path in enumerate(pictures):
        if path in images.unreadable:
            print(f"answered with the mean shape: {images.unreadable[path]}")
            answers.points[i] = ensemble.guess(models, path)
            if answers.spread is not None:
                answers.spread[i] = float("nan")
    return answers, set(images.unreadable)


def _draw(
    folder: Path, pictures: Sequence[Path], answers: "Answers", unreadable: set[Path]
) -> None:
    from landmarks import portraits

    folder.mkdir(parents=True, exist_ok=True)
    for i, path in enumerate(pictures):
        if path not in unreadable:
            spread = None if answers.spread is None else answers.spread[i]
            portraits.write(path, answers.points[i], spread, folder)
    print(f"{folder}: {len(pictures) - len(unreadable)} pictures")


def _show(pictures: Sequence[Path], answers: "Answers") -> None:
    for i, path in enumerate(pictures):
        (left, top), (right, bottom) = answers.points[i].min(axis=0), answers.points[i].max(axis=0)
        sure = "" if answers.spread is None else f", spread {answers.spread[i].mean():.2f} px"
        print(f"x {left:.1f}..{right:.1f}, y {top:.1f}..{bottom:.1f}{sure}  {path}")


def _compare(
    truth: "dict[str, np.ndarray]", found: "dict[str, np.ndarray]", asked: "Asked", csv: Path
) -> None:
    """Print the mean squared error: of the submission as it is written, or of all points."""
    import numpy as np

    from landmarks import submission

    if asked:
        pairs = [
            (submission.rounded(found[Path(name).name][indices]), truth[Path(name).name][indices])
            for name, indices in asked.items()
            if Path(name).name in truth
        ]
        which = "asked points as submitted"
    else:
        pairs = [(found[name], row) for name, row in truth.items()]
        which = "all points"
    if not pairs:
        raise ValueError(f"{csv} has none of the pictures that points are asked of")
    error = np.mean([np.mean((answer - true.astype(float)) ** 2) for answer, true in pairs])
    print(f"MSE {error:.4f} px^2 ({which}) on the {len(pairs)} pictures of {csv}")


if __name__ == "__main__":
    main()

"""One or several runs that answer together."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from landmarks.geometry import centre_crop
from triptych.ensemble import How, combine
from triptych.images import ImageError, upright_size

# The command line needs `View` alone, and `predictor` brings Keras.
if TYPE_CHECKING:
    from landmarks.predictor import Answers, Predictor

View = Literal["flip", "shift", "scale"]


def points(folders: Sequence[Path]) -> int:
    """How many points the runs, or exports, answer with.

    Raises:
        ValueError: one is no finished run and no export, or their numbers of points differ.
    """
    from landmarks.labelled import read_points
    from triptych import exported, run

    counts: dict[Path, int] = {}
    for folder in folders:
        if run.is_export(folder):
            counts[folder] = int(exported.read(folder).get("points", 0))
        else:
            run.check(folder)
            counts[folder] = read_points(folder).points
    if len(set(counts.values())) > 1:
        each = ", ".join(f"{folder} has {count}" for folder, count in counts.items())
        raise ValueError(f"the runs have different numbers of points: {each}")
    return counts[folders[0]]


def views(models: "Sequence[Predictor]", asked: tuple[View, ...] | None) -> tuple[View, ...]:
    """The views of TTA: those asked for, or with None the flip where every run has a mirror."""
    if asked is not None:
        return asked
    if any(model.mirror is None for model in models):
        print("no flip TTA: a run found no mirror symmetry of its points")
        return ()
    return ("flip",)


def answers(
    models: "Sequence[Predictor]",
    count: int,
    read: Callable[[int], np.ndarray],
    tta: Sequence[View],
    how: How = "mean",
) -> "Answers":
    """The mean or median of what the runs answer, as `Predictor.predict` has it.

    The spread is put together in the same way, and None where a run has none.
    """
    from landmarks.predictor import Answers

    each = [model.predict(count, read, tta) for model in models]
    spreads = [answer.spread for answer in each if answer.spread is not None]
    return Answers(
        combine([answer.points for answer in each], how),
        combine(spreads, how) if len(spreads) == len(models) else None,
    )


def guess(models: "Sequence[Predictor]", path: Path) -> np.ndarray:
    """Points [N, 2] for a picture that cannot be read: the runs' mean shape, laid on its size.

    The size is the header's; where that cannot be read either, the first model's crop.
    """
    side = models[0].side
    try:
        height, width = upright_size(path)
    except ImageError:
        height, width = side, side
    back = centre_crop(height, width, 1000).inverse()
    shapes = [back(model.mean * 1000 - 0.5) + np.array([model.shift, 0]) for model in models]
    return combine(shapes)

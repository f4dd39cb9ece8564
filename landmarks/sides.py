"""Which pictures of a data set a finished run is judged on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

# The command line needs `Side` alone, and `records` brings pandas.
if TYPE_CHECKING:
    from landmarks.records import DataSet

Side = Literal["validation", "training", "all"]


def choose(
    data: "DataSet", splits: Sequence[Mapping[tuple[str, ...], str]], side: Side | None
) -> "tuple[DataSet, Side]":
    """The rows of `data` on `side` of every run's split, and which side that is.

    A split is what `triptych.split.read` gives. `None` is the validation side, or all where no
    run has seen any of the pictures.

    Raises:
        ValueError: no picture is on that side.
    """
    keys = [(name,) for name in data.names]
    if side is None:
        side = "validation" if any(key in split for split in splits for key in keys) else "all"
    if side == "all":
        return data, side
    chosen = [i for i, key in enumerate(keys) if all(split.get(key) == side for split in splits)]
    if not chosen:
        whose = "the run's" if len(splits) == 1 else "every run's"
        raise ValueError(
            f"none of the {len(keys)} pictures is on {whose} {side} side; "
            "choose another --side, or other --data"
        )
    kept = replace(
        data,
        paths=[data.paths[i] for i in chosen],
        names=[data.names[i] for i in chosen],
        points=data.points[chosen],
        extra=data.extra[chosen],
        sources=[data.sources[i] for i in chosen],
    )
    return kept, side

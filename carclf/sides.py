"""Which pictures of a folder a finished run is judged on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

# The command line needs `Side` alone, and `records` brings pandas.
if TYPE_CHECKING:
    from carclf.records import DataSet, Record

Side = Literal["validation", "training", "all"]


def match(data: "DataSet", classes: Sequence[str], names: Sequence[str]) -> "list[Record]":
    """The records of `data` with labels that are positions in a run's `classes`.

    Classes are matched by identifier, so a folder may lack some of the run's.

    Raises:
        ValueError: a picture's class is not one of the run's, or goes by another name there.
    """
    position = {identifier: i for i, identifier in enumerate(classes)}
    for record in data.records:
        identifier, name = data.classes[record.label], data.names[record.label]
        if identifier not in position:
            raise ValueError(
                f"unknown label {identifier!r} of {record.path}: the run was trained on "
                f"{len(classes)} classes, {', '.join(classes[:12])}{', …' * (len(classes) > 12)}"
            )
        trained = names[position[identifier]]
        # Without a class csv the identifier stands for the name, and says nothing against it.
        if identifier not in (name, trained) and name != trained:
            raise ValueError(
                f"class {identifier} is {name!r} in the data and {trained!r} in the run; "
                "the class lists differ"
            )
    return [replace(r, label=position[data.classes[r.label]]) for r in data.records]


def choose(
    found: "Sequence[Record]",
    classes: Sequence[str],
    splits: Sequence[Mapping[tuple[str, ...], str]],
    side: Side | None,
) -> "tuple[list[Record], Side]":
    """The records on `side` of every run's split, and which side that is.

    A split is what `triptych.split.read` gives. `None` is the validation side, or all
    where no run has seen any of the pictures.

    Raises:
        ValueError: no picture is on that side.
    """
    keys = [(record.path.name, classes[record.label]) for record in found]
    if side is None:
        side = "validation" if any(key in split for split in splits for key in keys) else "all"
    if side == "all":
        return list(found), side
    chosen = [
        record
        for record, key in zip(found, keys, strict=True)
        if all(split.get(key) == side for split in splits)
    ]
    if not chosen:
        whose = "the run's" if len(splits) == 1 else "every run's"
        raise ValueError(
            f"none of the {len(found)} pictures is on {whose} {side} side; "
            "choose another --side, or other --data"
        )
    return chosen, side

"""Which photographs of a data set a finished run is judged on."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeVar

Side = Literal["validation", "training", "all"]


class Place(NamedTuple):
    """A row of split.csv: "training", "validation" or "left out", and `labelled.digest`."""

    side: str
    digest: str


Split = Mapping[str, Place]
"""By the photograph's name."""


class Named(Protocol):
    """What has a name, as the data have it."""

    @property
    def name(self) -> str:
        """Unique within the data."""


N = TypeVar("N", bound=Named)


def read(folder: Path) -> dict[str, Place]:
    """The split of a run.

    Raises:
        ValueError: the run folder has no split.csv.
    """
    from triptych import split

    split.read(folder)  # which says so
    with (folder / split.SPLIT).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["file"]: Place(row["side"], row["sha256"]) for row in rows}


def where(names: Sequence[str], digests: Sequence[str], split: Split) -> list[str]:
    """The side [R] of each photograph in a run's split, "" where it is in none.

    One is found by its digest, since other data have names like train/0.jpg too. Where the data
    are the run's own (`own`), one whose boxes or picture were mended is found by its name.
    """
    known = {place.digest: place.side for place in split.values()}
    named = {n: place.side for n, place in split.items()} if own(names, digests, split) else {}
    return [known.get(d, named.get(n, "")) for n, d in zip(names, digests, strict=True)]


def own(names: Sequence[str], digests: Sequence[str], split: Split) -> bool | None:
    """Whether half of the names that both have or more stand for the same; None: no such name."""
    same = [split[n].digest == d for n, d in zip(names, digests, strict=True) if n in split]
    return 2 * sum(same) >= len(same) if same else None


def choose(
    samples: Sequence[N], digests: Sequence[str], splits: Sequence[Split], side: Side | None
) -> tuple[list[N], Side]:
    """The samples on `side` of every split, and which side that is.

    `digests` [R] are those of the samples, as the splits have them. `None` is the validation side,
    or all where no split has any of the samples' names.

    Raises:
        ValueError: no sample is on that side. Or `side` is None, and what has the names of a run's
            samples is most often something else.
    """
    names = [sample.name for sample in samples]
    if side is None:
        owned = [own(names, digests, split) for split in splits]
        if False in owned and True not in owned:
            raise ValueError(
                "these photographs have names that the run was trained with, and other pictures "
                "or boxes; received: side=None; choose --side all, or other --data"
            )
        side = "validation" if True in owned else "all"
    if side == "all":
        return list(samples), side
    found = [where(names, digests, split) for split in splits]
    chosen = [one for i, one in enumerate(samples) if splits and all(w[i] == side for w in found)]
    if not chosen:
        whose = "the run's" if len(splits) == 1 else "every run's"
        raise ValueError(
            f"none of the {len(names)} photographs is on {whose} {side} side; "
            "choose another --side, or other --data"
        )
    return chosen, side

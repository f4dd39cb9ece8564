"""Which crops or photographs of a data set a finished run is judged on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeVar

Side = Literal["validation", "training", "all"]

CALIBRATING = 100
"""Pictures for 8 bits: more change nothing, the extremes of so many are those of all."""
# A hundredth is ten of them, which is as much as a difference can be told by.
_JUDGED = 1000


class Place(NamedTuple):
    """A row of split.csv: "training", "validation" or "left out", and `labelled.digest`."""

    side: str
    digest: str


Split = Mapping[str, Place]
"""By the sample's name."""


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
    # The command line needs `Side` alone, and this brings numpy.
    from triptych import split

    return {name: Place(side, digest) for name, side, digest in split.rows(folder)}


def where(names: Sequence[str], digests: Sequence[str], split: Split) -> list[str]:
    """The side [R] of each sample in a run's split, "" where it is in none.

    One is found by `labelled.digest`, since other data have names like train/0.jpg too. Where the
    data are the run's own (`own`), one whose label or picture was mended is found by its name.
    """
    known = {place.digest: place.side for place in split.values()}
    named = {n: place.side for n, place in split.items()} if own(names, digests, split) else {}
    return [known.get(d, named.get(n, "")) for n, d in zip(names, digests, strict=True)]


def own(names: Sequence[str], digests: Sequence[str], split: Split) -> bool | None:
    """Whether half of the names that both have or more stand for the same; None: no such name."""
    same = [split[n].digest == d for n, d in zip(names, digests, strict=True) if n in split]
    return 2 * sum(same) >= len(same) if same else None


def choose(
    samples: Sequence[N],
    digests: Sequence[str],
    splits: Sequence[Split],
    side: Side | None,
    what: Literal["crops", "photographs"],
) -> tuple[list[N], Side]:
    """The samples on `side` of every split, and which side that is.

    `digests` [R] are what `labelled.digest` says of them, `what` they are called in errors. `None`
    is the validation side, or all where no split has any of the samples' names.

    Raises:
        ValueError: no sample is on that side. Or `side` is None, and what has the names of a run's
            samples is most often something else.
    """
    names = [sample.name for sample in samples]
    if side is None:
        owned = [own(names, digests, split) for split in splits]
        if False in owned and True not in owned:
            raise ValueError(
                f"these {what} have names that the run was trained with, and other pictures or "
                "labels; received: side=None; choose --side all, or other --data"
            )
        side = "validation" if True in owned else "all"
    if side == "all":
        return list(samples), side
    found = [where(names, digests, split) for split in splits]
    chosen = [one for i, one in enumerate(samples) if splits and all(w[i] == side for w in found)]
    if not chosen:
        whose = "the run's" if len(splits) == 1 else "every run's"
        raise ValueError(
            f"none of the {len(names)} {what} is on {whose} {side} side; "
            "choose another --side, or other --data"
        )
    return chosen, side


def trial(
    samples: Sequence[N],
    digests: Sequence[str],
    splits: Sequence[Split],
    what: Literal["crops", "photographs"],
) -> tuple[list[N], list[N]]:
    """Samples to judge quantizing on, at most 1000, and at most 100 others to calibrate it on.

    They are of the validation and the training side. Where no split has any of the samples' names,
    those that calibrate are taken out of all, and the rest judges.

    Raises:
        ValueError: as `choose`, or there is one sample alone.
    """
    if len(samples) < 2:
        raise ValueError(f"2 {what} at least are needed, to judge and to calibrate on")
    judged, side = choose(samples, digests, splits, None, what)
    if side == "validation":
        others, _ = choose(samples, digests, splits, "training", what)
        return _spread(judged, _JUDGED), _spread(others, CALIBRATING)
    others = _spread(judged, min(CALIBRATING, len(judged) // 2))
    taken = {sample.name for sample in others}
    return _spread([one for one in judged if one.name not in taken], _JUDGED), others


def _spread(samples: list[N], most: int) -> list[N]:
    """At most so many, evenly from first to last."""
    count = min(len(samples), most)
    return [samples[i * len(samples) // count] for i in range(count)]

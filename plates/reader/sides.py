"""Which crops of a data set a finished run is judged on."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

# The command line needs `Side` alone, and `records` brings pandas.
if TYPE_CHECKING:
    from plates.reader.records import Crop

Side = Literal["validation", "training", "all"]


def choose(
    crops: "Sequence[Crop]", splits: Sequence[Mapping[tuple[str, ...], str]], side: Side | None
) -> "tuple[list[Crop], Side]":
    """The crops on `side` of every split, and which side that is.

    A split is what `triptych.split.read` gives. `None` is the validation side, or all where no
    split has any of the crops.

    Raises:
        ValueError: no crop is on that side.
    """
    keys = [(crop.name,) for crop in crops]
    if side is None:
        side = "validation" if any(key in split for split in splits for key in keys) else "all"
    if side == "all":
        return list(crops), side
    chosen = [
        crop
        for crop, key in zip(crops, keys, strict=True)
        if splits and all(split.get(key) == side for split in splits)
    ]
    if not chosen:
        whose = "the run's" if len(splits) == 1 else "every run's"
        raise ValueError(
            f"none of the {len(keys)} crops is on {whose} {side} side; "
            "choose another --side, or other --data"
        )
    return chosen, side

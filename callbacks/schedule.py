"""Learning-rate schedules by name, for a configuration file or a command line."""

from collections.abc import Mapping
from typing import Literal

import keras

from callbacks.epoch_table import EpochTable
from callbacks.one_cycle import OneCycle
from callbacks.reduce_lr_on_plateau import ReduceLROnPlateau


def schedule(
    name: str,
    lr: float,
    steps: int,
    *,
    monitor: str = "val_loss",
    mode: Literal["min", "max"] = "min",
    patience: int = 1,
    table: Mapping[int, float] | None = None,
    first_epoch: int = 0,
) -> list[keras.callbacks.Callback]:
    """The callbacks of schedule `name` over `steps` batches, none for "constant".

    "one-cycle" to a peak of `lr`; "cosine", a short warm-up and half a cosine, momentum untouched;
    "plateau", PyTorch's rule on `monitor` with factor sqrt(0.1) and `patience`; "table", learning
    rate by epoch, counted from `first_epoch`.

    Raises:
        ValueError: an unknown name.
    """
    if name == "one-cycle":
        return [OneCycle(lr, steps)]
    if name == "cosine":
        return [OneCycle(lr, steps, pct_start=0.05, cycle_momentum=False)]
    if name == "plateau":
        return [ReduceLROnPlateau(monitor, factor=0.1**0.5, patience=patience, mode=mode)]
    if name == "table":
        return [EpochTable(table or {0: lr}, first_epoch)]
    if name == "constant":
        return []
    known = ("one-cycle", "cosine", "plateau", "table", "constant")
    raise ValueError(f"`name` must be one of {', '.join(known)}; received: name={name!r}")

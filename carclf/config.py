"""The classifier's settings: one field is one flag of `python -m carclf.train`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from triptych.stage import STAGE_FLAG, Stage, parse_size, require

Strength = Literal["none", "light", "medium", "strong"]

# What a run that goes on may have otherwise than when it was begun: it changes no number. The data
# are compared by what is in them.
FREE = frozenset(
    [
        "data",
        "name",
        "runs",
        "overwrite",
        "resume",
        "checkpoint_steps",
        "time_limit",
        "gpu_memory_mb",
        "cache_mb",
        "workers",
    ]
)


@dataclass(frozen=True)
class Config:
    """Train a car-model classifier on your own pictures."""

    data: Path
    """Folder in the Kaggle layout (train.csv, train/CLASS/ID), or with one folder a class."""
    name: Annotated[str, tyro.conf.arg(aliases=["-n"])] = ""
    """Name of the run folder; empty: the date and time."""
    runs: Path = Path("runs")
    """Folder that run folders are made in."""
    overwrite: bool = False
    """Replace a run folder that exists."""
    resume: bool = False
    """Go on with the run of this name where it was stopped or killed; if there is none, start."""
    checkpoint_steps: int = 100
    """Batches between two checkpoints; the end of an epoch always makes one."""
    time_limit: float | None = None
    """Minutes after which training stops for now, to be resumed."""
    class_csv: Path | None = None
    """csv `Category,name` of class names; default: classes.csv in the data, else the folders."""
    val_fraction: float = 0.2
    """Share of every class that is kept for validation; 0 trains on everything."""
    fold: int | None = None
    """Validate on this fold (from 0) of `folds` in place of a share."""
    folds: int = 5
    split_seed: int = 0
    """Seed of the split; it stays when `seed` changes, so that runs can be compared."""
    seed: int = 0
    """Seed of everything else; the same seed gives the same run on a CPU."""
    backbone: str = "efficientnet-lite0"
    weights: str = "imagenet"
    """imagenet, noisy-student, autoaugment, none, or a file of the backbone's weights."""
    head_depth: int = 0
    """Dense + batch-norm layers between the pooled features and the classes."""
    head_width: int = 256
    """Width of those layers."""
    dropout: float = 0.3
    drop_connect: float | None = None
    """Stochastic depth of the backbone's last block; default: the backbone's own."""
    stages: tuple[Annotated[Stage, STAGE_FLAG], ...] = (Stage(),)
    """Stages of training, in order; each starts from the best model so far."""
    eval_size: str = ""
    """Picture size of validation and of the finished model; empty: the last stage's."""
    augment: Strength = "medium"
    mixup: float = 0.0
    """Alpha of mixup; 0: off."""
    cutmix: float = 0.0
    """Alpha of cutmix; 0: off."""
    label_smoothing: float = 0.1
    class_weights: bool = False
    """Weigh every class equally, however many pictures it has."""
    weight_decay: float = 0.02
    layer_decay: float = 1.0
    """Learning rate of each twelfth of the backbone relative to the one above it."""
    ema: float = 0.0
    """Momentum of averaged weights, which are then the ones validated and kept; 0: off."""
    accumulate: int = 1
    """Batches whose gradients are added up to one step."""
    monitor: Literal["val_loss", "val_accuracy", "loss"] = "val_loss"
    """What decides which model is the best."""
    precision: Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"] = "auto"
    """auto: float32 on a CPU; on a GPU the faster of float32 and mixed_float16, by measuring."""
    gpu_memory_mb: int | None = None
    """Most GPU memory to take, in MB; default: as it is needed."""
    xla: bool = False
    """Compile the step with XLA."""
    cache_mb: int = 4000
    """Memory for decoded pictures, in MB; the rest is decoded each time."""
    workers: int = 0
    """Threads that load and augment; 0: one a core."""

    def __post_init__(self) -> None:
        require(0 <= self.val_fraction < 1, "val_fraction", "in [0, 1)", self.val_fraction)
        require(len(self.stages) > 0, "stages", "at least one", self.stages)
        parse_size(self.eval_size or self.stages[-1].size)
        require(self.head_depth >= 0, "head_depth", "0 or more", self.head_depth)
        require(self.head_width > 0, "head_width", "positive", self.head_width)
        require(0 <= self.dropout < 1, "dropout", "in [0, 1)", self.dropout)
        require(0 <= self.label_smoothing < 1, "label_smoothing", "in [0, 1)", self.label_smoothing)
        require(self.mixup >= 0, "mixup", "0 or more", self.mixup)
        require(self.cutmix >= 0, "cutmix", "0 or more", self.cutmix)
        require(0 < self.layer_decay <= 1, "layer_decay", "in (0, 1]", self.layer_decay)
        require(0 <= self.ema < 1, "ema", "in [0, 1)", self.ema)
        require(self.accumulate > 0, "accumulate", "positive", self.accumulate)
        require(self.checkpoint_steps > 0, "checkpoint_steps", "positive", self.checkpoint_steps)
        require(
            self.time_limit is None or self.time_limit > 0,
            "time_limit",
            "positive",
            self.time_limit,
        )
        require(
            not (self.overwrite and self.resume), "overwrite", "off with --resume", self.overwrite
        )
        validated = self.fold is not None or self.val_fraction > 0
        require(
            validated or self.monitor == "loss", "monitor", "loss, without validation", self.monitor
        )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of validation and of the finished model."""
        return parse_size(self.eval_size or self.stages[-1].size)

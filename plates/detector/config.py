"""The plate detector's settings: one field is one flag of `python -m plates.detector.train`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from triptych.stage import STAGE_FLAG, Stage, merged, parse_size, require

Strength = Literal["none", "light", "medium", "strong"]
Head = Literal["unet", "corners", "maskrcnn"]

# What a run that goes on may have otherwise than when it was begun: it changes no number. The data
# are compared by what is in them.
FREE = frozenset(
    [
        "data",
        "extra",
        "split",
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
MULTIPLE = 32
"""Sides of a canvas are multiples of this: the deepest backbone's stride."""


def _flag(*aliases: str) -> object:
    return tyro.conf.arg(aliases=list(aliases))


def check_size(size: int | None, name: str = "size") -> None:
    """ValueError unless a canvas may be of this size, or no size is given; `name` is the flag."""
    fits = size is None or (size > 0 and size % MULTIPLE == 0)
    require(fits, name, f"positive and a multiple of {MULTIPLE}", size)


@dataclass(frozen=True)
class Config:
    """Train a detector of number plates on your own photographs."""

    data: Annotated[Path, _flag("-d")]
    """Contest folder or its train.json, with texts or without, a COCO json, or a YOLO folder."""
    name: Annotated[str, _flag("-n")] = ""
    """Name of the run folder; empty: the date and time."""
    extra: tuple[str, ...] = ()
    """More data in any of these layouts, for training only. PATH@WEIGHT takes each photograph
    WEIGHT times an epoch, 0.5 half of them."""
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
    val_fraction: float = 0.15
    """Share of the photographs that is kept for validation; 0 trains on everything."""
    fold: int | None = None
    """Validate on this fold (from 0) of `folds` in place of a share."""
    folds: int = 5
    split: Path | None = None
    """Run folder, of a reader or a detector, whose sides the photographs keep, in place of a share:
    so that both are judged together on what neither has seen."""
    split_seed: int = 0
    """Seed of the split; it stays when `seed` changes, so that runs can be compared."""
    seed: int = 0
    """Seed of everything else; the same seed gives the same run on a CPU."""
    batch: Annotated[int | None, _flag("-b")] = None
    """Batch of every stage, in place of the recipe's."""
    epochs: Annotated[int | None, _flag("-e")] = None
    """Train one stage, the recipe's first, for so many epochs."""
    lr: Annotated[float | None, _flag("-lr")] = None
    """Learning rate of that one stage."""
    start: str = ""
    """Start from the weights of this run folder, or of the detector in the package: shipped."""
    stages: tuple[Annotated[Stage, STAGE_FLAG], ...] = (Stage(size="512", batch=8),)
    """Stages of training, in order; each starts from the best model so far. `size` is the side of
    the square that photographs are laid on, a multiple of 32."""
    eval_size: int | None = None
    """Longer side in pixels that the finished model sees photographs at; default: the last
    stage's."""
    backbone: str = "efficientnet-lite0"
    weights: str = "imagenet"
    """imagenet, noisy-student, autoaugment, none, or a file of the backbone's weights."""
    head: Head = "unet"
    """unet: masks of plates and of their cores; corners: middles of plates and their corners;
    maskrcnn: boxes, and a mask in each."""
    stride: Literal[2, 4, 8] = 4
    """Pixels of the canvas to a cell of the (finest) maps."""
    width: int = 64
    """Channels of the decoder, or of the feature pyramid."""
    deepest: Literal[16, 32] = 16
    """Stride that the backbone is cut at."""
    augment: Strength = "medium"
    synthetic: float = 0.0
    """Share of an epoch that is drawn scenes, other ones in every epoch."""
    weight_decay: float = 0.02
    """Of AdamW; with 0 it is Adam."""
    ema: float = 0.0
    """Momentum of averaged weights, which are then the ones validated and kept; 0: off."""
    accumulate: int = 1
    """Batches whose gradients are added up to one step."""
    monitor: Literal["val_loss", "loss"] = "val_loss"
    """What decides which model is the best; of maskrcnn it is the loss, since what its validation
    loss is reckoned of are its own proposals, which change."""
    precision: Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"] = "auto"
    """auto: float32 on a CPU; on a GPU the faster of float32 and mixed_float16, by measuring."""
    gpu_memory_mb: int | None = None
    """Most GPU memory to take, in MB; default: as it is needed."""
    xla: bool = False
    """Compile the step with XLA."""
    cache_mb: int = 4000
    """Memory for decoded photographs, in MB; the rest is decoded each time."""
    workers: int = 0
    """Threads that load and augment; 0: one a core."""

    def __post_init__(self) -> None:
        for name in ("batch", "epochs", "lr", "time_limit"):
            value = getattr(self, name)
            require(value is None or value > 0, name, "positive", value)
        for name in ("width", "accumulate", "checkpoint_steps"):
            require(getattr(self, name) > 0, name, "positive", getattr(self, name))
        for name in ("val_fraction", "synthetic", "ema"):
            require(0 <= getattr(self, name) < 1, name, "in [0, 1)", getattr(self, name))
        require(self.weight_decay >= 0, "weight_decay", "0 or more", self.weight_decay)
        require(len(self.stages) > 0, "stages", "at least one", self.stages)
        for stage in self.stages:
            require(len(set(parse_size(stage.size))) == 1, "size", "one side", stage.size)
        check_size(self.eval_size, "eval_size")
        for side in self.sides:
            require(side % MULTIPLE == 0, "size", f"a multiple of {MULTIPLE}", side)
        require(self.workers >= 0, "workers", "0 or more", self.workers)
        require(self.folds >= 2, "folds", "2 or more", self.folds)
        in_folds = self.fold is None or 0 <= self.fold < self.folds
        require(in_folds, "fold", f"in 0..{self.folds - 1}", self.fold)
        require(not (self.overwrite and self.resume), "overwrite", "off with --resume", True)
        alone = self.split is None or self.fold is None
        require(alone, "split", "given without --fold, or not at all", self.split)
        validated = bool(self.fold is not None or self.split or self.val_fraction > 0)
        steady = self.head != "maskrcnn" or self.monitor == "loss"
        require(steady, "monitor", "loss, with maskrcnn", self.monitor)
        require(
            validated or self.monitor == "loss", "monitor", "loss, without validation", self.monitor
        )

    @property
    def side(self) -> int:
        """Longer side in pixels of the pictures of validation and of the finished model."""
        return self.eval_size or parse_size(self.stages[-1].size)[0]

    @property
    def sides(self) -> list[int]:
        """Sides in pixels of all canvases that the model meets."""
        return [self.side, *(parse_size(stage.size)[0] for stage in self.stages)]


def settled(config: Config) -> Config:
    """The config with -b, -e and -lr worked into its stages, as it is trained and saved."""
    stages = merged(config.stages, config.batch, config.epochs, config.lr)
    return replace(config, stages=stages, batch=None, epochs=None, lr=None)

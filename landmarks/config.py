"""The landmark regressor's settings: one field is one flag of `python -m landmarks.train`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from triptych.stage import STAGE_FLAG, Stage, merged, parse_size, require

Strength = Literal["none", "light", "medium", "strong"]
Head = Literal["dense", "mlp", "heatmap"]
Loss = Literal["mse", "l1", "smooth-l1", "wing", "gaussian", "laplace"]

# What a run that goes on may have otherwise than when it was begun: it changes no number. The data
# are compared by what is in them.
FREE = frozenset(
    [
        "data",
        "extra",
        "name",
        "runs",
        "overwrite",
        "resume",
        "checkpoint_steps",
        "time_limit",
        "gpu",
        "gpu_memory_mb",
        "cache_mb",
        "workers",
    ]
)


def _flag(*aliases: str) -> object:
    return tyro.conf.arg(aliases=list(aliases))


@dataclass(frozen=True)
class Config:
    """Train a landmark regressor on your own pictures; the data say how many points."""

    data: Annotated[Path, _flag("-d")]
    """Contest folder (train/landmarks.csv + train/images/), a csv, a WFLW list, or .pts files."""
    name: Annotated[str, _flag("-n")] = ""
    """Name of the run folder; empty: the date and time."""
    extra: tuple[Path, ...] = ()
    """More csv files in the same layout, for training only (landmarks.augment writes such)."""
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
    """Share of the pictures that is kept for validation; 0 trains on everything."""
    fold: int | None = None
    """Validate on this fold (from 0) of `folds` in place of a share."""
    folds: int = 5
    split_seed: int = 0
    """Seed of the split; it stays when `seed` changes, so that runs can be compared."""
    same_side: float = 0.87
    """Pictures that look so much alike (correlation) go to one side of the split; 1: no matter."""
    seed: int = 0
    """Seed of everything else; the same seed gives the same run on a CPU."""
    batch: Annotated[int | None, _flag("-b")] = None
    """Batch of every stage, in place of the recipe's."""
    epochs: Annotated[int | None, _flag("-e")] = None
    """Train one stage, the recipe's first, for so many epochs."""
    lr: Annotated[float | None, _flag("-lr")] = None
    """Learning rate of that one stage."""
    pretrained_model: Annotated[Path | None, _flag("-pm")] = None
    """Start from this run folder, or its model.keras, which must have the same model."""
    stages: tuple[Annotated[Stage, STAGE_FLAG], ...] = (Stage(size="128"),)
    """Stages of training, in order; each starts from the best model so far."""
    eval_size: int | None = None
    """Side in pixels of the finished model's pictures; default: the last stage's."""
    backbone: str = "efficientnet-lite0"
    weights: str = "imagenet"
    """imagenet, noisy-student, autoaugment, none, or a file of the backbone's weights."""
    head: Head = "heatmap"
    """dense: pooled features, one layer; mlp: two; heatmap: soft-argmax over a map a point."""
    head_width: int = 128
    """Width of mlp's hidden layer, or of heatmap's maps."""
    deepest: Literal[16, 32] = 16
    """Stride that the heatmap head cuts the backbone at; 32 is the whole backbone."""
    stride: Literal[4, 8, 16] = 8
    """Stride of the heat maps."""
    dropout: float = 0.0
    """Before the dense or mlp head's last layer."""
    loss: Loss = "l1"
    """gaussian, laplace: the negative log-likelihood, with a spread for every point."""
    augment: Strength = "medium"
    weight_decay: float = 0.02
    """Of AdamW; with 0 it is Adam."""
    amsgrad: bool = False
    """The AMSGrad variant of AdamW (Reddi et al. 2018)."""
    ema: float = 0.0
    """Momentum of averaged weights, which are then the ones validated and kept; 0: off."""
    accumulate: int = 1
    """Batches whose gradients are added up to one step."""
    monitor: Literal["val_loss", "val_mse", "loss"] = "val_mse"
    """What decides which model is the best."""
    precision: Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"] = "auto"
    """auto: float32 on a CPU; on a GPU the faster of float32 and mixed_float16, by measuring."""
    gpu: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Use a GPU, and say so if there is none; without the flag one is used where there is one."""
    gpu_memory_mb: int | None = None
    """Most GPU memory to take, in MB; default: as it is needed."""
    xla: bool = False
    """Compile the step with XLA."""
    cache_mb: int = 4000
    """Memory for decoded pictures, in MB; the rest is decoded each time."""
    workers: int = 0
    """Threads that load and augment; 0: one a core."""

    def __post_init__(self) -> None:
        for name in ("batch", "epochs", "lr", "time_limit", "eval_size"):
            value = getattr(self, name)
            require(value is None or value > 0, name, "positive", value)
        for name in ("head_width", "accumulate", "checkpoint_steps"):
            require(getattr(self, name) > 0, name, "positive", getattr(self, name))
        for name in ("val_fraction", "dropout", "ema"):
            require(0 <= getattr(self, name) < 1, name, "in [0, 1)", getattr(self, name))
        require(0 < self.same_side <= 1, "same_side", "in (0, 1]", self.same_side)
        require(len(self.stages) > 0, "stages", "at least one", self.stages)
        for stage in self.stages:
            require(len(set(parse_size(stage.size))) == 1, "size", "one side", stage.size)
        require(
            self.eval_size is None or self.eval_size >= 32, "eval_size", ">= 32", self.eval_size
        )
        require(self.weight_decay >= 0, "weight_decay", "0 or more", self.weight_decay)
        require(
            self.dropout == 0 or self.head != "heatmap", "dropout", "0 with heatmap", self.dropout
        )
        require(self.stride <= self.deepest, "stride", "at most `deepest`", self.stride)
        if self.head == "heatmap":
            # Else the maps of two strides do not fit together, nor their cells over the picture.
            for side in (self.side, *(parse_size(stage.size)[0] for stage in self.stages)):
                require(side % self.deepest == 0, "size", f"a multiple of {self.deepest}", side)
        require(not (self.overwrite and self.resume), "overwrite", "off with --resume", True)
        validated = self.fold is not None or self.val_fraction > 0
        require(
            validated or self.monitor == "loss", "monitor", "loss, without validation", self.monitor
        )

    @property
    def side(self) -> int:
        """Side in pixels of validation's and the finished model's pictures."""
        return self.eval_size or parse_size(self.stages[-1].size)[0]

    @property
    def spread(self) -> bool:
        """Whether the model answers with a spread for every point."""
        return self.loss in ("gaussian", "laplace")


def settled(config: Config) -> Config:
    """The config with -b, -e and -lr worked into its stages, as it is trained and saved."""
    stages = merged(config.stages, config.batch, config.epochs, config.lr)
    return replace(config, stages=stages, batch=None, epochs=None, lr=None)

"""The plate reader's settings: one field is one flag of `python -m plates.reader.train`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from plates.text import LATIN, most_columns, normalize
from triptych.stage import STAGE_FLAG, Stage, merged, parse_size, require

Strength = Literal["none", "light", "medium", "strong"]
Cut = Literal["homography", "rectangle", "box"]

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
        "gpu_memory_mb",
        "cache_mb",
        "workers",
    ]
)
SHARES = ("val_fraction", "dropout", "ema", "margin", "nothing", "synthetic")
COUNTS = ("max_length", "lines", "width", "units", "gru_layers", "accumulate", "checkpoint_steps")


def _flag(*aliases: str) -> object:
    return tyro.conf.arg(aliases=list(aliases))


@dataclass(frozen=True)
class Config:
    """Train a reader of number plates on your own crops, or on plates cut from photographs."""

    data: Annotated[Path, _flag("-d")]
    """Contest folder, its train_recognition.json or train.json, or a fast-plate-ocr csv."""
    name: Annotated[str, _flag("-n")] = ""
    """Name of the run folder; empty: the date and time."""
    extra: tuple[Path, ...] = ()
    """More data in any of these layouts, for training only (plates.synth writes such)."""
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
    alphabet: str = LATIN
    """Characters that can be read; labels with others are listed and left out."""
    max_length: int = 10
    """Most characters of a text; longer labels are listed and left out."""
    cyrillic: bool = True
    """Read Cyrillic letters of labels as the Latin ones that look alike."""
    cut: Cut = "homography"
    """How plates are cut from photographs: straightened by their corners, the rectangle around
    them turned level, which bears corners that are not exact, or the upright box."""
    margin: float = 0.05
    """What is cut around a plate on every side, as a share of its sides."""
    grammar: str = ""
    """Patterns that answers must fit, such as LDDDLLDD[D], or names of plates.reader.grammar."""
    val_fraction: float = 0.15
    """Share of the crops that is kept for validation; 0 trains on everything."""
    fold: int | None = None
    """Validate on this fold (from 0) of `folds` in place of a share."""
    folds: int = 5
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
    """Start from the weights of this run folder, or of the reader in the package: shipped."""
    stages: tuple[Annotated[Stage, STAGE_FLAG], ...] = (Stage(size="64x192"),)
    """Stages of training, in order; each starts from the best model so far. Crops are stretched to
    `size` = HEIGHTxWIDTH."""
    eval_size: str = ""
    """Picture size of validation and of the finished model; empty: the last stage's."""
    backbone: str = "efficientnet-lite0"
    weights: str = "imagenet"
    """imagenet, noisy-student, autoaugment, none, or a file of the backbone's weights."""
    deepest: Literal[8, 16, 32] = 16
    """Stride that the backbone is cut at."""
    finest: Literal[4, 8, 16, 32] = 8
    """Stride of a finer map that is joined to the deepest one, which tells the lines apart better;
    the same as `deepest`: none."""
    strides: tuple[int, int] = (16, 8)
    """Most that its maps are smaller than the crop, in height and in width: 2, 4, 8, 16 or 32."""
    lines: int = 2
    """Lines of text that a plate may have; their columns stand one after the other."""
    width: int = 128
    """Channels of a column."""
    units: int = 128
    """Of every GRU, in each direction."""
    gru_layers: int = 2
    dropout: float = 0.2
    """Before every GRU and before the classes."""
    augment: Strength = "medium"
    nothing: float = 0.05
    """Share of an epoch that is drawn crops without a plate, to be answered with no text."""
    synthetic: float = 0.0
    """Share of an epoch that is drawn plates, other ones in every epoch."""
    weight_decay: float = 0.02
    """Of AdamW; with 0 it is Adam."""
    ema: float = 0.0
    """Momentum of averaged weights, which are then the ones validated and kept; 0: off."""
    accumulate: int = 1
    """Batches whose gradients are added up to one step."""
    monitor: Literal["val_loss", "val_exact", "loss"] = "val_exact"
    """What decides which model is the best."""
    precision: Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"] = "auto"
    """auto: float32 on a CPU; on a GPU the faster of float32 and mixed_float16, by measuring."""
    gpu_memory_mb: int | None = None
    """Most GPU memory to take, in MB; default: as it is needed."""
    xla: bool = False
    """Compile the step with XLA."""
    cache_mb: int = 4000
    """Memory for decoded crops, in MB; the rest is decoded each time."""
    workers: int = 0
    """Threads that load and augment; 0: one a core."""

    def __post_init__(self) -> None:
        for name in ("batch", "epochs", "lr", "time_limit"):
            value = getattr(self, name)
            require(value is None or value > 0, name, "positive", value)
        for name in COUNTS:
            require(getattr(self, name) > 0, name, "positive", getattr(self, name))
        for name in SHARES:
            require(0 <= getattr(self, name) < 1, name, "in [0, 1)", getattr(self, name))
        drawn = self.nothing + self.synthetic
        require(drawn < 1, "nothing", "less than 1 together with `synthetic`", self.nothing)
        require(self.weight_decay >= 0, "weight_decay", "0 or more", self.weight_decay)
        usable = normalize(self.alphabet, cyrillic=self.cyrillic) == self.alphabet
        usable = usable and len(set(self.alphabet)) == len(self.alphabet) > 0
        wanted = "different characters of normalized labels (upper case, no space or dash)"
        require(usable, "alphabet", wanted, self.alphabet)
        require(len(self.stages) > 0, "stages", "at least one", self.stages)
        wanted = f"at most `deepest`, {self.deepest}"
        for stride in self.strides:
            require(stride in (2, 4, 8, 16, 32), "strides", "of 2, 4, 8, 16 or 32", self.strides)
            require(stride <= self.deepest, "strides", wanted, self.strides)
        require(self.finest <= self.deepest, "finest", wanted, self.finest)
        # Its columns are those that are read.
        wanted = f"at least the columns' stride, {self.strides[1]}"
        require(self.finest >= self.strides[1], "finest", wanted, self.finest)
        for text in (self.eval_size, *(stage.size for stage in self.stages)):
            # A stage's own default is a square, which no plate is.
            require("x" in text or not text, "size", "HEIGHTxWIDTH", text)
        for size in self.sizes:
            fits = all(side % stride == 0 for side, stride in zip(size, self.strides, strict=True))
            wanted = f"multiples of {self.strides[0]} and {self.strides[1]}"
            require(fits, "size", wanted, f"{size[0]}x{size[1]}")
            most = most_columns(len(self.alphabet) + 1) // self.lines
            wanted = f"of at most {most * self.strides[1]} pixels in width"
            require(size[1] // self.strides[1] <= most, "size", wanted, f"{size[0]}x{size[1]}")
        require(self.workers >= 0, "workers", "0 or more", self.workers)
        require(self.folds >= 2, "folds", "2 or more", self.folds)
        in_folds = self.fold is None or 0 <= self.fold < self.folds
        require(in_folds, "fold", f"in 0..{self.folds - 1}", self.fold)
        require(not (self.overwrite and self.resume), "overwrite", "off with --resume", True)
        validated = self.fold is not None or self.val_fraction > 0
        require(
            validated or self.monitor == "loss", "monitor", "loss, without validation", self.monitor
        )

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels of validation's and the finished model's pictures."""
        return parse_size(self.eval_size or self.stages[-1].size)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Height and width of all pictures that the model meets."""
        return [self.size, *(parse_size(stage.size) for stage in self.stages)]

    @property
    def columns(self) -> int:
        """The fewest columns that a text is ever laid on: those of the narrowest pictures."""
        return self.lines * min(width for _, width in self.sizes) // self.strides[1]

    @property
    def mode(self) -> Literal["min", "max"]:
        """Whether `monitor` is to be small or large."""
        return "max" if self.monitor == "val_exact" else "min"


def settled(config: Config) -> Config:
    """The config with -b, -e and -lr worked into its stages, as it is trained and saved."""
    stages = merged(config.stages, config.batch, config.epochs, config.lr)
    return replace(config, stages=stages, batch=None, epochs=None, lr=None)

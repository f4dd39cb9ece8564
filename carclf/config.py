"""The classifier's settings: one field is one flag of `python -m carclf.train`."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal, get_args

import tyro
from tyro.constructors import PrimitiveConstructorSpec

Part = Literal["head", "upper", "all"]
Schedule = Literal["one-cycle", "cosine", "plateau", "constant"]
Strength = Literal["none", "light", "medium", "strong"]


def _require(holds: bool, name: str, wanted: object, received: object) -> None:
    if not holds:
        raise ValueError(f"`{name}` must be {wanted}; received: {name}={received}")


@dataclass(frozen=True)
class Stage:
    """One stage of training; on the command line `part=all,epochs=8,lr=3e-4,size=224`."""

    part: Part = "all"
    """What is trained: the head, also the upper half of the backbone, or all of it."""
    epochs: int = 10
    lr: float = 3e-4
    """Learning rate, the highest of the schedule."""
    schedule: Schedule = "one-cycle"
    size: str = "224"
    """Picture size in pixels: a side, or HEIGHTxWIDTH."""
    batch: int = 32
    freeze_bn: bool = True
    """Keep the backbone's batch-norm layers as they are."""

    def __post_init__(self) -> None:
        _require(self.part in get_args(Part), "part", get_args(Part), self.part)
        known = get_args(Schedule)
        _require(self.schedule in known, "schedule", known, self.schedule)
        _require(self.epochs > 0, "epochs", "positive", self.epochs)
        _require(self.lr > 0, "lr", "positive", self.lr)
        _require(self.batch > 0, "batch", "positive", self.batch)
        parse_size(self.size)


def parse_stage(text: str) -> Stage:
    """`part=all,epochs=8,lr=3e-4` -> Stage; what is not named keeps its default.

    Raises:
        ValueError: a word that is no `name=value`, an unknown name, a bad value.
    """
    kinds = {f.name: f.type for f in fields(Stage)}
    values: dict[str, object] = {}
    for word in text.split(","):
        name, equals, value = word.partition("=")
        if not equals or name not in kinds:
            raise ValueError(
                f"a stage is name=value,...; names: {', '.join(kinds)}; received: {word!r}"
            )
        kind = kinds[name]
        if kind is bool:
            _require(value in ("true", "false"), name, "true or false", value)
            values[name] = value == "true"
        else:
            values[name] = kind(value) if kind in (int, float) else value
    return Stage(**values)  # type: ignore[arg-type]


def stage_text(stage: Stage) -> str:
    """The inverse of `parse_stage`."""
    values = ((f.name, getattr(stage, f.name)) for f in fields(stage))
    return ",".join(f"{n}={str(v).lower() if isinstance(v, bool) else v}" for n, v in values)


def parse_size(text: str) -> tuple[int, int]:
    """`224` -> (224, 224); `192x256` -> (height 192, width 256).

    Raises:
        ValueError: neither form, or a side below 32 pixels.
    """
    sides = text.split("x")
    if len(sides) > 2 or not all(s.isdigit() and int(s) >= 32 for s in sides):
        raise ValueError(f"`size` must be SIDE or HEIGHTxWIDTH, at least 32; received: size={text}")
    return int(sides[0]), int(sides[-1])


def _stage_flag(words: list[str]) -> Stage:
    try:
        return parse_stage(words[0])
    except ValueError as error:
        # tyro says no more of a list's bad element than that it is bad.
        raise SystemExit(f"bad --stages: {error}") from None


_STAGE = PrimitiveConstructorSpec(
    nargs=1,
    metavar="part=..,epochs=..,lr=..,schedule=..,size=..,batch=..,freeze_bn=..",
    instance_from_str=_stage_flag,
    is_instance=lambda value: isinstance(value, Stage),
    str_from_instance=lambda stage: [stage_text(stage)],
)


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
    stages: tuple[Annotated[Stage, _STAGE], ...] = (Stage(),)
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
        _require(0 <= self.val_fraction < 1, "val_fraction", "in [0, 1)", self.val_fraction)
        _require(len(self.stages) > 0, "stages", "at least one", self.stages)
        parse_size(self.eval_size or self.stages[-1].size)
        _require(self.head_depth >= 0, "head_depth", "0 or more", self.head_depth)
        _require(self.head_width > 0, "head_width", "positive", self.head_width)
        _require(0 <= self.dropout < 1, "dropout", "in [0, 1)", self.dropout)
        _require(
            0 <= self.label_smoothing < 1, "label_smoothing", "in [0, 1)", self.label_smoothing
        )
        _require(self.mixup >= 0, "mixup", "0 or more", self.mixup)
        _require(self.cutmix >= 0, "cutmix", "0 or more", self.cutmix)
        _require(0 < self.layer_decay <= 1, "layer_decay", "in (0, 1]", self.layer_decay)
        _require(0 <= self.ema < 1, "ema", "in [0, 1)", self.ema)
        _require(self.accumulate > 0, "accumulate", "positive", self.accumulate)
        _require(self.checkpoint_steps > 0, "checkpoint_steps", "positive", self.checkpoint_steps)
        _require(
            self.time_limit is None or self.time_limit > 0,
            "time_limit",
            "positive",
            self.time_limit,
        )
        _require(
            not (self.overwrite and self.resume), "overwrite", "off with --resume", self.overwrite
        )
        validated = self.fold is not None or self.val_fraction > 0
        _require(
            validated or self.monitor == "loss", "monitor", "loss, without validation", self.monitor
        )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of validation and of the finished model."""
        return parse_size(self.eval_size or self.stages[-1].size)

"""A stage of training, and how it is written on a command line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

from tyro.constructors import PrimitiveConstructorSpec

Part = Literal["head", "upper", "most", "all"]
Schedule = Literal["one-cycle", "cosine", "plateau", "table", "constant"]


def require(holds: bool, name: str, wanted: object, received: object) -> None:
    """Raise ValueError that says what `name` must be and is, unless it `holds`."""
    if not holds:
        raise ValueError(f"`{name}` must be {wanted}; received: {name}={received}")


@dataclass(frozen=True)
class Stage:
    """One stage of training; on the command line `part=all,epochs=8,lr=3e-4,size=224`."""

    part: Part = "all"
    """What is trained: the head, also the backbone's upper half, all but its first eighth, all."""
    epochs: int = 10
    lr: float = 3e-4
    """Learning rate, the highest of the schedule."""
    schedule: Schedule = "one-cycle"
    table: str = ""
    """For the schedule `table`: EPOCH:FACTOR/..., `5:0.1/12:0.01` is a tenth of lr from epoch 5."""
    size: str = "224"
    """Picture size in pixels: a side, or HEIGHTxWIDTH."""
    batch: int = 32
    freeze_bn: bool = True
    """Keep the backbone's batch-norm layers as they are."""

    def __post_init__(self) -> None:
        require(self.part in get_args(Part), "part", get_args(Part), self.part)
        known = get_args(Schedule)
        require(self.schedule in known, "schedule", known, self.schedule)
        require(self.epochs > 0, "epochs", "positive", self.epochs)
        require(self.lr > 0, "lr", "positive", self.lr)
        wanted = "given with schedule=table, and only then"
        require((self.schedule == "table") == bool(self.table), "table", wanted, self.table)
        parse_table(self.table, self.lr)
        require(self.batch > 0, "batch", "positive", self.batch)
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
            require(value in ("true", "false"), name, "true or false", value)
            values[name] = value == "true"
        else:
            values[name] = kind(value) if kind in (int, float) else value
    return Stage(**values)  # type: ignore[arg-type]


def stage_text(stage: Stage) -> str:
    """The inverse of `parse_stage`."""
    values = ((f.name, getattr(stage, f.name)) for f in fields(stage))
    return ",".join(f"{n}={str(v).lower() if isinstance(v, bool) else v}" for n, v in values)


def merged(
    stages: Sequence[Stage], batch: int | None, epochs: int | None, lr: float | None
) -> tuple[Stage, ...]:
    """Stages with flags worked into them: `epochs` or `lr` leave the first alone, with these."""
    if epochs is not None or lr is not None:
        first = stages[0]
        stages = (replace(first, epochs=epochs or first.epochs, lr=lr or first.lr),)
    return tuple(replace(stage, batch=batch or stage.batch) for stage in stages)


def parse_table(text: str, lr: float) -> dict[int, float]:
    """`5:0.1/12:0.01` -> {0: lr, 5: 0.1 lr, 12: 0.01 lr}, learning rate by epoch; "" -> {0: lr}.

    Raises:
        ValueError: another form, or epochs that do not rise.
    """
    table = {0: lr}
    for row in filter(None, text.split("/")):
        match = re.fullmatch(r"(\d+):(\d*\.?\d+(?:e-?\d+)?)", row)
        require(match is not None, "table", "EPOCH:FACTOR/...", text)
        assert match is not None
        epoch = int(match[1])
        require(epoch > max(table), "table", "of rising epochs, above 0", text)
        table[epoch] = lr * float(match[2])
    return table


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


STAGE_FLAG = PrimitiveConstructorSpec(
    nargs=1,
    metavar="part=..,epochs=..,lr=..,schedule=..,table=..,size=..,batch=..,freeze_bn=..",
    instance_from_str=_stage_flag,
    is_instance=lambda value: isinstance(value, Stage),
    str_from_instance=lambda stage: [stage_text(stage)],
)

"""A stage of training as words of a command line."""

from dataclasses import dataclass
from typing import Annotated, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.config import parse
from triptych.stage import (
    STAGE_FLAG,
    Part,
    Schedule,
    Stage,
    parse_size,
    parse_stage,
    parse_table,
    require,
    stage_text,
)

SIDES = st.integers(32, 2000)
POSITIVE = st.floats(min_value=1e-12, max_value=1e6)
PLAIN = st.sampled_from(sorted({*get_args(Schedule)} - {"table"})).map(lambda name: (name, ""))
TABLES = st.dictionaries(st.integers(1, 99), POSITIVE, min_size=1, max_size=4).map(
    lambda table: ("table", "/".join(f"{e}:{table[e]:.6f}" for e in sorted(table)))
)
STAGES = st.builds(
    lambda schedule, **fields: Stage(schedule=schedule[0], table=schedule[1], **fields),
    PLAIN | TABLES,
    part=st.sampled_from(get_args(Part)),
    epochs=st.integers(1, 1000),
    lr=POSITIVE,
    size=st.one_of(SIDES.map(str), st.builds("{}x{}".format, SIDES, SIDES)),
    batch=st.integers(1, 4096),
    freeze_bn=st.booleans(),
)


@dataclass(frozen=True)
class Command:
    """A command with stages."""

    stages: tuple[Annotated[Stage, STAGE_FLAG], ...] = (Stage(),)


@given(STAGES)
def test_text_round_trip(stage: Stage) -> None:
    assert parse_stage(stage_text(stage)) == stage


@given(STAGES, STAGES)
def test_command_line_round_trip(first: Stage, second: Stage) -> None:
    words = ["--stages", stage_text(first), stage_text(second)]
    assert parse(Command, words, prog="train", description="").stages == (first, second)


def test_words() -> None:
    assert parse_stage("part=head") == Stage("head")
    assert parse_stage("epochs=3,freeze_bn=false,size=192x256,lr=1e-3") == Stage(
        epochs=3, freeze_bn=False, size="192x256", lr=0.001
    )
    assert parse_stage("schedule=table,table=5:0.1/12:.01") == Stage(
        schedule="table", table="5:0.1/12:.01"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("part=tail", r"`part` must be \('head', .*'all'\); received: part=tail"),
        ("schedule=step", "`schedule` must be"),
        ("schedule=table", "`table` must be given with schedule=table, and only then"),
        ("table=5:0.1", "`table` must be given with schedule=table, and only then"),
        ("schedule=table,table=5", "`table` must be EPOCH:FACTOR/...; received: table=5"),
        ("schedule=table,table=5:1/5:2", "`table` must be of rising epochs, above 0"),
        ("schedule=table,table=0:1", "`table` must be of rising epochs, above 0"),
        ("schedule=table,table=1:-1", "`table` must be EPOCH:FACTOR/..."),
        ("epochs=0", "`epochs` must be positive; received: epochs=0"),
        ("epochs=two", "'two'"),
        ("lr=nan", "`lr` must be positive; received: lr=nan"),
        ("batch=-1", "`batch` must be positive"),
        ("size=31", "at least 32; received: size=31"),
        ("freeze_bn=yes", "`freeze_bn` must be true or false; received: freeze_bn=yes"),
        ("speed=3", "names: part, epochs, .*received: 'speed=3'"),
        ("epochs", "received: 'epochs'"),
        ("", "received: ''"),
    ],
)
def test_bad_words(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_stage(text)
    with pytest.raises(SystemExit, match=f"bad --stages: .*{message}"):
        parse(Command, ["--stages", text], prog="train", description="")


def test_sizes() -> None:
    assert parse_size("224") == (224, 224)
    assert parse_size("192x256") == (192, 256)
    for text in ("", "x", "224x", "32x32x32", "-64", "64.0", "0x64", "224 x 224"):
        with pytest.raises(ValueError, match=f"received: size={text}"):
            parse_size(text)


def test_tables() -> None:
    assert parse_table("", 0.5) == {0: 0.5}
    assert parse_table("5:0.1/12:0.01/16:1e-3", 0.5) == pytest.approx(
        {0: 0.5, 5: 0.05, 12: 0.005, 16: 0.0005}
    )


def test_require() -> None:
    require(True, "side", "positive", -1)
    with pytest.raises(ValueError, match=r"^`side` must be positive; received: side=-1$"):
        require(False, "side", "positive", -1)

"""The classifier's settings: words, files, ranges."""

from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carclf.config import Config
from carclf.recipes import RECIPES
from triptych.config import load, parse, save
from triptych.stage import Part, Schedule, Stage, parse_size, parse_stage, stage_text

SIDES = st.integers(32, 2000)
POSITIVE = st.floats(min_value=1e-12, max_value=1e6)
STAGES = st.builds(
    Stage,
    part=st.sampled_from(get_args(Part)),
    epochs=st.integers(1, 1000),
    lr=POSITIVE,
    schedule=st.sampled_from(sorted({*get_args(Schedule)} - {"table"})),
    size=st.one_of(SIDES.map(str), st.builds("{}x{}".format, SIDES, SIDES)),
    batch=st.integers(1, 4096),
    freeze_bn=st.booleans(),
)
CONFIGS = st.builds(
    Config,
    data=st.text("abc/. -_é", min_size=1, max_size=9).map(Path),
    name=st.text(max_size=5),
    class_csv=st.none() | st.just(Path("classes.csv")),
    val_fraction=st.floats(0.01, 0.99),
    fold=st.none() | st.integers(0, 4),
    stages=st.lists(STAGES, min_size=1, max_size=4).map(tuple),
    drop_connect=st.none() | st.floats(0, 0.9),
    mixup=POSITIVE,
    ema=st.floats(0, 0.9999),
    monitor=st.sampled_from(["val_loss", "val_accuracy", "loss"]),
    gpu_memory_mb=st.none() | st.integers(1, 10**6),
    xla=st.booleans(),
)


@given(STAGES)
def test_stage_text_round_trip(stage: Stage) -> None:
    assert parse_stage(stage_text(stage)) == stage


@given(config=CONFIGS)
def test_file_round_trip(config: Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "config.json"
    save(config, path)
    assert load(Config, path) == config


@given(STAGES, STAGES)
def test_command_line_round_trip(first: Stage, second: Stage) -> None:
    words = ["--data", "a", "--stages", stage_text(first), stage_text(second)]
    assert parse(Config, words, prog="train", description="").stages == (first, second)


def test_stage_words() -> None:
    assert parse_stage("part=head") == Stage("head")
    assert parse_stage("epochs=3,freeze_bn=false,size=192x256,lr=1e-3") == Stage(
        epochs=3, freeze_bn=False, size="192x256", lr=0.001
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("part=tail", r"`part` must be \('head', 'upper', 'most', 'all'\); received: part=tail"),
        ("schedule=step", "`schedule` must be"),
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
def test_bad_stages(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_stage(text)
    with pytest.raises(SystemExit, match=f"bad --stages: .*{message}"):
        parse(Config, ["--data", "a", "--stages", text], prog="train", description="")


def test_sizes() -> None:
    assert parse_size("224") == (224, 224)
    assert parse_size("192x256") == (192, 256)
    for text in ("", "x", "224x", "32x32x32", "-64", "64.0", "0x64", "224 x 224"):
        with pytest.raises(ValueError, match=f"received: size={text}"):
            parse_size(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("val_fraction", 1.0),
        ("val_fraction", -0.1),
        ("stages", ()),
        ("eval_size", "16"),
        ("head_depth", -1),
        ("head_width", 0),
        ("dropout", 1.0),
        ("label_smoothing", 1.0),
        ("mixup", -0.1),
        ("cutmix", -0.1),
        ("layer_decay", 0.0),
        ("ema", 1.0),
        ("accumulate", 0),
    ],
)
def test_values_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"must be .*; received: .*{value}".replace("()", r"\(\)")):
        Config(Path("a"), **{name: value})


def test_without_validation_there_is_only_the_training_loss_to_monitor() -> None:
    with pytest.raises(ValueError, match="`monitor` must be loss, without validation"):
        Config(Path("a"), val_fraction=0)
    Config(Path("a"), val_fraction=0, monitor="loss")
    Config(Path("a"), val_fraction=0, fold=1)


def test_size_of_the_finished_model() -> None:
    stages = (Stage(size="64"), Stage(size="96x128"))
    assert Config(Path("a"), stages=stages).size == (96, 128)
    assert Config(Path("a"), stages=stages, eval_size="160").size == (160, 160)


def test_unknown_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(Config, ["--data", "a", "--speed", "3"], prog="train", description="")
    assert caught.value.code == 2
    assert "--speed" in capsys.readouterr().err


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_take_flags(name: str) -> None:
    words = [name, "--data", "a", "-n", "b", "--seed", "3", "--val-fraction", "0.1"]
    config = parse(Config, words, prog="train", description="", recipes=RECIPES)
    assert (config.data, config.name, config.seed, config.val_fraction) == (Path("a"), "b", 3, 0.1)
    assert config.stages == RECIPES[name].stages
    assert config.backbone == RECIPES[name].backbone

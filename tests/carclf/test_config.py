"""The classifier's settings: files, ranges, recipes."""

from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carclf.config import Config
from carclf.recipes import RECIPES
from triptych.config import load, parse, save
from triptych.stage import Part, Schedule, Stage

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


@given(config=CONFIGS)
def test_file_round_trip(config: Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "config.json"
    save(config, path)
    assert load(Config, path) == config


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

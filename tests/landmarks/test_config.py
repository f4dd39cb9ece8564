"""The regressor's settings: the published commands, recipes, ranges."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landmarks.config import Config, settled
from landmarks.recipes import RECIPES
from triptych.config import load, parse, save
from triptych.stage import Stage

SIDES = st.integers(2, 40).map(lambda n: 16 * n)
CONFIGS = st.builds(
    Config,
    data=st.text("abc/. -_é", min_size=1, max_size=9).map(Path),
    extra=st.lists(st.just(Path("dop1.csv")), max_size=2).map(tuple),
    val_fraction=st.floats(0.01, 0.99),
    fold=st.none() | st.integers(0, 4),
    same_side=st.floats(0.01, 1),
    batch=st.none() | st.integers(1, 99),
    epochs=st.none() | st.integers(1, 99),
    lr=st.none() | st.floats(1e-9, 1),
    stages=st.lists(SIDES.map(lambda side: Stage(size=str(side))), min_size=1).map(tuple),
    eval_size=st.none() | SIDES,
    head=st.sampled_from(["dense", "mlp", "heatmap"]),
    loss=st.sampled_from(["mse", "l1", "smooth-l1", "wing", "gaussian", "laplace"]),
    monitor=st.sampled_from(["val_loss", "val_mse", "loss"]),
    gpu=st.booleans(),
)


def parsed(text: str) -> Config:
    return parse(Config, text.split(), prog="train", description="", recipes=RECIPES)


@settings(max_examples=25)
@given(config=CONFIGS)
def test_file_round_trip(config: Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "landmarks.json"
    for one in (config, settled(config)):
        save(one, path)
        assert load(Config, path) == one


@pytest.mark.parametrize("recipe", ["", "three-stage "])
def test_published_commands(recipe: str) -> None:
    first = parsed(recipe + "-b 32 -e 10 -lr 3e-4 -d DIR -n NAME --gpu")
    assert (first.data, first.name, first.gpu) == (Path("DIR"), "NAME", True)
    (stage,) = settled(first).stages
    assert (stage.batch, stage.epochs, stage.lr) == (32, 10, 3e-4)
    for model in ("runs/NAME", "runs/NAME/model.keras"):
        then = parsed(recipe + f"-b 32 -e 6 -lr 3e-5 -d DIR -n MORE --gpu -pm {model}")
        assert then.pretrained_model == Path(model)
        (stage,) = settled(then).stages
        assert (stage.epochs, stage.lr) == (6, 3e-5)
    assert parsed("-d DIR").pretrained_model is None


def test_settled() -> None:
    """-e and -lr choose the first stage, -b alone is for all of them; the rest is the stage's."""
    stages = (Stage("head", 2, 1e-2, "plateau", size="64"), Stage("all", 3, 1e-3, size="96"))
    config = Config(Path("a"), stages=stages)
    assert settled(config) == config
    assert settled(replace(config, batch=7)).stages == tuple(replace(s, batch=7) for s in stages)
    assert settled(replace(config, epochs=5)).stages == (replace(stages[0], epochs=5),)
    alone = settled(replace(config, lr=0.5, batch=7))
    assert alone.stages == (replace(stages[0], lr=0.5, batch=7),)
    assert (config.side, alone.side) == (96, 64)
    assert (alone.batch, alone.epochs, alone.lr) == (None, None, None)
    assert settled(alone) == alone


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_take_flags(name: str) -> None:
    config = parsed(f"{name} -d a -n b --seed 3 --extra dop1.csv dop2.csv")
    assert (config.data, config.name, config.seed) == (Path("a"), "b", 3)
    assert config.extra == (Path("dop1.csv"), Path("dop2.csv"))
    assert config.stages == RECIPES[name].stages
    assert settled(config).backbone == RECIPES[name].backbone


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch", 0),
        ("epochs", -1),
        ("lr", float("nan")),
        ("time_limit", 0.0),
        ("eval_size", 16),
        ("head_width", 0),
        ("accumulate", 0),
        ("val_fraction", 1.0),
        ("same_side", 0.0),
        ("ema", 1.0),
        ("weight_decay", -0.1),
        ("stages", ()),
        ("stride", 32),
    ],
)
def test_values_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be .*; received: {name}="):
        Config(Path("a"), **{name: value})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stages": (Stage(size="64x96"),)}, "`size` must be one side; received: size=64x96"),
        ({"stages": (Stage(size="100"),)}, "`size` must be a multiple of 16; received: size=100"),
        ({"eval_size": 120}, "`size` must be a multiple of 16; received: size=120"),
        ({"deepest": 32, "eval_size": 48}, "`size` must be a multiple of 32; received: size=48"),
        ({"dropout": 0.1}, "`dropout` must be 0 with heatmap"),
        ({"val_fraction": 0.0}, "`monitor` must be loss, without validation"),
        ({"overwrite": True, "resume": True}, "`overwrite` must be off with --resume"),
    ],
)
def test_what_does_not_go_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(Path("a"), **options)


def test_a_pooling_head_takes_any_side() -> None:
    assert Config(Path("a"), head="dense", eval_size=100).side == 100
    Config(Path("a"), val_fraction=0, fold=1)
    Config(Path("a"), val_fraction=0, monitor="loss")

"""The detector's settings: round trips, recipes, ranges."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates.detector.config import Config, settled
from plates.detector.recipes import RECIPES
from triptych.config import load, parse, save
from triptych.stage import Stage

SIDES = st.integers(1, 40).map(lambda n: 32 * n)
CONFIGS = st.builds(
    Config,
    data=st.text("abc/. -_é", min_size=1, max_size=9).map(Path),
    extra=st.lists(st.sampled_from(["drawn", "drawn@0.5"]), max_size=2).map(tuple),
    start=st.sampled_from(["", "shipped", "runs/a"]),
    batch=st.none() | st.integers(1, 99),
    epochs=st.none() | st.integers(1, 99),
    lr=st.none() | st.floats(1e-9, 1),
    stages=st.lists(SIDES.map(lambda s: Stage(size=str(s))), min_size=1, max_size=3).map(tuple),
    eval_size=st.none() | SIDES,
    head=st.sampled_from(["unet", "corners"]),
    stride=st.sampled_from([2, 4, 8]),
    monitor=st.sampled_from(["val_loss", "loss"]),
)


def parsed(text: str) -> Config:
    return parse(Config, text.split(), prog="train", description="", recipes=RECIPES)


@settings(max_examples=25)
@given(config=CONFIGS)
def test_file_round_trip(config: Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "detector.json"
    for one in (config, settled(config)):
        save(one, path)
        assert load(Config, path) == one


def test_recipes_take_flags() -> None:
    for name in RECIPES:
        config = parsed(f"{name} -d a -n b --seed 3 --extra one two@0.5 --head corners --stride 8")
        assert (config.data, config.name, config.seed) == (Path("a"), "b", 3)
        assert (config.extra, config.head, config.stride) == (("one", "two@0.5"), "corners", 8)
        assert config.stages == RECIPES[name].stages
    assert parsed("-d a").backbone == "efficientnet-lite0"
    published = parsed("unet-resnet34 -d DIR -n NAME -lr 1e-4")
    (stage,) = settled(published).stages
    assert (published.backbone, published.head, published.weight_decay) == (
        "resnet34",
        "unet",
        0.05,
    )
    assert (stage.epochs, stage.lr, stage.schedule) == (30, 1e-4, "plateau")


def test_sides() -> None:
    config = Config(Path("a"), stages=(Stage(size="256"), Stage(size="384x384")))
    assert (config.side, config.sides) == (384, [384, 256, 384])
    assert replace(config, eval_size=640).sides == [640, 256, 384]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, 0) for name in ("batch", "width", "accumulate", "checkpoint_steps")],
        *[("epochs", -1), ("lr", float("nan")), ("time_limit", 0.0), ("weight_decay", -0.1)],
        *[("val_fraction", 1.0), ("synthetic", 1.0), ("ema", -0.1), ("stages", ())],
        *[("eval_size", 100), ("eval_size", 0), ("workers", -1), ("folds", 1)],
    ],
)
def test_values_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be .*; received: {name}="):
        Config(Path("a"), **{name: value})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stages": (Stage(size="500"),)}, "`size` must be a multiple of 32; received: size=500"),
        ({"stages": (Stage(size="64x96"),)}, "`size` must be one side; received: size=64x96"),
        ({"fold": 5}, r"`fold` must be in 0..4; received: fold=5"),
        ({"val_fraction": 0.0}, "`monitor` must be loss, without validation"),
        ({"head": "maskrcnn"}, "`monitor` must be loss, with maskrcnn; received: monitor=val_loss"),
        ({"overwrite": True, "resume": True}, "`overwrite` must be off with --resume"),
    ],
)
def test_what_does_not_go_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(Path("a"), **options)

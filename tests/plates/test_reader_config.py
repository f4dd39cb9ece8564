"""The reader's settings: round trips, recipes, ranges."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates.reader.config import Config, settled
from plates.reader.recipes import RECIPES
from plates.text import CONTEST, LATIN
from triptych.config import load, parse, save
from triptych.stage import Stage

SIZES = st.tuples(st.integers(2, 8), st.integers(2, 20)).map(lambda s: f"{16 * s[0]}x{16 * s[1]}")
CONFIGS = st.builds(
    Config,
    data=st.text("abc/. -_é", min_size=1, max_size=9).map(Path),
    extra=st.lists(st.just(Path("drawn")), max_size=2).map(tuple),
    alphabet=st.sampled_from([LATIN, CONTEST, "AБ1"]),
    cyrillic=st.just(False),
    cut=st.sampled_from(["homography", "box"]),
    margin=st.floats(0, 0.99),
    grammar=st.sampled_from(["", "LDDDLL,ru"]),
    start=st.sampled_from(["", "shipped", "runs/a"]),
    strides=st.tuples(*[st.sampled_from([4, 8, 16])] * 2),
    finest=st.just(16),
    batch=st.none() | st.integers(1, 99),
    epochs=st.none() | st.integers(1, 99),
    lr=st.none() | st.floats(1e-9, 1),
    stages=st.lists(SIZES.map(lambda size: Stage(size=size)), min_size=1, max_size=3).map(tuple),
    eval_size=st.just("") | SIZES,
    monitor=st.sampled_from(["val_loss", "val_exact", "loss"]),
)


def parsed(text: str) -> Config:
    return parse(Config, text.split(), prog="train", description="", recipes=RECIPES)


@settings(max_examples=25)
@given(config=CONFIGS)
def test_file_round_trip(config: Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "reader.json"
    for one in (config, settled(config)):
        save(one, path)
        assert load(Config, path) == one


def test_recipes_take_flags() -> None:
    for name in RECIPES:
        config = parsed(f"{name} -d a -n b --seed 3 --extra one two --no-cyrillic --strides 8 8")
        assert (config.data, config.name, config.seed) == (Path("a"), "b", 3)
        assert config.extra == (Path("one"), Path("two"))
        assert (config.strides, config.cyrillic) == ((8, 8), False)
        assert config.stages == RECIPES[name].stages
    published = parsed("resnext50-gru -d DIR -n NAME -e 20 -lr 3e-4")
    assert published.size == (64, 480)
    assert (published.weight_decay, published.stages[0].schedule) == (0.05, "plateau")
    (stage,) = settled(published).stages
    assert (stage.epochs, stage.lr, stage.freeze_bn) == (20, 3e-4, False)


def test_sizes_and_columns() -> None:
    """Two lines of the narrowest pictures' width, here 128 px at stride 8."""
    stages = (Stage(size="32x128"), Stage(size="64x256"))
    config = Config(Path("a"), stages=stages)
    assert (config.size, config.columns) == ((64, 256), 2 * 16)
    other = replace(config, eval_size="64x192", lines=1, strides=(16, 4))
    assert (other.size, other.columns) == ((64, 192), 32)
    assert (config.mode, replace(config, monitor="val_loss").mode) == ("max", "min")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, 0) for name in ("batch", "max_length", "lines", "width", "units", "gru_layers")],
        *[("epochs", -1), ("lr", float("nan")), ("time_limit", 0.0), ("weight_decay", -0.1)],
        *[("val_fraction", 1.0), ("margin", -0.1), ("dropout", 1.0), ("nothing", 1.0)],
        *[("stages", ()), ("strides", (8, 3)), ("alphabet", "AA"), ("alphabet", "ab")],
        *[("alphabet", ""), ("alphabet", "A-B"), ("alphabet", "Б Г")],
    ],
)
def test_values_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be .*; received: {name}="):
        Config(Path("a"), **{name: value})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"stages": (Stage(size="60x192"),)},
            "`size` must be multiples of 16 and 8; received: size=60x192",
        ),
        (
            {"eval_size": "64x200", "strides": (8, 16), "finest": 16},
            "`size` must be multiples of 8 and 16",
        ),
        ({"stages": (Stage(),)}, "`size` must be HEIGHTxWIDTH; received: size=224"),
        # 240 columns of 37 classes: more ways than a float64 can sum.
        (
            {"stages": (Stage(size="64x480"),), "strides": (4, 4)},
            "`size` must be of at most 384 pixels in width; received: size=64x480",
        ),
        ({"deepest": 8}, "`strides` must be at most `deepest`, 8; received"),
        ({"finest": 32}, "`finest` must be at most `deepest`, 16; received: finest=32"),
        ({"finest": 4}, "`finest` must be at least the columns' stride, 8; received: finest=4"),
        ({"fold": 5}, r"`fold` must be in 0..4; received: fold=5"),
        ({"nothing": 0.5, "synthetic": 0.5}, "`nothing` must be less than 1 together"),
        ({"val_fraction": 0.0}, "`monitor` must be loss, without validation"),
        ({"overwrite": True, "resume": True}, "`overwrite` must be off with --resume"),
    ],
)
def test_what_does_not_go_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(Path("a"), **options)

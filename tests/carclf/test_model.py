"""The classifier: its parts, what each stage moves, and its rates by layer."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from carclf import stages
from carclf.config import Config
from carclf.model import build, layer_scales, parts, set_trainable
from triptych.stage import Part, Stage

CONFIG = Config(Path("data"), backbone="tiny", weights="none", dropout=0.0)
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (4, 64, 64, 3), np.uint8)
TARGETS = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]


@pytest.fixture(autouse=True)
def float32_afterwards() -> Iterator[None]:
    yield
    keras.config.set_dtype_policy("float32")


def seeded(**options: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    return build(replace(CONFIG, **options), 3)


def test_shape_and_parts() -> None:
    model = seeded()
    backbone, head = parts(model)
    assert (backbone.name, head.name) == ("tiny", "head")
    assert model.input.dtype == "uint8"
    assert model(IMAGES).shape == (4, 3)
    assert model(IMAGES[:1, :32, :48]).shape == (1, 3)
    # Scaling is inside: whole numbers and fractions of 0..255 are the same picture.
    np.testing.assert_allclose(model(IMAGES), model(IMAGES.astype(np.float32)), atol=1e-5)


def test_logits_are_float32_under_mixed_precision() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    model = seeded(head_depth=1)
    assert parts(model)[1].get_layer("dense0").compute_dtype == "float16"
    assert model(IMAGES).dtype == "float32"
    assert np.isfinite(model(IMAGES)).all()


def test_head_depth_and_width() -> None:
    def dense(**options: Any) -> list[int]:
        layers = parts(seeded(**options))[1].layers
        return [layer.units for layer in layers if isinstance(layer, keras.layers.Dense)]

    assert dense() == [3]
    assert dense(head_depth=2, head_width=20) == [20, 20, 3]


def moved(stage: Stage, **options: Any) -> tuple[set[str], set[str]]:
    """Layers of the model whose (trainable weights, moving statistics) a training step changes."""
    config = replace(CONFIG, stages=(stage,), weight_decay=0.5, **options)
    model = seeded()
    before = {w.path: w.numpy() for w in model.weights}
    stages._compile(config, stage, model)
    model.run_eagerly = True
    model.train_on_batch(IMAGES, TARGETS)
    changed = {w.path for w in model.weights if (w.numpy() != before[w.path]).any()}
    statistics = {path for path in changed if "moving" in path}
    return (
        {path.rsplit("/", 1)[0] for path in changed - statistics},
        {path.rsplit("/", 1)[0] for path in statistics},
    )


@pytest.mark.parametrize("freeze_bn", [True, False])
@pytest.mark.parametrize(("part", "first"), [("head", 5), ("upper", 2), ("all", 0)])
def test_what_a_stage_moves(part: Part, first: int, freeze_bn: bool) -> None:
    """The tiny backbone has an input, a scaling and five times (conv, bn, relu): 17 layers.

    Layer 8, where the upper half begins, is conv2.
    """
    weights, statistics = moved(Stage(part, lr=0.1, freeze_bn=freeze_bn))
    head = {"pool_bn"}
    convs = {f"conv{i}" for i in range(first, 5)}
    norms = {c.replace("conv", "bn") for c in convs} if not freeze_bn else set()
    names = {path.split("/")[-1] for path in weights}
    assert names == convs | norms | head | {"logits"}
    assert {path.split("/")[-1] for path in statistics} == norms | head


def test_a_later_stage_frees_what_an_earlier_one_froze() -> None:
    model = seeded()
    for part, count in (("head", 0), ("upper", 3), ("all", 5), ("head", 0)):
        set_trainable(model, part, freeze_bn=True)  # type: ignore[arg-type]
        assert len(parts(model)[0].trainable_variables) == count


def test_layer_scales_fall_with_depth() -> None:
    model = seeded()
    set_trainable(model, "all", freeze_bn=False)
    scales = layer_scales(model, 0.5)
    assert set(scales) == {v.path for v in parts(model)[0].trainable_variables}
    by_layer = {path.split("/")[-2]: scale for path, scale in scales.items()}
    order = [by_layer[f"{kind}{i}"] for i in range(5) for kind in ("conv", "bn")]
    assert order == sorted(order)
    # conv0 is layer 2 of 17, in group 1 of 12; relu4, the last, would be in group 11.
    assert by_layer["conv0"] == 0.5**11
    assert by_layer["bn4"] == 0.5 ** (12 - 15 * 12 // 17)


def test_layer_decay_reaches_the_weights() -> None:
    """Adam's first step is as long as the rate, so the rates can be read off."""
    stage = Stage("all", lr=0.01, freeze_bn=False)
    config = replace(CONFIG, stages=(stage,), layer_decay=0.5, weight_decay=0.0)
    model = seeded()
    before = {v.path: v.numpy() for v in model.weights}
    stages._compile(config, stage, model)
    model.run_eagerly = True
    model.train_on_batch(IMAGES, TARGETS)
    scales = layer_scales(model, 0.5)
    for variable in model.trainable_variables:
        step = np.abs(variable.numpy() - before[variable.path]).max()
        assert step == pytest.approx(0.01 * scales.get(variable.path, 1.0), rel=0.02)


def test_backbone_weights_from_a_file(tmp_path: Path) -> None:
    model = seeded()
    parts(model)[0].save(tmp_path / "tiny.keras")
    keras.utils.set_random_seed(1)
    again = build(CONFIG, 5, weights=str(tmp_path / "tiny.keras"))
    for a, b in zip(parts(model)[0].get_weights(), parts(again)[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match=r"`weights` of tiny must be one of: .*none\.keras"):
        build(CONFIG, 3, weights="none.keras")
    with pytest.raises(ValueError, match=r"`name` must be one of .*; received: name='huge'"):
        build(replace(CONFIG, backbone="huge"), 3)

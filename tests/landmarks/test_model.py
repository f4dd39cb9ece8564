"""The regressor: its heads, soft-argmax, and every backbone that a recipe may name."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from landmarks import stages
from landmarks.config import Config, Head
from landmarks.model import SoftArgmax, build, parts
from triptych.stage import Stage

CONFIG = Config(Path("data"), backbone="tiny", weights="none", stages=(Stage(size="64"),))
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (2, 64, 64, 3), np.uint8)
TARGETS = np.concatenate([RNG.uniform(0, 1, (2, 5, 2)), np.full((2, 1, 2), 80)], 1).astype("f")


@pytest.fixture(autouse=True)
def float32_afterwards() -> Iterator[None]:
    yield
    keras.config.set_dtype_policy("float32")


def seeded(mean: np.ndarray | None = None, **options: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    return build(replace(CONFIG, **options), 5, mean=mean)


@pytest.mark.parametrize("cell", [(0, 0), (2, 3), (3, 5)])
def test_a_peak_is_its_cells_centre(cell: tuple[int, int]) -> None:
    """Of 4 x 6 cells, the middle of row r is (r + 0.5) / 4 of the height."""
    maps = np.zeros((1, 4, 6, 2), np.float32)
    maps[0, cell[0], cell[1], 0] = 100
    points = SoftArgmax()(maps).numpy()
    want = (cell[1] + 0.5) / 6, (cell[0] + 0.5) / 4
    np.testing.assert_allclose(points[0, 0], want, atol=1e-6)
    # A flat map says the middle.
    np.testing.assert_allclose(points[0, 1], (0.5, 0.5), atol=1e-6)


def test_two_peaks_are_weighted_by_the_softmax() -> None:
    maps = np.full((1, 1, 4, 1), -1e4, np.float32)
    maps[0, 0, 0], maps[0, 0, 2] = 0, np.log(3)
    assert SoftArgmax()(maps).numpy()[0, 0, 0] == pytest.approx((0.125 + 3 * 0.625) / 4)


def test_mirrored_maps_mirrored_points() -> None:
    maps = RNG.normal(0, 3, (2, 6, 8, 3)).astype(np.float32)
    points = SoftArgmax()(maps).numpy()
    mirrored = SoftArgmax()(np.ascontiguousarray(maps[:, :, ::-1])).numpy()
    np.testing.assert_allclose(mirrored[..., 0], 1 - points[..., 0], atol=1e-6)
    np.testing.assert_allclose(mirrored[..., 1], points[..., 1], atol=1e-6)


def test_soft_argmax_is_float32_under_mixed_precision() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    maps = RNG.normal(0, 3, (1, 64, 64, 3)).astype(np.float16)
    assert SoftArgmax()(maps).dtype == "float32"
    assert seeded()(IMAGES).dtype == "float32"
    assert seeded(head="mlp", loss="laplace")(IMAGES).dtype == "float32"


@pytest.mark.parametrize(
    ("options", "width"),
    [
        ({"head": "heatmap"}, 2),
        ({"head": "heatmap", "stride": 16, "loss": "gaussian"}, 3),
        ({"head": "dense", "loss": "laplace"}, 3),
        ({"head": "mlp", "head_width": 7, "dropout": 0.2}, 2),
    ],
)
def test_heads_answer_and_are_loaded_again(
    options: dict[str, Any], width: int, tmp_path: Path
) -> None:
    model = seeded(**options)
    assert [part.name for part in parts(model)] == ["tiny", "head"]
    assert model.input.dtype == "uint8"
    answer = model(IMAGES).numpy()
    assert answer.shape == (2, 5, width)
    assert model(IMAGES[:1, :48, :32]).shape == (1, 5, width)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(IMAGES).numpy(), answer)


@pytest.mark.parametrize("head", ["dense", "mlp"])
def test_a_pooling_head_starts_from_the_mean_shape(head: str) -> None:
    mean = RNG.uniform(0, 1, (5, 2))
    model = seeded(mean, head=head, loss="gaussian")
    layer = parts(model)[1].get_layer("coordinates")
    np.testing.assert_allclose(layer.bias.numpy().reshape(5, 2), mean, rtol=1e-6)
    grey = np.full((1, 64, 64, 3), 127, np.uint8)
    np.testing.assert_allclose(model(grey).numpy()[0, :, :2], mean, atol=0.3)
    np.testing.assert_allclose(np.exp(model(IMAGES)[..., 2]), 0.03, rtol=1e-5)


@pytest.mark.parametrize(
    ("backbone", "head"),
    [
        ("alexnet", "dense"),
        ("alexnet", "heatmap"),
        ("resnet18", "heatmap"),
        ("resnet50", "dense"),
        ("densenet121", "heatmap"),
        ("resnext50_32x4d", "dense"),
    ],
)
def test_a_step_of_every_kind_of_backbone(backbone: str, head: Head) -> None:
    """Gradients reach the first layer, and the pixel error is reported.

    resnet34 and densenet161 are the same graphs with more of the same.
    """
    config = replace(CONFIG, backbone=backbone, head=head, head_width=8, augment="none")
    if (backbone, head) == ("alexnet", "heatmap"):
        with pytest.raises(ValueError, match="`head` cannot be heatmap with alexnet: its maps"):
            build(config, 5)
        return
    model = build(config, 5)
    stages.compile_for(config, Stage("all", size="64", freeze_bn=False), model)
    model.run_eagerly = True  # one step is not worth a graph
    first = next(w for w in parts(model)[0].trainable_variables if "kernel" in w.path)
    before = first.numpy()
    logs = model.train_on_batch(IMAGES, TARGETS, return_dict=True)
    assert np.isfinite([logs["loss"], logs["mse"]]).all()
    assert (first.numpy() != before).any()


def test_a_stride_that_a_backbone_has_not() -> None:
    with pytest.raises(ValueError, match=r"`name` must be one of .*; received: name='huge'"):
        seeded(backbone="huge")
    whole = seeded(deepest=32, stride=4, head_width=8)
    assert whole(IMAGES).shape == (2, 5, 2)

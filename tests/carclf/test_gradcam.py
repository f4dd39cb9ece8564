"""Grad-CAM where the answer is known by arithmetic."""

from pathlib import Path

import keras
import numpy as np
import pytest

from carclf.config import Config
from carclf.gradcam import heat_maps
from carclf.model import build


def hand_made(weights: list[list[float]]) -> keras.Model:
    """Features are the picture's channels; logits are `weights` [3, classes] of their means."""
    image = keras.Input((None, None, 3), dtype="uint8")
    backbone_input = keras.Input((None, None, 3))
    backbone = keras.Model(backbone_input, keras.layers.Rescaling(1.0)(backbone_input))
    features = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    dense = keras.layers.Dense(len(weights[0]), use_bias=False)
    head = keras.Model(features, dense(pooled))
    dense.set_weights([np.array(weights)])
    return keras.Model(image, head(backbone(image)))


# Red in the upper left, green in the lower left, both in the upper right, nothing in the last.
PICTURE = np.zeros((2, 2, 3), np.uint8)
PICTURE[0, 0, 0] = 200
PICTURE[1, 0, 1] = 100
PICTURE[0, 1, :2] = 80, 100


def test_by_arithmetic() -> None:
    """Class 0 likes red and dislikes green: sums 200, -50; 80 - 50 = 30, 0, over their largest."""
    model = hand_made([[1, 0], [-0.5, 3], [0, 0]])
    heat = heat_maps(model, np.stack([PICTURE, PICTURE]), np.array([0, 1]))
    np.testing.assert_allclose(heat[0], [[1.0, 30 / 200], [0.0, 0.0]], atol=1e-6)
    # Class 1 likes green: no sum is negative, and the smallest is 0.
    np.testing.assert_allclose(heat[1], [[0, 1], [1, 0]], atol=1e-6)


def test_a_constant_channel_moves_nothing() -> None:
    """Blue everywhere, far against class 0: what is left is the order by red, 200, 80, 0, 0."""
    model = hand_made([[1, 0], [0, 0], [-10, 0]])
    picture = PICTURE.copy()
    picture[..., 2] = 90
    heat = heat_maps(model, picture[None], np.array([0]))
    np.testing.assert_allclose(heat[0], [[1.0, 80 / 200], [0.0, 0.0]], atol=1e-5)


def test_nothing_to_tell_apart_is_an_empty_map() -> None:
    model = hand_made([[1, 0], [1, 0], [1, 0]])
    heat = heat_maps(model, np.full((1, 2, 2, 3), 50, np.uint8), np.array([0]))
    np.testing.assert_array_equal(heat, 0)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_of_a_real_model(policy: str) -> None:
    keras.config.set_dtype_policy(policy)
    try:
        model = build(Config(Path(), backbone="tiny", head_depth=1, head_width=8), 3)
    finally:
        keras.config.set_dtype_policy("float32")
    images = np.random.default_rng(0).integers(0, 256, (4, 64, 96, 3)).astype(np.uint8)
    heat = heat_maps(model, images, np.array([0, 1, 2, 0]))
    assert heat.shape == (4, 2, 3)
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    assert heat.max() == pytest.approx(1)
    # Each picture has its own map: alone it is the same.
    alone = heat_maps(model, images[2:3], np.array([2]))
    np.testing.assert_allclose(heat[2], alone[0], atol=2e-2 if policy != "float32" else 1e-5)

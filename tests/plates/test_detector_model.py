"""The detector's model: its maps, its first answer, and that every part of it learns."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from plates.detector.config import Config
from plates.detector.losses import loss
from plates.detector.model import PRIOR, build


def _config(**changes: Any) -> Config:
    given: dict[str, Any] = {"backbone": "tiny", "width": 8} | changes
    return Config(data=Path("data"), **given)


@pytest.mark.parametrize(("head", "stride", "deepest"), [("unet", 2, 32), ("corners", 8, 16)])
def test_maps_of_any_size(head: str, stride: int, deepest: int) -> None:
    import tensorflow as tf

    model = build(_config(head=head, stride=stride, deepest=deepest))
    sizes = tf.TensorSpec((None, None, None, 3), tf.uint8)
    answer = tf.function(model, input_signature=[sizes], autograph=False)
    for height, width in ((64, 96), (32, 160)):
        maps = np.asarray(answer(np.zeros((2, height, width, 3), np.uint8)))
        channels = 2 if head == "unet" else 9
        assert maps.shape == (2, height // stride, width // stride, channels)
        assert maps.dtype == np.float32


@pytest.mark.parametrize(("head", "logits", "channels"), [("unet", 2, 2), ("corners", 1, 10)])
def test_first_answer_and_every_weight_learns(head: Any, logits: int, channels: int) -> None:
    import tensorflow as tf

    model = build(_config(head=head))
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    maps = np.asarray(model(images))
    p = 1 / (1 + np.exp(-maps[..., :logits]))
    assert np.median(p) == pytest.approx(PRIOR, rel=0.9)
    target = rng.uniform(0, 1, (2, 16, 16, channels)).astype(np.float32)
    target[:, 3, 3, 0] = 1
    with tf.GradientTape() as tape:
        total = tf.reduce_mean(loss(head)(target, model(images, training=True)))
    gradients = tape.gradient(total, [w.value for w in model.trainable_variables])
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.abs(gradient).max() > 0, weight.path


def test_saved_and_loaded(tmp_path: Path) -> None:
    model = build(_config())
    image = np.random.default_rng(0).integers(0, 256, (1, 32, 64, 3)).astype(np.uint8)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(np.asarray(again(image)), np.asarray(model(image)), atol=1e-6)


def test_a_backbone_whose_maps_do_not_fit() -> None:
    with pytest.raises(ValueError, match="`backbone` must have maps of strides 2 to 16; received"):
        build(_config(backbone="alexnet", stride=2))

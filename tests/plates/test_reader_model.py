"""The reader's model: its columns, its lines, and that every part of it learns."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from plates.reader.config import Config
from plates.reader.losses import ctc
from plates.reader.model import Lines, build, columns


def _config(**changes: Any) -> Config:
    given: dict[str, Any] = {
        "backbone": "tiny",
        "alphabet": "AB",
        "units": 8,
        "width": 16,
    } | changes
    return Config(data=Path("data"), **given)


def test_columns_of_both_lines() -> None:
    config = _config(strides=(16, 4))
    model = build(config)
    logits = np.asarray(model(np.zeros((2, 64, 96, 3), np.uint8)))
    assert logits.shape == (2, columns(config, (64, 96)), 3) == (2, 48, 3)
    assert logits.dtype == np.float32


def test_lines_read_halves_at_first_and_one_after_the_other() -> None:
    """A map whose rows are 0 above and 1 below: the first line's columns come first."""
    maps = np.zeros((1, 8, 5, 1), np.float32)
    maps[:, 4:] = 1
    layer = Lines(2)
    read = np.asarray(layer(maps))[0, :, 0]
    assert read.shape == (10,)
    assert (read[:5] < 0.3).all()
    assert (read[5:] > 0.7).all()


def test_lines_follow_the_features() -> None:
    """Scores taken from a channel: the row that it marks is read, wherever it is."""
    maps = np.zeros((1, 6, 3, 2), np.float32)
    for column, row in enumerate((0, 3, 5)):
        maps[0, row, column] = [1, 10 + row]
    layer = Lines(1)
    layer.build(maps.shape)
    layer.score.assign([[50.0], [0.0]])
    layer.sharpness.assign([0.0])
    read = np.asarray(layer(maps))[0]
    np.testing.assert_allclose(read[:, 1], [10, 13, 15], rtol=1e-4)


@pytest.mark.parametrize(
    ("strides", "finest", "rows"),
    [((16, 8), 8, 8), ((8, 8), 8, 8), ((16, 4), 4, 16), ((16, 8), 16, 4)],
)
def test_a_finer_map_gives_more_rows(strides: tuple[int, int], finest: int, rows: int) -> None:
    """64 pixels high: the lines are told apart on the finest map's rows, whatever the columns."""
    head = build(_config(deepest=16, strides=strides, finest=finest)).get_layer("head")
    sides = [16 // strides[0], 16 // strides[1]]  # of 16 pixels in the deep map
    maps = [np.zeros((1, 4 * sides[0], 12 * sides[1], head.inputs[0].shape[-1]), np.float32)]
    if finest < 16:
        down, across = (max(16 // finest, side) for side in sides)
        maps.append(np.zeros((1, 4 * down, 12 * across, head.inputs[1].shape[-1]), np.float32))
    seen = keras.Model(head.inputs, head.get_layer("lines").input)
    width = 192 // min(strides[1], finest)
    assert seen(maps).shape[1:3] == (rows, width)


@pytest.mark.parametrize("deepest", [8, 16])
def test_every_weight_learns(deepest: int) -> None:
    import tensorflow as tf

    model = build(_config(deepest=deepest, strides=(8, 8)))
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 64, 3)).astype(np.uint8)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(ctc(np.array([[1, 2], [2, 2]]), model(images, training=True)))
    for weight, gradient in zip(
        model.trainable_variables,
        tape.gradient(loss, [w.value for w in model.trainable_variables]),
        strict=True,
    ):
        # A softmax over rows does not see what all rows share: where they are alike it is zero.
        assert gradient is not None, weight.path
        if "lines" not in weight.path and not weight.path.endswith("bias"):
            assert np.abs(gradient).max() > 0, weight.path


def test_saved_and_loaded(tmp_path: Path) -> None:
    model = build(_config())
    image = np.random.default_rng(0).integers(0, 256, (1, 32, 64, 3)).astype(np.uint8)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(np.asarray(again(image)), np.asarray(model(image)), atol=1e-6)

"""Mask R-CNN whole: what it answers, that all of it learns, and that training and finding agree."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from plates.detector import decode, graph_quads, heads, targets
from plates.detector.config import Config
from plates.detector.plate import Plate
from plates.detector.rcnn import SIDE
from plates.detector.rcnn.masks import targets as masks_of
from plates.detector.rcnn.model import build
from plates.detector.rcnn.reading import read

QUADS = np.array([[(20, 20), (80, 24), (78, 44), (18, 40)], [(9, 60), (60, 60), (60, 80), (9, 80)]])
CONFIG = Config(
    data=Path("d"),
    backbone="tiny",
    width=8,
    head="maskrcnn",
    monitor="loss",
    stride=8,
    deepest=16,
)


def _pictures() -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(0).integers(0, 256, (2, 96, 128, 3)).astype(np.uint8)
    return images, np.stack(
        [targets.truth(QUADS.astype(float)), targets.truth(np.empty((0, 4, 2)))]
    )


def test_losses_of_pictures_of_any_size_and_number() -> None:
    model = build(CONFIG)
    sizes = [tf.TensorSpec((None, None, None, 3), tf.uint8), tf.TensorSpec((None, None, 9))]
    answer = tf.function(
        lambda image, truth: model([image, truth], training=True), sizes, autograph=False
    )
    images, truth = _pictures()
    for batch, height, width in ((2, 96, 128), (1, 64, 32)):
        losses = np.asarray(answer(images[:batch, :height, :width], truth[:batch]))
        assert losses.shape == (batch, 5)
        assert np.isfinite(losses).all()
    empty = np.asarray(answer(images, truth[[1, 1]]))
    assert (empty[:, [1, 3, 4]] == 0).all()  # no box and no mask to be learnt
    assert (empty[:, [0, 2]] > 0).all()


def test_every_weight_learns() -> None:
    model = build(CONFIG)
    with tf.GradientTape() as tape:
        total = tf.reduce_mean(heads.loss("maskrcnn")(None, model(_pictures(), training=True)))
    gradients = tape.gradient(total, [w.value for w in model.trainable_variables])
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.abs(gradient).max() > 0, weight.path


def test_what_it_finds_comes_from_the_same_weights(tmp_path: Path) -> None:
    """Before and after training, and from a file."""
    model = build(CONFIG)
    images, truth = _pictures()
    find = heads.answering(model, "maskrcnn")
    before = np.asarray(find(images))
    assert before.shape == (2, 24, 5 + SIDE * SIDE)
    assert before.dtype == np.float32
    model.compile(keras.optimizers.Adam(1e-2), heads.loss("maskrcnn"), jit_compile=False)
    history = model.fit([images, truth], truth, batch_size=2, epochs=6, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    after = np.asarray(find(images))
    assert np.abs(after - before).max() > 0.01
    model.save(tmp_path / "model.keras")
    other = build(CONFIG)
    other.load_weights(tmp_path / "model.keras")
    found = np.asarray(heads.answering(other, "maskrcnn")(images))
    np.testing.assert_allclose(found, after, atol=1e-4)
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        np.asarray(again([images, truth])), np.asarray(model([images, truth])), atol=1e-4
    )


def test_losses_and_answers_are_float32_under_mixed_precision() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = build(CONFIG)
        images, truth = _pictures()
        with tf.GradientTape() as tape:
            losses = model([images, truth], training=True)
            # What a loss scaler begins with.
            total = tf.reduce_mean(losses) * 2.0**10
        gradients = tape.gradient(total, [w.value for w in model.trainable_variables])
        rows = np.asarray(heads.answering(model, "maskrcnn")(images))
    finally:
        keras.config.set_dtype_policy("float32")
    assert losses.dtype == rows.dtype == np.float32
    assert np.isfinite(losses).all()
    assert np.isfinite(rows).all()
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def _rows(rng: np.random.Generator) -> np.ndarray:
    """What a good model would say of a few plates, with some noise; and of some that are none."""
    rows = np.zeros((6, 5 + SIDE * SIDE), np.float32)
    for row in rows[:4]:
        low = rng.uniform(0, 200, 2)
        size = rng.uniform((40, 12), (120, 40))
        corners = np.array([(0.1, 0.12), (0.9, 0.2), (0.88, 0.9), (0.12, 0.8)]) * size + low
        box = np.concatenate([low, low + size])
        mask = np.asarray(masks_of(box, corners)) * 0.9 + rng.uniform(0, 0.05, (SIDE, SIDE))
        row[:] = [*box, rng.uniform(0.2, 1), *mask.ravel()]
    rows[4, 4] = 0.9  # nothing drawn
    return rows


@pytest.mark.parametrize("least", [0.0, 0.5])
def test_plates_in_a_graph_are_those_of_numpy(least: float) -> None:
    signature = [tf.TensorSpec((None, 5 + SIDE * SIDE)), tf.TensorSpec((), tf.float64)]
    found = tf.function(graph_quads.from_rows, signature, autograph=False)
    for seed in range(5):
        rows = _rows(np.random.default_rng(seed))
        plates = read(rows, least)
        corners, scores = found(rows, least)
        assert len(plates) == len(corners)
        assert len(plates) <= 4
        for plate, quad, score in zip(plates, corners.numpy(), scores.numpy(), strict=True):
            np.testing.assert_allclose(quad, plate.corners, rtol=0, atol=0.05)
            assert score == pytest.approx(plate.score, abs=1e-6)


def test_masks_are_read_by_the_code_of_the_u_net(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def outlined(*given: Any) -> np.ndarray:
        asked.append(given)
        return np.array([(1.0, 1), (9, 1), (9, 5), (1, 5)])

    monkeypatch.setattr(decode, "outlined", outlined)
    found = read(_rows(np.random.default_rng(0)), 0.0)
    assert len(asked) == 4
    assert 0 < len(found) <= 4
    assert all(isinstance(plate, Plate) for plate in found)

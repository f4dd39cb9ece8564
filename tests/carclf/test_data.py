"""Pictures and labels -> batches, with weights, and without what has become unreadable."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from carclf import data
from triptych.images import resize
from triptych.pictures import Pictures

LABELS = np.array([0, 0, 0, 2, 2])


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Five plain pictures; the red of picture i is 40 * i."""
    for number in range(5):
        Image.new("RGB", (60, 40), (40 * number, 9, 9)).save(tmp_path / f"{number}.png")
    return sorted(tmp_path.iterdir())


def training(pictures: Pictures, **options: Any) -> tf.data.Dataset:
    options = {
        "classes": 3,
        "class_weights": np.array([0.5, 1.0, 2.0], np.float32),
        "size": (32, 48),
        "batch": 4,
        "augment": "none",
        "mixup": 0.0,
        "cutmix": 0.0,
        "seed": 1,
        "workers": 2,
        **options,
    }
    return data.training(pictures, LABELS, **options)


def test_training_batches(paths: list[Path]) -> None:
    dataset = training(Pictures(paths, (40, 60), 1))
    image, target, weight = dataset.element_spec
    assert image == tf.TensorSpec((4, 32, 48, 3), tf.uint8)
    assert target == tf.TensorSpec((4, 3), tf.float32)
    assert weight == tf.TensorSpec((4,), tf.float32)
    for images, targets, weights in dataset.take(3):
        labels = [LABELS[int(i)] for i in images[:, 0, 0, 0].numpy() / 40]
        np.testing.assert_array_equal(targets, np.eye(3)[labels])
        np.testing.assert_array_equal(weights, [(0.5, 1.0, 2.0)[label] for label in labels])


def test_batch_is_at_most_the_data(paths: list[Path]) -> None:
    spec = training(Pictures(paths, (40, 60), 1), batch=64).element_spec
    assert spec[0].shape[0] == 5


@pytest.mark.parametrize("mixup", [0.0, 0.4])
def test_same_batches_from_the_same_seed(mixup: float, paths: list[Path]) -> None:
    def batches(seed: int, workers: int, cache_mb: float) -> list[np.ndarray]:
        pictures = Pictures(paths, (40, 60), cache_mb)
        pictures.check(workers)
        options: dict[str, Any] = {"seed": seed, "workers": workers, "mixup": mixup}
        return [
            array.numpy()
            for batch in training(pictures, augment="strong", **options).take(3)
            for array in batch
        ]

    want, got, other = batches(1, 1, 1), batches(1, 4, 0), batches(2, 1, 1)
    for a, b in zip(want, got, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (want[0] != other[0]).any()


def test_validation_batches(paths: list[Path]) -> None:
    pictures = Pictures(paths, (40, 60), 1)
    dataset = data.validation(pictures, LABELS, classes=3, size=(32, 48), batch=2, workers=2)
    batches = list(dataset)
    assert [len(images) for images, _ in batches] == [2, 2, 1]
    images = np.concatenate([images for images, _ in batches])
    np.testing.assert_array_equal(images, [resize(pictures[i], (32, 48)) for i in range(5)])
    targets = np.concatenate([targets for _, targets in batches])
    np.testing.assert_array_equal(targets, np.eye(3)[LABELS])


def test_pictures_deleted_after_the_check_are_passed_over(
    paths: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    pictures = Pictures(paths, (40, 60), 0)
    assert not any(c.error for c in pictures.check(2))
    dataset = training(pictures)
    paths[2].unlink()
    paths[4].write_text("no picture any more")
    seen = {int(i) for images, *_ in dataset.take(9) for i in images[:, 0, 0, 0].numpy() / 40}
    assert seen == {0, 1, 3}
    out = capfd.readouterr().out
    assert f"left out: {paths[2]}: cannot be read" in out
    assert f"left out: {paths[4]}: not a picture" in out
    checked = data.validation(pictures, LABELS, classes=3, size=(32, 48), batch=2, workers=2)
    assert [len(images) for images, _ in checked] == [2, 1]


def test_balanced_weights_by_hand() -> None:
    """Five pictures, two classes present: 5 / (2 * 3) and 5 / (2 * 2)."""
    weights = data.balanced_weights(LABELS, 4)
    np.testing.assert_allclose(weights, [5 / 6, 0, 5 / 4, 0])
    assert weights.dtype == np.float32
    assert weights[LABELS].mean() == pytest.approx(1)

"""EfficientNetB0 to B7 against `keras.applications` and PyPI `efficientnet`, random weights."""

from pathlib import Path
from types import SimpleNamespace

import h5py
import keras
import numpy as np
import pytest
from efficientnet import tfkeras
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils import file_utils

from triptych.backbones import create
from triptych.backbones.efficientnet import (
    copy_weights,
    load_autoaugment,
    load_imagenet,
    load_noisy_student,
)

MEAN = np.array([0.485, 0.456, 0.406], "float32")
STD = np.array([0.229, 0.224, 0.225], "float32")
ODD = (75, 97)


def _images(side: tuple[int, int] = ODD) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, *side, 3), dtype=np.uint8)


def _randomize(model: keras.Model) -> keras.Model:
    """Batch norms as after a training: nothing left at 0 or 1."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape
            layer.set_weights(
                [
                    rng.uniform(0.8, 1.2, size),
                    rng.normal(0, 0.2, size),
                    rng.normal(0, 0.2, size),
                    rng.uniform(0.5, 1.5, size),
                ]
            )
    return model


def _write_legacy(model: keras.Model, path: Path) -> Path:
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return path


def test_bridge_gives_the_features_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"weights": None, "include_top": False, "input_shape": (None, None, 3)}
    source = _randomize(tfkeras.EfficientNetB0(**options))
    path = _write_legacy(source, tmp_path / "b0.h5")
    asked = []

    def get_file(name: str, *args: object, **kwargs: object) -> str:
        asked.append(name)
        return str(path)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    model = create("efficientnet-b0", weights="noisy-student")
    assert asked == ["efficientnet-b0_noisy-student_notop.h5"]
    images = _images()
    _same(model(images), source((images / np.float32(255) - MEAN) / STD))


def test_imagenet_gives_the_features_of_keras_applications(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of keras.applications, its mistaken variance and all, through Keras's own code."""
    options = {"include_top": False, "input_shape": (*ODD, 3)}
    plain = _randomize(keras.applications.EfficientNetB0(weights=None, **options))
    next(x for x in plain.layers if isinstance(x, keras.layers.Normalization)).set_weights(
        [MEAN, STD, np.zeros(())]
    )
    path = _write_legacy(plain, tmp_path / "efficientnetb0_notop.h5")
    monkeypatch.setattr(file_utils, "get_file", lambda *args, **kwargs: str(path))
    source = keras.applications.EfficientNetB0(weights="imagenet", **options)
    model = create("efficientnet-b0", weights="imagenet")
    images = _images()
    _same(model(images), source(images))


def test_unexpected_scaling_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = keras.applications.EfficientNetB0(
        weights=None, include_top=False, input_shape=(64, 64, 3)
    )
    path = _write_legacy(plain, tmp_path / "b0.h5")
    monkeypatch.setattr(file_utils, "get_file", lambda *args, **kwargs: str(path))
    with pytest.raises(ValueError, match="unexpected scaling"):
        load_imagenet(SimpleNamespace(name="efficientnet-b0"))


def test_layers_agree_with_the_package_at_another_scale() -> None:
    """B2 is scaled in width and depth; copying asserts names, set_weights shapes."""
    source = tfkeras.EfficientNetB2(weights=None, include_top=False)
    model = create("efficientnet-b2", weights=None)
    copy_weights(source, model)
    with pytest.raises(ValueError, match="do not fit"):
        copy_weights(source, create("tiny", weights=None))


def test_stochastic_depth() -> None:
    def rates(drop_connect: float | None = None) -> dict[str, float]:
        model = create("efficientnet-b0", weights=None, drop_connect=drop_connect)
        return {x.name: x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)}

    default = rates()
    # block2b is the third of sixteen blocks, block6d the fifteenth
    assert default["block2b_drop"] == pytest.approx(0.2 * 2 / 16)
    assert default["block6d_drop"] == pytest.approx(0.2 * 14 / 16)
    assert rates(drop_connect=0.4)["block6d_drop"] == pytest.approx(0.4 * 14 / 16)


def test_failed_download_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_file(*args: object, **kwargs: object) -> str:
        raise Exception("URL fetch failure\nmore")

    monkeypatch.setattr(file_utils, "get_file", get_file)
    monkeypatch.setattr(keras.utils, "get_file", get_file)
    for load, file in (
        (load_imagenet, "efficientnetb0_notop.h5"),
        (load_noisy_student, "efficientnet-b0_noisy-student_notop.h5"),
        (
            load_autoaugment,
            "efficientnet-b0_weights_tf_dim_ordering_tf_kernels_autoaugment_notop.h5",
        ),
    ):
        with pytest.raises(OSError, match="could not be fetched") as caught:
            load(SimpleNamespace(name="efficientnet-b0"))
        message = str(caught.value)
        assert f"curl -L --create-dirs -o ~/.keras/models/{file} https://" in message
        assert "URL fetch failure" in message
        assert "\n" not in message
        for alternative in ("weights=PATH", "weights=None", "efficientnet-lite0"):
            assert alternative in message


def _same(actual: object, expected: object) -> None:
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    assert np.abs(expected).max() > 0.1
    assert np.abs(actual - expected).max() <= 1e-4

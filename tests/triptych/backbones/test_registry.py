import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from triptych.backbones import create, default_size, levels, names

# one of each family, the smallest
FAMILIES = [
    "efficientnet-b0",
    "efficientnet-lite0",
    "resnet18",
    "resnext50_32x4d",
    "densenet121",
    "alexnet",
    "tiny",
]
IMAGENET_MEAN = np.array([123.675, 116.28, 103.53])
IMAGENET_STD = np.array([58.395, 57.12, 57.375])

# names of the layers at each level
LEVELS = {
    "efficientnet-b0": [
        "block2a_expand_activation",
        "block3a_expand_activation",
        "block4a_expand_activation",
        "block6a_expand_activation",
        "top_activation",
    ],
    "resnet18": ["relu", *(f"layer{stage}.1.relu" for stage in (1, 2, 3, 4))],
    # not the narrower map inside the first bottleneck of the next stage
    "resnext50_32x4d": ["relu", "layer1.2.relu", "layer2.3.relu", "layer3.5.relu", "layer4.2.relu"],
    "alexnet": ["features.1", "features.4", "features.11", "features.12"],
}


@pytest.fixture
def mixed_float16() -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


def _images(side: int = 64) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8)


def test_names_need_no_keras() -> None:
    code = (
        "import sys, triptych.backbones as b; assert len(b.names()) == 19, b.names();"
        "assert b.default_size('efficientnet-b6') == 528;"
        "print([m for m in ('keras', 'tensorflow', 'numpy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_default_sizes() -> None:
    from triptych.backbones.efficientnet_lite import SIZES

    assert {name: default_size(name) for name in SIZES} == SIZES
    assert default_size("efficientnet-b7") == 600
    assert default_size("resnext50_32x4d") == 224
    assert all(default_size(name) % 2 == 0 for name in names())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "resnet19"}, "`name` must be one of .*resnet18"),
        ({"name": "tiny"}, r"`weights` of tiny must be one of: None, the path"),
        ({"name": "resnet18", "weights": "noisy-student"}, "received: 'noisy-student'"),
        ({"name": "tiny", "weights": "nowhere.keras"}, "nowhere.keras"),
        ({"name": "tiny", "weights": None, "input_shape": (64, 64, 1)}, r"\(64, 64, 1\)"),
        ({"name": "resnet18", "weights": None, "drop_connect": 0.2}, "no stochastic depth"),
        ({"name": "efficientnet-b0", "weights": None, "drop_connect": 1.0}, r"\[0, 1\)"),
    ],
)
def test_bad_arguments(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create(**arguments)


@pytest.mark.parametrize("name", FAMILIES)
def test_levels_and_round_trip(name: str, tmp_path: Path) -> None:
    """Maps have the side their stride says, the input may be of any size and type, and a saved
    model answers the same."""
    model = create(name, weights=None)
    assert model.name == name
    assert model.input_shape == (None, None, None, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images = _images()
    expected = np.asarray(model(images))
    assert expected.dtype == "float32"
    assert expected.std() > 0
    np.testing.assert_allclose(loaded(images.astype("float32")), expected, atol=1e-5)

    found = levels(loaded)
    strides = [4, 8, 16, 32] if name == "alexnet" else [2, 4, 8, 16, 32]
    assert list(found) == strides
    maps = keras.Model(loaded.input, list(found.values())).compute_output_shape((1, 128, 96, 3))
    for stride, shape in zip(strides, maps, strict=True):
        if name == "alexnet":
            assert 128 // stride - 2 < shape[1] <= 128 // stride
        else:
            assert shape[1:3] == (128 // stride, 96 // stride)
    assert found[32] is loaded.output
    if name in LEVELS:
        assert [x._keras_history.operation.name for x in found.values()] == LEVELS[name]


@pytest.mark.parametrize("name", ["efficientnet-b0", "efficientnet-lite0", "resnet18", "tiny"])
def test_scaling_is_safe_in_half_precision(name: str, mixed_float16: None) -> None:
    """What the first convolution is given has float32 behind it, also between whole values."""
    model = create(name, weights=None)
    assert model.output.dtype == "float16"
    x = _images() + np.float32(0.4375)
    mean, std = {
        "efficientnet-lite0": (127, 128),
        "tiny": (127.5, 127.5),
    }.get(name, (IMAGENET_MEAN, IMAGENET_STD))
    scaled = keras.Model(model.input, model.get_layer("scale").output)(x)
    assert scaled.dtype == "float32"
    np.testing.assert_allclose(scaled, (x - mean) / std, atol=1e-4)
    assert np.isfinite(np.asarray(model(_images()), "float32")).all()


def test_tiny_is_tiny() -> None:
    assert create("tiny", weights=None).count_params() < 25_000

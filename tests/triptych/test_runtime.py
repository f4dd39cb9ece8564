"""What is set before a model is built."""

import random
from collections.abc import Iterator

import keras
import numpy as np
import pytest

from triptych import runtime

IMAGES = np.zeros((2, 4, 4, 3), np.uint8)


@pytest.fixture(autouse=True)
def float32_afterwards() -> Iterator[None]:
    yield
    keras.config.set_dtype_policy("float32")


def network() -> keras.Model:
    image = keras.Input((4, 4, 3))
    return keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image)))


def test_a_seed_fixes_every_source_of_chance() -> None:
    def draw() -> list[float]:
        return [
            random.random(),
            float(np.random.rand()),  # noqa: NPY002 (the generator that libraries share)
            float(keras.random.uniform(())),
            float(keras.initializers.RandomNormal()((1,))[0]),
        ]

    drawn = []
    for seed in (1, 1, 2):
        runtime.setup(seed=seed)
        drawn.append(draw())
    assert drawn[0] == drawn[1]
    assert all(a != b for a, b in zip(drawn[0], drawn[2], strict=True))


def test_a_memory_cap_needs_a_gpu() -> None:
    assert not runtime.has_gpu()
    with pytest.raises(ValueError, match="`gpu_memory_mb` caps a GPU, and there is none"):
        runtime.setup(seed=0, gpu_memory_mb=2000)


def refuse() -> keras.Model:
    raise AssertionError("no model need be built")


def test_precision_without_measuring() -> None:
    assert runtime.choose_precision("auto", refuse, IMAGES) == "float32"
    assert runtime.choose_precision("mixed_bfloat16", refuse, IMAGES) == "mixed_bfloat16"
    runtime.set_precision("mixed_float16")
    assert keras.layers.Dense(1).compute_dtype == "float16"


@pytest.mark.parametrize(
    ("half", "chosen"), [(0.5, "mixed_float16"), (0.95, "float32"), (2.0, "float32")]
)
def test_precision_by_measuring(half: float, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """float16 must be a tenth faster."""
    built = []

    def seconds(model: keras.Model, images: np.ndarray, steps: int) -> float:
        built.append(model.layers[-1].compute_dtype)
        return half if built[-1] == "float16" else 1.0

    monkeypatch.setattr(runtime, "has_gpu", lambda: True)
    monkeypatch.setattr(runtime, "_seconds_a_step", seconds)
    assert runtime.choose_precision("auto", network, IMAGES) == chosen
    assert built == ["float32", "float16"]


def test_seconds_a_step() -> None:
    assert 0 < runtime._seconds_a_step(network(), IMAGES, steps=1) < 30

"""A frozen model answers as it did when it was frozen, for pictures of every size and number."""

import keras
import numpy as np
import pytest

from triptych import frozen as module
from triptych.frozen import frozen


def convolutional() -> keras.Model:
    """A convolution and a batch normalization that has seen something, before a mean."""
    image = keras.Input((None, None, 3), dtype="uint8")
    x = keras.layers.Conv2D(4, 3, use_bias=False)(keras.layers.Rescaling(1 / 255)(image))
    norm = keras.layers.BatchNormalization()
    x = keras.layers.Dropout(0.5)(keras.layers.ReLU()(norm(x)))
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    values = np.random.default_rng(0).uniform(0.1, 2, (4, 4))
    norm.set_weights(list(values))
    return model


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_frozen(policy: str) -> None:
    keras.config.set_dtype_policy(policy)
    try:
        model = convolutional()
    finally:
        keras.config.set_dtype_policy("float32")
    call = frozen(model)
    rng = np.random.default_rng(1)
    first = None
    for shape in ((1, 16, 16, 3), (5, 8, 24, 3), (2, 16, 16, 3)):
        images = rng.integers(0, 256, shape, np.uint8)
        expected = np.asarray(model(images, training=False)).astype(np.float32)
        found = call(images)
        assert found.shape == (shape[0], 4)
        # bfloat16 has 8 bits.
        close = 1e-5 if policy == "float32" else 0.02
        np.testing.assert_allclose(found.astype(np.float32), expected, rtol=close, atol=close)
        first = (images, found) if first is None else first
    model.set_weights([2 * weight for weight in model.get_weights()])
    assert first is not None
    np.testing.assert_array_equal(call(first[0]), first[1])
    assert not np.allclose(np.asarray(model(first[0])).astype(np.float32), first[1].astype(float))


def test_weights_of_a_large_model_stay_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(1).integers(0, 256, (2, 16, 16, 3), np.uint8)
    model = convolutional()
    monkeypatch.setattr(module, "MOST", 0)
    call = frozen(model)
    first = call(images)
    np.testing.assert_allclose(first, np.asarray(model(images, training=False)), rtol=1e-5)
    model.set_weights([2 * weight for weight in model.get_weights()])
    np.testing.assert_allclose(call(images), np.asarray(model(images, training=False)), rtol=1e-5)
    assert not np.allclose(call(images), first)

"""BatchNorm against Keras's own layer: numbers, gradients, statistics, files."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from triptych.backbones.norm import BatchNorm

RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, size=(4, 5, 6, 3)).astype(np.float32)
UPSTREAM = RNG.normal(size=X.shape).astype(np.float32)
STATE = [RNG.uniform(0.5, 2, 3), RNG.normal(size=3), RNG.normal(size=3), RNG.uniform(0.5, 2, 3)]


def pair(dtype: str = "float32", **options: Any) -> tuple[keras.Layer, keras.Layer]:
    layers = [
        kind(momentum=0.9, epsilon=1e-3, dtype=dtype, name="bn", **options)
        for kind in (keras.layers.BatchNormalization, BatchNorm)
    ]
    for layer in layers:
        layer.build(X.shape)
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        for name, value in zip(names, STATE, strict=True):
            if getattr(layer, name) is not None:
                getattr(layer, name).assign(value)
    return layers[0], layers[1]


def step(
    layer: keras.Layer, x: Any, training: bool, compile: Any = lambda function: function
) -> list[np.ndarray]:
    """Outputs, gradients by inputs and parameters, then all weights of the layer."""

    def differentiate(x: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
            loss = tf.reduce_sum(tf.cast(y, tf.float32) * UPSTREAM[: x.shape[0], : x.shape[1]])
        return y, tape.gradient(loss, [x, *[v.value for v in layer.trainable_variables]])

    y, gradients = compile(differentiate)(tf.convert_to_tensor(x))
    arrays = [y, *gradients, *layer.weights]
    return [np.asarray(tf.cast(keras.ops.convert_to_tensor(a), tf.float32)) for a in arrays]


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [("float32", 2e-4), ("mixed_float16", 2e-2), ("mixed_bfloat16", 2e-1)],
)
@pytest.mark.parametrize("training", [True, False])
def test_same_numbers_as_keras(dtype: str, tolerance: float, training: bool) -> None:
    theirs, ours = pair(dtype)
    x = X.astype("float16") if dtype == "mixed_float16" else X
    got, want = step(ours, x, training), step(theirs, x, training)
    assert len(got) == len(want) == 8
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1, np.abs(b).max()))
    assert ours(x).dtype == theirs(x).dtype
    # The statistics stay in float32, whatever the policy.
    np.testing.assert_allclose(got[-1], want[-1], rtol=1e-3)
    assert (got[-1] != STATE[3].astype(np.float32)).all() == training


@pytest.mark.parametrize("xla", [False, True])
def test_same_numbers_when_compiled(xla: bool) -> None:
    theirs, ours = pair()
    compiled = step(ours, X, True, tf.function(jit_compile=xla))
    for a, b in zip(compiled, step(theirs, X, True), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4)


def test_moving_statistics_by_hand() -> None:
    """The biased variance is what Keras keeps, not the unbiased one of TensorFlow's kernel."""
    _, ours = pair()
    ours(X, training=True)
    mean, variance = X.mean((0, 1, 2)), X.var((0, 1, 2))
    np.testing.assert_allclose(ours.moving_mean, 0.9 * STATE[2] + 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(ours.moving_variance, 0.9 * STATE[3] + 0.1 * variance, rtol=1e-5)


def test_a_single_value_a_channel_has_variance_zero() -> None:
    theirs, ours = pair()
    for a, b in zip(
        step(ours, X[:1, :1, :1], True), step(theirs, X[:1, :1, :1], True), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "options", [{"center": False}, {"scale": False}, {"axis": 1}, {"axis": 3}], ids=str
)
def test_other_options(options: dict[str, Any]) -> None:
    x = X.transpose(0, 3, 1, 2) if options.get("axis") == 1 else X
    layers = [kind(**options) for kind in (keras.layers.BatchNormalization, BatchNorm)]
    want, got = (layer(x, training=True) for layer in layers)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
    for a, b in zip(layers[0].weights, layers[1].weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_flat_and_masked_inputs() -> None:
    theirs, ours = keras.layers.BatchNormalization(), BatchNorm()
    np.testing.assert_allclose(
        ours(X[:, 0, 0], training=True), theirs(X[:, 0, 0], training=True), atol=1e-5
    )
    mask = np.ones(X.shape[:3], bool)
    mask[:, 2:] = False
    theirs, ours = pair()
    np.testing.assert_allclose(
        ours(X, training=True, mask=mask), theirs(X, training=True, mask=mask), atol=1e-5
    )


def test_frozen_layer_uses_and_keeps_its_statistics() -> None:
    theirs, ours = pair()
    ours.trainable = False
    np.testing.assert_allclose(ours(X, training=True), theirs(X, training=False), atol=1e-5)
    np.testing.assert_allclose(ours.moving_mean, STATE[2], rtol=1e-6)
    assert ours.trainable_variables == []


def test_same_config_and_files_as_keras(tmp_path: Path) -> None:
    def network(kind: type[keras.Layer]) -> keras.Model:
        image = keras.Input((None, None, 3))
        return keras.Model(image, kind(name="bn", momentum=0.7, epsilon=1e-5)(image))

    theirs, ours = network(keras.layers.BatchNormalization), network(BatchNorm)
    assert ours.get_layer("bn").get_config() == theirs.get_layer("bn").get_config()
    theirs.set_weights(STATE)
    ours.set_weights(theirs.get_weights())
    ours.save(tmp_path / "ours.keras")
    again = keras.saving.load_model(tmp_path / "ours.keras")
    assert type(again.get_layer("bn")) is BatchNorm
    assert again.get_layer("bn").momentum == 0.7
    np.testing.assert_allclose(again(X), theirs(X), atol=1e-5)

"""LayerwiseAdamW against Keras's AdamW, layer by layer, with everything it is combined with."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest

from triptych.optimizer import LayerwiseAdamW, adamw

RNG = np.random.default_rng(0)
GRADIENTS = [
    [RNG.normal(size=(3, 2)), RNG.normal(size=(2,)), RNG.normal(size=(2, 1)), RNG.normal(size=(1,))]
    for _ in range(6)
]
START = [RNG.normal(size=g.shape) for g in GRADIENTS[0]]


def network() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(2, name="first"),
            keras.layers.Dense(1, name="second"),
        ],
        name="network",
    )
    model.set_weights(START)
    return model


def after(
    optimizer: keras.optimizers.Optimizer, gradients: Sequence[Sequence[np.ndarray]] = GRADIENTS
) -> list[np.ndarray]:
    """Weights after the optimizer has applied `gradients`."""
    model = network()
    optimizer.build(model.trainable_variables)
    for step in gradients:
        arrays = [keras.ops.convert_to_tensor(g.astype(np.float32)) for g in step]
        optimizer.apply(arrays, model.trainable_variables)
    return model.get_weights()


def same(got: Sequence[np.ndarray], want: Sequence[np.ndarray]) -> None:
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


OPTIONS: list[dict[str, Any]] = [
    {"weight_decay": 0.0},
    {"weight_decay": 0.5},
    {"weight_decay": 0.5, "amsgrad": True, "clipnorm": 0.3},
    {"weight_decay": 0.5, "use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
    {"weight_decay": 0.5, "gradient_accumulation_steps": 3},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_equals_adamw_where_no_layer_is_scaled(options: dict[str, Any]) -> None:
    want = after(keras.optimizers.AdamW(0.1, **options))
    same(after(LayerwiseAdamW(0.1, **options)), want)
    same(after(LayerwiseAdamW(0.1, scales={"network/first/kernel": 1.0}, **options)), want)


@pytest.mark.parametrize("options", [*OPTIONS[:2], OPTIONS[4]], ids=str)
@pytest.mark.parametrize("wrap", [False, True], ids=["plain", "loss scale"])
def test_a_scale_is_a_layers_own_learning_rate(options: dict[str, Any], wrap: bool) -> None:
    """Each variable as Keras's AdamW moves it at the rate times its scale, decay included."""
    scales = {"network/first/kernel": 0.25, "network/first/bias": 0.5, "network/second/kernel": 0.0}
    optimizer: Any = LayerwiseAdamW(0.1, scales=scales, **options)
    gradients = GRADIENTS
    if wrap:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=8.0)
        gradients = [[8.0 * g for g in step] for step in GRADIENTS]
    got = after(optimizer, gradients)
    for index, scale in enumerate((0.25, 0.5, 0.0, 1.0)):
        if scale == 0:
            same([got[index]], [START[index]])
        else:
            same([got[index]], [after(keras.optimizers.AdamW(0.1 * scale, **options))[index]])


def test_one_step_by_hand() -> None:
    """Adam's first step is lr * sign(g); decay takes lr * weight_decay of the variable before."""
    optimizer = LayerwiseAdamW(0.1, weight_decay=0.5, scales={"network/first/kernel": 0.5})
    kernel, bias, *_ = after(optimizer, GRADIENTS[:1])
    np.testing.assert_allclose(
        kernel, START[0] * (1 - 0.05 * 0.5) - 0.05 * np.sign(GRADIENTS[0][0]), atol=1e-5
    )
    np.testing.assert_allclose(
        bias, START[1] * (1 - 0.1 * 0.5) - 0.1 * np.sign(GRADIENTS[0][1]), atol=1e-5
    )


def test_adamw_does_not_decay_biases_and_batch_norm() -> None:
    layers = [
        keras.Input((3,)),
        keras.layers.Dense(2, name="dense"),
        keras.layers.BatchNormalization(name="bn"),
    ]
    model = keras.Sequential(layers, name="network")
    model.set_weights([np.ones(w.shape) for w in model.get_weights()])
    optimizer = adamw(0.1, weight_decay=0.5)
    optimizer.build(model.trainable_variables)
    zeros = [keras.ops.zeros(v.shape) for v in model.trainable_variables]
    optimizer.apply(zeros, model.trainable_variables)
    moved = {v.name: float(v.numpy().min()) for v in model.trainable_variables}
    assert moved == pytest.approx({"kernel": 0.95, "bias": 1.0, "gamma": 1.0, "beta": 1.0})


def test_accumulated_gradients_are_their_mean() -> None:
    """Three batches that make one step are one batch three times as large."""
    means = [[np.mean(g, axis=0) for g in zip(*GRADIENTS[i : i + 3], strict=True)] for i in (0, 3)]
    got = after(adamw(0.1, weight_decay=0.5, accumulate=3))
    same(got, after(adamw(0.1, weight_decay=0.5), means))


def test_options_of_adamw() -> None:
    optimizer = adamw(0.1, weight_decay=0.2)
    assert optimizer.gradient_accumulation_steps is None


def test_config_and_saved_state(tmp_path: Any) -> None:
    scales = {"network/first/kernel": 0.25}
    again = LayerwiseAdamW.from_config(LayerwiseAdamW(0.1, scales=scales).get_config())
    assert again.scales == scales
    model = network()
    model.compile(adamw(0.1, weight_decay=0.1, scales=scales), "mse", run_eagerly=True)
    x = np.ones((2, 3), np.float32)
    model.train_on_batch(x, x[:, :1])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.scales == scales
    for optimizer in (model.optimizer, loaded.optimizer):
        assert int(optimizer.iterations) == 1
    for a, b in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)

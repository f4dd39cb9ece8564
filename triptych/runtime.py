"""What is set before a model is built: device memory, precision, seed, determinism."""

import time
from collections.abc import Callable
from typing import Any, Literal

import keras
import numpy as np

Precision = Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"]


def setup(*, seed: int, gpu_memory_mb: int | None = None) -> None:
    """Seed everything, and let TensorFlow take GPU memory as needed, at most `gpu_memory_mb`.

    On a CPU the same seed then gives the same numbers, to the bit. On a GPU it does not:
    TensorFlow's deterministic kernels are slower, on a CPU too (by a third, for nothing).

    Raises:
        ValueError: a memory cap without a GPU to cap.
    """
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    # Each stage compiles anew, which TensorFlow takes for a mistake and warns of.
    tf.get_logger().setLevel("ERROR")
    devices = tf.config.list_physical_devices("GPU")
    if gpu_memory_mb is not None and not devices:
        raise ValueError(
            f"`gpu_memory_mb` caps a GPU, and there is none; received: {gpu_memory_mb}"
        )
    for device in devices:
        if gpu_memory_mb is None:
            tf.config.experimental.set_memory_growth(device, True)
        else:
            limit = tf.config.LogicalDeviceConfiguration(memory_limit=gpu_memory_mb)
            tf.config.set_logical_device_configuration(device, [limit])


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def choose_precision(
    wanted: Precision, build: Callable[[], keras.Model], images: np.ndarray, steps: int = 5
) -> Precision:
    """The precision policy to train with; "auto" is decided by measuring.

    float16 is slower than float32 on some cards (GTX 16xx), so with a GPU a few training steps of
    `build()` on `images` [B, H, W, 3] are timed with both; mixed_float16 must be 10 % faster.
    Without a GPU "auto" is float32.
    """
    if wanted != "auto":
        return wanted
    if not has_gpu():
        return "float32"
    seconds: dict[Precision, float] = {}
    policies: tuple[Precision, ...] = ("float32", "mixed_float16")
    for policy in policies:
        keras.config.set_dtype_policy(policy)
        seconds[policy] = _seconds_a_step(build(), images, steps)
        keras.backend.clear_session()
    return "mixed_float16" if seconds["mixed_float16"] < 0.9 * seconds["float32"] else "float32"


def set_precision(policy: str) -> None:
    """Use `policy` for every layer built from now on."""
    keras.config.set_dtype_policy(policy)


def _seconds_a_step(model: keras.Model, images: np.ndarray, steps: int) -> float:
    model.compile("sgd", "mse", jit_compile=False)
    target: Any = np.zeros((len(images), *model.output_shape[1:]), np.float32)
    for _ in range(2):
        model.train_on_batch(images, target)
    start = time.perf_counter()
    for _ in range(steps):
        model.train_on_batch(images, target)
    return (time.perf_counter() - start) / steps

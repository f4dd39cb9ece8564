"""Grouped convolutions on a CPU: Triptych's ResNeXt50_32x4d against PyTorch's and Keras's own.

    python -m benchmarks.grouped_conv [--batch 16] [--side 128] [--pairs 5] [--whole-keras]
        [--cpu-seconds]

1. Training step (forward, backward, SGD) of ResNeXt50_32x4d, Triptych's and PyTorch's in channels
   last, one after the other in pairs, so that a busy machine slows both. Prints images/s of both
   and the median ratio of the pairs; at least 0.9 is wanted.
2. Forward and backward of its sixteen 3x3 layers, GroupedConv2D against keras.layers.Conv2D with
   the same weights, and the ratio of the sums; at least 20 is wanted. `--whole-keras` also times
   one whole training step with keras.layers.Conv2D (minutes).

`--cpu-seconds` gives each one thread and counts its CPU time, not the clock's: for a busy machine.
TF_ENABLE_ONEDNN_OPTS=0 in the environment shows GroupedConv2D without oneDNN.
"""

import argparse
import os
import time
from collections.abc import Callable
from statistics import median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow leaves oneDNN, which PyTorch always uses, off on CPUs without AVX-512
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
import tensorflow as tf
import torch

from tests.triptych.backbones.torch_reference import reference
from triptych.backbones import create
from triptych.backbones.layers import GroupedConv2D

NAME = "resnext50_32x4d"
Clock = Callable[[], float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--whole-keras", action="store_true")
    parser.add_argument("--cpu-seconds", action="store_true")
    args = parser.parse_args()
    threads = 1 if args.cpu_seconds else len(os.sched_getaffinity(0))
    clock = time.process_time if args.cpu_seconds else time.perf_counter
    torch.set_num_threads(threads)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (args.batch, args.side, args.side, 3)).astype("float32")
    labels = rng.integers(0, 10, args.batch)

    backbone = create(NAME, weights=None)
    compare_with_torch(
        keras_step(backbone, images, labels),
        torch_step(images, labels),
        args.batch,
        args.pairs,
        clock,
    )
    compare_with_keras(backbone, args.batch, args.side, clock)
    if args.whole_keras:
        plain = keras.models.clone_model(backbone, clone_function=_with_keras_conv)
        seconds = _seconds(keras_step(plain, images, labels), clock)
        print(f"whole step with keras.layers.Conv2D: {args.batch / seconds:.3f} images/s")


def compare_with_torch(
    ours: Callable[[], object], theirs: Callable[[], object], batch: int, pairs: int, clock: Clock
) -> None:
    """Print images/s of both steps and the median of the ratios of the pairs."""
    ours(), theirs()
    times = []
    for pair in range(pairs):
        # the first of a pair would always meet the other's idle threads
        steps = (ours, theirs) if pair % 2 == 0 else (theirs, ours)
        seconds = [_seconds(step, clock) for step in steps]
        times.append(tuple(seconds if pair % 2 == 0 else seconds[::-1]))
    ours_rate, torch_rate = (batch / median(t[i] for t in times) for i in (0, 1))
    ratios = sorted(theirs / ours for ours, theirs in times)
    print(
        f"{NAME} training step: triptych {ours_rate:.1f} images/s, "
        f"torch channels-last {torch_rate:.1f}; ratio {median(ratios):.2f} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}, {pairs} pairs; wanted >= 0.9)"
    )


def compare_with_keras(backbone: keras.Model, batch: int, side: int, clock: Clock) -> None:
    """Print the seconds of all grouped layers, forward and backward, each way."""
    sums = np.zeros(2)
    counts: dict[tuple[int, int, int], int] = {}
    maps = keras.Model(
        backbone.input, [x.input for x in backbone.layers if isinstance(x, GroupedConv2D)]
    ).compute_output_shape((batch, side, side, 3))
    grouped = [x for x in backbone.layers if isinstance(x, GroupedConv2D)]
    for layer, shape in zip(grouped, maps, strict=True):
        kind = (shape[1], shape[3], layer.strides[0])
        counts[kind] = counts.get(kind, 0) + 1
    for (height, channels, stride), count in counts.items():
        x = tf.random.normal((batch, height, height, channels))
        options = {"filters": channels, "kernel_size": 3, "strides": stride, "groups": 32}
        fast = _gradient(GroupedConv2D(use_bias=False, **options), x)
        slow = _gradient(keras.layers.Conv2D(use_bias=False, **options), x)
        seconds = (median(_seconds(fast, clock) for _ in range(5)), _seconds(slow, clock))
        sums += count * np.array(seconds)
        print(
            f"{count} x {height}x{height}x{channels} stride {stride}: "
            f"GroupedConv2D {seconds[0] * 1e3:.0f} ms, Conv2D {seconds[1] * 1e3:.0f} ms",
            flush=True,
        )
    print(
        f"all 3x3 layers, forward and backward: GroupedConv2D {sums[0]:.2f} s, "
        f"keras.layers.Conv2D {sums[1]:.2f} s; ratio {sums[1] / sums[0]:.0f} (wanted >= 20)"
    )


def keras_step(
    backbone: keras.Model, images: np.ndarray, labels: np.ndarray
) -> Callable[[], object]:
    """One `train_on_batch` as Keras compiles it."""
    x = keras.layers.GlobalAveragePooling2D()(backbone.output)
    model = keras.Model(backbone.input, keras.layers.Dense(10)(x))
    model.compile(
        keras.optimizers.SGD(1e-3, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return lambda: model.train_on_batch(images, labels)


def torch_step(images: np.ndarray, labels: np.ndarray) -> Callable[[], object]:
    """The same step in PyTorch, channels last."""
    model = reference(NAME).to(memory_format=torch.channels_last).train()
    model.fc = torch.nn.Linear(2048, 10)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9)
    x = torch.from_numpy(images.transpose(0, 3, 1, 2)).to(memory_format=torch.channels_last)
    x, y = x / 255, torch.from_numpy(labels)

    def step() -> None:
        optimizer.zero_grad()
        logits = model.fc(model.features(x).mean((2, 3)))
        torch.nn.functional.cross_entropy(logits, y).backward()
        optimizer.step()

    return step


def _gradient(layer: keras.Layer, x: tf.Tensor) -> Callable[[], object]:
    layer.build(x.shape)

    @tf.function
    def run() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x) ** 2)
        return tape.gradient(loss, [x, layer.kernel])

    run()
    return lambda: [gradient.numpy() for gradient in run()]


def _with_keras_conv(layer: keras.Layer) -> keras.Layer:
    kind = keras.layers.Conv2D if isinstance(layer, GroupedConv2D) else type(layer)
    return kind.from_config(layer.get_config())


def _seconds(function: Callable[[], object], clock: Clock = time.perf_counter) -> float:
    start = clock()
    function()
    return clock() - start


if __name__ == "__main__":
    main()

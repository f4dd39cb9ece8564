"""One training step of the landmark recipe `three-stage` on a CPU, against PyTorch; and its memory.

    python -m benchmarks.landmark_step [--batch 32] [--side 128] [--points 971] [--pairs 5]
        [--cpu-seconds]

ResNeXt50_32x4d, one dense layer, AdamW with AMSGrad, mean squared error: as `landmarks.train
three-stage` compiles it, and the same in PyTorch, channels last, in pairs one after the other.
Prints images/s of both and the median ratio of the pairs; at least 0.9 is wanted. `--cpu-seconds`
gives each one thread and counts its CPU time: for a busy machine.

Then an estimate of what the step needs on a GPU: weights, gradients and the optimizer's slots, and
the output of every layer, kept for the backward pass (layers that work in place would save some).
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As `import triptych` does: TensorFlow leaves oneDNN off on CPUs without AVX-512.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
import tensorflow as tf
import torch

from benchmarks.grouped_conv import compare_with_torch
from landmarks.model import build
from landmarks.recipes import RECIPES
from landmarks.stages import compile_for
from tests.triptych.backbones.torch_reference import reference


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--points", type=int, default=971)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--cpu-seconds", action="store_true")
    args = parser.parse_args()
    threads = 1 if args.cpu_seconds else len(os.sched_getaffinity(0))
    clock = time.process_time if args.cpu_seconds else time.perf_counter
    torch.set_num_threads(threads)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (args.batch, args.side, args.side, 3), np.uint8)
    points = rng.uniform(0, 1, (args.batch, args.points + 1, 2)).astype("float32")
    config = replace(RECIPES["three-stage"], weights="none")
    model = build(config, args.points)
    compile_for(config, config.stages[0], model)
    compare_with_torch(
        lambda: model.train_on_batch(images, points),
        torch_step(images, points[:, :-1]),
        args.batch,
        args.pairs,
        clock,
    )
    memory(model, args.batch, args.side)


def torch_step(images: np.ndarray, points: np.ndarray) -> Callable[[], object]:
    """The same step in PyTorch, channels last."""
    model = reference("resnext50_32x4d").to(memory_format=torch.channels_last).train()
    model.fc = torch.nn.Linear(2048, points[0].size)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-4, weight_decay=0.05, amsgrad=True)
    x = torch.from_numpy(images.transpose(0, 3, 1, 2)).to(memory_format=torch.channels_last)
    x, y = x / 255, torch.from_numpy(points.reshape(len(points), -1))

    def step() -> None:
        optimizer.zero_grad()
        answer = model.fc(model.features(x).mean((2, 3)))
        torch.nn.functional.mse_loss(answer, y).backward()
        optimizer.step()

    return step


def memory(model: keras.Model, batch: int, side: int) -> None:
    """Print the estimate of the step's memory in float32 and in mixed_float16."""
    weights = sum(int(np.prod(v.shape)) for v in model.weights)
    backbone = model.layers[1]
    outputs = [layer.output for layer in backbone.layers[1:]]
    shapes = keras.Model(backbone.input, outputs).compute_output_shape((batch, side, side, 3))
    maps = sum(int(np.prod(shape)) for shape in shapes)
    # Weights, gradients and AMSGrad's three slots, in float32 always; mixed precision keeps a
    # float16 copy of the weights.
    fixed = 5 * 4 * weights
    for policy, size, copies in (("float32", 4, 0), ("mixed_float16", 2, 2)):
        total = fixed + copies * weights + size * maps
        print(
            f"{policy}: weights, gradients, slots {(fixed + copies * weights) / 2**30:.2f} GiB, "
            f"layers' outputs {size * maps / 2**30:.2f} GiB, together {total / 2**30:.2f} GiB"
        )


if __name__ == "__main__":
    main()

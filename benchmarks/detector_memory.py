"""Memory of one training step of the plate detectors, as XLA plans it, against a 4 GB card.

    python -m benchmarks.detector_memory [RECIPE ...] [--batch 2] [--side 640]

Each recipe's model and AdamW are compiled by JAX for a whole step, in float32 and in
mixed_float16, and nothing is run: XLA tells the bytes of weights and slots (they are changed in
place) and of all that it keeps for the backward pass at the worst moment. It plans for the CPU
here, which widens float16 to float32 to reckon, so mixed_float16 is no less than that; a GPU's
convolutions want some workspace besides, and its runtime 300 to 500 MB.
"""

import argparse
import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from typing import Any

import jax
import keras
from keras import ops

from plates.detector import heads
from plates.detector.recipes import RECIPES
from plates.detector.targets import MOST


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", default=["unet-resnet34", "maskrcnn-resnet50"])
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--side", type=int, default=640)
    args = parser.parse_args()
    for name in args.recipes:
        for policy in ("float32", "mixed_float16"):
            keras.config.set_dtype_policy(policy)
            kept, moment = step_bytes(name, args.batch, args.side)
            print(
                f"{name}, {policy}, batch {args.batch}, {args.side} px: weights and slots "
                f"{kept / 2**30:.2f} GiB, the step {moment / 2**30:.2f} GiB, together "
                f"{(kept + moment) / 2**30:.2f} GiB",
                flush=True,
            )


def step_bytes(name: str, batch: int, side: int) -> tuple[int, int]:
    """Bytes of what stays between steps, and of what a step needs besides at its worst moment."""
    config = RECIPES[name]
    model, loss = heads.build(config), heads.loss(config.head)
    optimizer = keras.optimizers.AdamW(1e-4)
    optimizer.build(model.trainable_variables)

    def lost(weights: Any, others: Any, inputs: Any, target: Any) -> tuple[Any, Any]:
        said, others = model.stateless_call(weights, others, inputs, training=True)
        return ops.mean(loss(target, said)), others

    def step(weights: Any, others: Any, slots: Any, inputs: Any, target: Any) -> Any:
        (value, others), slopes = jax.value_and_grad(lost, has_aux=True)(
            weights, others, inputs, target
        )
        weights, slots = optimizer.stateless_apply(slots, slopes, weights)
        return weights, others, slots, value

    def shapes(variables: list[keras.Variable]) -> list[jax.ShapeDtypeStruct]:
        return [jax.ShapeDtypeStruct(one.shape, one.dtype) for one in variables]

    canvas = jax.ShapeDtypeStruct((batch, side, side, 3), "uint8")
    if config.head == "maskrcnn":
        target = jax.ShapeDtypeStruct((batch, MOST, 9), "float32")
        inputs: Any = [canvas, target]
    else:
        cells = side // config.stride
        target = jax.ShapeDtypeStruct((batch, cells, cells, model.output_shape[-1]), "float32")
        inputs = canvas
    state = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
    planned = (
        jax.jit(step, donate_argnums=(0, 1, 2))
        .lower(*map(shapes, state), inputs, target)
        .compile()
        .memory_analysis()
    )
    return planned.argument_size_in_bytes, planned.temp_size_in_bytes


if __name__ == "__main__":
    main()

"""Make a model to ship: `python -m carclf.export RUN --to saved_model [--check DIR]`.

The export needs TensorFlow alone. It takes encoded pictures (JPEG, PNG, BMP, GIF) or uint8 ones of
any size, and gives probabilities, and the most probable class with its name.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from triptych import command, run
from triptych.config import parse

if TYPE_CHECKING:
    import tensorflow as tf

    from carclf.predictor import Predictor
    from triptych.export import Answer, Prepare

# Decoded and resized pictures are the same to the bit, so only the order of float32 sums is left:
# up to 9e-7 was seen on 100 photographs. Pictures off by one in a value of 200 gave 3e-3.
BOUND = 1e-4
_LOCAL = ("data", "runs", "class_csv", "overwrite")


@dataclass(frozen=True)
class Config:
    """What to export, and where."""

    run: tyro.conf.Positional[Path]
    """Run folder."""
    to: Literal["saved_model"] = "saved_model"
    """Format."""
    out: Path | None = None
    """Folder to make; default: export/FORMAT in the run folder."""
    overwrite: bool = False
    """Replace an export that exists."""
    check: tuple[Path, ...] = ()
    """Pictures, or folders of them, to compare export and run on; default: drawn ones."""


def main() -> None:
    """The command line."""
    config = parse(Config, prog="carclf.export", description=str(__doc__))
    # Both models are compared on the CPU: a GPU's TF32 would hide a difference, or make one.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    command.run(export, config)


def export(config: Config) -> Path:
    """Export as `config` says; returns the new folder.

    Raises:
        triptych.export.ParityError: the export answers otherwise than the run; it is not kept.
        FileExistsError: there is an export already.
        ValueError: no run, no pictures to compare on.
    """
    from carclf import inputs, predictor
    from triptych import export as exports
    from triptych.images import decode

    run.check(config.run)
    target = config.out or config.run / "export" / config.to
    with exports.in_place(target, config.overwrite) as folder:
        if config.check:
            pictures = exports.read_pictures(inputs.find(config.check, None))
        else:
            pictures = exports.sample_pictures()
        model = predictor.open(config.run)
        variables = [variable.value for variable in model.model.variables]
        metadata = exports.describe(config.run, "carclf", _LOCAL) | describe(model)
        exports.write_saved_model(folder, prepare(model.size), answer(model), variables, metadata)
        print(f"written; comparing it with the run on {len(pictures)} pictures", flush=True)
        data = list(pictures.values())
        expected = {"probabilities": model.probabilities(len(data), lambda i: decode(data[i]))}
        found = exports.differences(exports.SavedModel(folder), pictures, expected)
        exports.require_parity(folder, found, list(pictures), BOUND, "in probability")
    print(f"{target}: {exports.size_on_disk(target) / 1e6:.1f} MB", flush=True)
    return target


def prepare(size: tuple[int, int]) -> "Prepare":
    """Pictures [B, H, W, 3] uint8 -> images [B, height, width, 3] uint8 of `size`."""
    from triptych import graph_images

    def call(pictures: "tf.Tensor") -> "tuple[tf.Tensor, ...]":
        return (graph_images.resize(pictures, size),)

    return call


def answer(model: "Predictor") -> "Answer":
    """What is computed of images [B, height, width, 3] uint8 of the model's size.

    `probabilities` [B, classes] float32 in the order of the classes, and of the most probable one
    `id` and `name` [B] string and `probability` [B] float32.
    """
    import tensorflow as tf

    def call(images: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = model.model(images, training=False)
        probabilities = tf.nn.softmax(tf.cast(logits, tf.float32))
        best = tf.argmax(probabilities, axis=1)
        return {
            "probabilities": probabilities,
            "id": tf.gather(tf.constant(model.classes), best),
            "name": tf.gather(tf.constant(model.names), best),
            "probability": tf.reduce_max(probabilities, axis=1),
        }

    return call


def describe(model: "Predictor") -> dict[str, Any]:
    """What the metadata say of the model: its pictures' size and its classes."""
    return {
        "size": {"height": model.size[0], "width": model.size[1]},
        "classes": model.classes,
        "names": model.names,
    }


if __name__ == "__main__":
    main()

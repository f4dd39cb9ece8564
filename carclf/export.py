"""Make a model to ship: `python -m carclf.export RUN --to saved_model [--check DIR]`.

The export needs TensorFlow alone. It takes encoded pictures (JPEG, PNG, BMP, GIF) or uint8 ones of
any size, and gives probabilities, and the most probable class with its name.
"""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from triptych import command, run
from triptych.config import parse

if TYPE_CHECKING:
    import tensorflow as tf

    from carclf.predictor import Predictor

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
    from carclf import predictor
    from triptych import export as exports
    from triptych.images import decode

    run.check(config.run)
    target = config.out or config.run / "export" / config.to
    with exports.in_place(target, config.overwrite) as folder:
        pictures = read_pictures(config.check) if config.check else exports.sample_pictures()
        model = predictor.open(config.run)
        variables = [variable.value for variable in model.model.variables]
        metadata = describe(config.run, model)
        exports.write_saved_model(folder, answer(model), variables, model.size, metadata)
        print(f"written; comparing it with the run on {len(pictures)} pictures", flush=True)
        data = list(pictures.values())
        expected = model.probabilities(len(data), lambda i: decode(data[i]))
        found = exports.differences(exports.SavedModel(folder), pictures, "probabilities", expected)
        exports.require_parity(folder, found, list(pictures), BOUND)
    print(f"{target}: {exports.size_on_disk(target) / 1e6:.1f} MB", flush=True)
    return target


def answer(model: "Predictor") -> "Callable[[tf.Tensor], dict[str, tf.Tensor]]":
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


def describe(folder: Path, model: "Predictor") -> dict[str, Any]:
    """The metadata: task, version (a digest of the weights' file), classes, and the run's config.

    Without the config's paths, which are nobody's business where the export goes.
    """
    config = json.loads((folder / run.CONFIG).read_text())
    shipped = {name: value for name, value in config.items() if name not in _LOCAL}
    return {
        "task": "carclf",
        "version": hashlib.sha256((folder / run.MODEL).read_bytes()).hexdigest()[:12],
        "classes": model.classes,
        "names": model.names,
        "config": shipped | {"weights": Path(config["weights"]).name},
    }


def read_pictures(paths: Sequence[Path]) -> dict[str, bytes]:
    """The encoded pictures of files and folders, by path; those that cannot serve are named.

    Raises:
        ValueError: none is left, or what `carclf.inputs.find` raises.
    """
    from carclf import inputs
    from triptych import graph_images
    from triptych.images import ImageError, decode

    pictures = {}
    for path in inputs.find(paths, None):
        try:
            decode(path)
        except ImageError as error:
            print(f"left out: {error}")
            continue
        data = path.read_bytes()
        if graph_images.reads(data):
            pictures[str(path)] = data
        else:
            print(f"left out: {path}: an export reads {graph_images.FORMATS}")
    if not pictures:
        raise ValueError("no picture to compare on")
    return pictures


if __name__ == "__main__":
    main()

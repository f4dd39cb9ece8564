"""Make a model to ship: `python -m carclf.export RUN [--to onnx|litert] [--check DIR]`.

A SavedModel needs TensorFlow alone. It takes encoded pictures (JPEG, PNG, BMP, GIF) or uint8 ones
of any size, and gives probabilities, and the most probable class with its name. An ONNX file needs
onnxruntime alone and takes uint8 pictures of any size, a LiteRT file its interpreter and pictures
of the model's size; both give probabilities, and hold the classes in their metadata.
`carclf.predict` takes an export as it does a run, and decodes files for it.

`--quantize int8|float16 --data DIR` makes ONNX and LiteRT smaller and says what that costs.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from triptych import command, exported, frozen, run
from triptych.config import parse
from triptych.exported import Format, Quantize

if TYPE_CHECKING:
    import tensorflow as tf

    from carclf.predictor import Predictor
    from carclf.trial import Trial
    from triptych.export import Ask, Exported
    from triptych.saved_model import Answer, Prepare

# Decoded and resized pictures are the same to the bit, so only the order of float32 sums is left:
# up to 9e-7 was seen on 100 photographs. Pictures off by one in a value of 200 gave 3e-3.
BOUND = 1e-4
# Weights of 11 bits are off by one in 2000.
BOUND_FLOAT16 = 0.03
_LOCAL = ("data", "runs", "class_csv", "overwrite")


@dataclass(frozen=True)
class Config:
    """What to export, and where."""

    run: tyro.conf.Positional[Path]
    """Run folder."""
    to: Format = "saved_model"
    """Format."""
    quantize: Quantize | None = None
    """Smaller weights, of ONNX and LiteRT: a third of the size by int8, half by float16."""
    data: Path | None = None
    """Labelled pictures to judge what quantizing costs, and to calibrate int8 on; default: the
    pictures of --check, and the run's own answers."""
    lose: float = 0.02
    """Share of the judged pictures that may be answered wrongly because of quantizing."""
    out: Path | None = None
    """Folder to make; default: export/FORMAT in the run folder."""
    overwrite: bool = False
    """Replace an export that exists."""
    check: tuple[Path, ...] = ()
    """Pictures, or folders of them, to compare export and run on; default: drawn ones."""

    def __post_init__(self) -> None:
        exported.check(self.quantize, self.data, self.lose)


def main() -> None:
    """The command line."""
    config = parse(Config, prog="carclf.export", description=str(__doc__))
    # Both models are compared on the CPU: a GPU's TF32 would hide a difference, or make one.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    command.run(export, config)


def export(config: Config) -> Path:
    """Export as `config` says; returns the new folder.

    Raises:
        triptych.export.ParityError: the export answers otherwise than the run, or quantizing costs
            more than `lose`; it is not kept.
        FileExistsError: there is an export already.
        ModuleNotFoundError: what writes or runs the format is not installed.
        ValueError: no run, no pictures to compare on, or to calibrate on.
    """
    from carclf import inputs, predictor
    from triptych import export as exports
    from triptych.images import decode

    exports.check(config.to, config.quantize, bool(config.data or config.check))
    run.check(config.run)
    name = exports.folder_name(config.to, config.quantize)
    target = config.out or config.run / "export" / name
    with exports.in_place(target, config.overwrite) as folder:
        if config.check:
            pictures = exports.read_pictures(inputs.find(config.check, None))
        else:
            pictures = exports.sample_pictures()
        data = list(pictures.values())
        model = predictor.open(config.run)
        named = config.data or config.check
        judged = _trial(config, model, data) if config.quantize and named else None
        made = write(folder, model, config, judged)
        expected = ask(model)([decode(one) for one in data])
        found = exports.differences(made, pictures, expected)
        bound = exports.bound(config.quantize, BOUND, BOUND_FLOAT16)
        exports.require_parity(folder, found, list(pictures), bound, "in probability")
        if judged:
            before, after = (judged.accuracy(m) for m in (model, predictor.open(folder)))
            exports.require_kept(folder, judged.measure, before, after, before - after, config.lose)
    print(f"{target}: {exports.size_on_disk(target) / 1e6:.1f} MB", flush=True)
    return target


def write(folder: Path, model: "Predictor", config: Config, trial: "Trial | None") -> "Exported":
    """Write the export into `folder`, and open it."""
    from carclf import predictor
    from triptych import export as exports
    from triptych import saved_model

    metadata = exports.describe(config.run, predictor.TASK, _LOCAL) | describe(model)
    if config.to == "saved_model":
        saved_model.write(folder, prepare(model.size), answer(model), metadata)
        return saved_model.SavedModel(folder)
    samples = [one[None] for one in trial.samples] if trial else []
    call = any_size(model) if config.to == "onnx" else probabilities(model)
    exports.write_file(folder, config.to, call, model.size, metadata, config.quantize, samples)
    file = exported.open(folder, predictor.TASK) if config.to == "onnx" else None
    return exports.Opened(ask(predictor.open(folder)), file)


def ask(model: "Predictor") -> "Ask":
    """`probabilities` of pictures [H, W, 3] uint8, by an export's name for them."""
    return lambda images: {"probabilities": model.probabilities(len(images), images.__getitem__)}


def prepare(size: tuple[int, int]) -> "Prepare":
    """Pictures [B, H, W, 3] uint8 -> images [B, height, width, 3] uint8 of `size`."""
    from triptych import graph_images

    def call(pictures: "tf.Tensor") -> "tuple[tf.Tensor, ...]":
        return (graph_images.resize(pictures, size),)

    return call


def probabilities(model: "Predictor") -> "Answer":
    """Images [B, height, width, 3] uint8 of the model's size -> `probabilities` [B, classes]."""
    import tensorflow as tf

    logits = frozen.inside(model.model)

    def call(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": tf.nn.softmax(tf.cast(logits(images), tf.float32))}

    return call


def any_size(model: "Predictor") -> "Answer":
    """`probabilities` of pictures [B, H, W, 3] uint8."""
    import tensorflow as tf

    # Resizing needs autograph, and what follows does without.
    resized = tf.function(prepare(model.size))
    said = probabilities(model)
    return lambda pictures: said(*resized(pictures))


def answer(model: "Predictor") -> "Answer":
    """What a SavedModel computes of images [B, height, width, 3] uint8 of the model's size.

    `probabilities` [B, classes] float32 in the order of the classes, and of the most probable one
    `id` and `name` [B] string and `probability` [B] float32.
    """
    import tensorflow as tf

    said = probabilities(model)

    def call(images: tf.Tensor) -> dict[str, tf.Tensor]:
        found = said(images)["probabilities"]
        best = tf.argmax(found, axis=1)
        return {
            "probabilities": found,
            "id": tf.gather(tf.constant(model.classes), best),
            "name": tf.gather(tf.constant(model.names), best),
            "probability": tf.reduce_max(found, axis=1),
        }

    return call


def describe(model: "Predictor") -> dict[str, Any]:
    """What the metadata say of the model: its pictures' size and its classes."""
    return {
        "size": {"height": model.size[0], "width": model.size[1]},
        "classes": model.classes,
        "names": model.names,
    }


def _trial(config: Config, model: "Predictor", pictures: list[bytes]) -> "Trial":
    from carclf import trial

    if config.data:
        return trial.from_data(config.run, model, config.data)
    return trial.from_pictures(model, pictures)


if __name__ == "__main__":
    main()

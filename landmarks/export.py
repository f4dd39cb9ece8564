"""Make a model to ship: `python -m landmarks.export RUN [--to onnx|litert] [--check DIR]`.

A SavedModel needs TensorFlow alone. It takes encoded pictures (JPEG, PNG, BMP, GIF) or uint8 ones
of any size, and gives the points in pixels of the upright picture, and their spread where the model
has one. An ONNX file needs onnxruntime alone and takes uint8 pictures of any size, a LiteRT file
its interpreter and square crops of the model's side, in whose pixels the points then are; both hold
the points' order in a mirror in their metadata. `landmarks.predict` takes an export as it does a
run: it decodes and crops for it, and goes back to the picture's pixels.

`--quantize int8|float16 --data DIR` makes ONNX and LiteRT smaller and says what that costs.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from triptych import command, exported, frozen, run
from triptych.config import parse
from triptych.exported import Format, Quantize

if TYPE_CHECKING:
    import numpy as np

    from landmarks.predictor import Predictor
    from landmarks.trial import Trial
    from triptych.export import Ask, Exported
    from triptych.saved_model import Answer, Prepare

# In pixels of the crop, so that a large picture counts as a small one. Only the order of float32
# sums is left: up to 7e-5 was seen on real faces at 128 px. One value in 200 of the crops off by
# one moved points by 2e-3 and more, half a pixel's shift by 1e-1.
BOUND = 5e-4
# Weights of 11 bits are off by one in 2000: up to 3e-2 was seen on real faces at 144 px.
BOUND_FLOAT16 = 0.2
_LOCAL = ("data", "extra", "runs", "overwrite", "pretrained_model")


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
    """Pictures with known points to judge what quantizing costs, and to calibrate int8 on; default:
    the pictures of --check, and the run's own points."""
    lose: float = 0.005
    """What quantizing may add to the mean normalised error, a share as that is."""
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
    config = parse(Config, prog="landmarks.export", description=str(__doc__))
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
    from landmarks import predictor
    from triptych import export as exports
    from triptych import inputs
    from triptych.images import decode

    exports.check(config.to, config.quantize, bool(config.data or config.check))
    run.check(config.run)
    name = exports.folder_name(config.to, config.quantize)
    target = config.out or config.run / "export" / name
    with exports.in_place(target, config.overwrite) as folder:
        if config.check:
            pictures = exports.read_pictures(inputs.find(config.check, _no_csv))
        else:
            pictures = exports.sample_pictures()
        data = list(pictures.values())
        model = predictor.open(config.run)
        named = config.data or config.check
        judged = _trial(config, model, data) if config.quantize and named else None
        made = write(folder, model, config, judged)
        expected = ask(model)([decode(one) for one in data])
        found = exports.differences(made, pictures, expected, _pixel(data, model.side))
        bound = exports.bound(config.quantize, BOUND, BOUND_FLOAT16)
        exports.require_parity(folder, found, list(pictures), bound, "in pixels of the crop")
        if judged:
            before, after = (judged.error(m) for m in (model, predictor.open(folder)))
            exports.require_kept(folder, judged.measure, before, after, after - before, config.lose)
    print(f"{target}: {exports.size_on_disk(target) / 1e6:.1f} MB", flush=True)
    return target


def write(folder: Path, model: "Predictor", config: Config, trial: "Trial | None") -> "Exported":
    """Write the export into `folder`, and open it."""
    from landmarks import predictor
    from triptych import export as exports
    from triptych import saved_model

    metadata = exports.describe(config.run, predictor.TASK, _LOCAL) | describe(model)
    if config.to == "saved_model":
        saved_model.write(folder, prepare(model.side), answer(model), metadata)
        return saved_model.SavedModel(folder)
    samples = [one[None] for one in trial.samples] if trial else []
    call = any_size(model) if config.to == "onnx" else of_crops(model)
    size = (model.side, model.side)
    exports.write_file(folder, config.to, call, size, metadata, config.quantize, samples)
    file = exported.open(folder, predictor.TASK) if config.to == "onnx" else None
    return exports.Opened(ask(predictor.open(folder)), file)


def ask(model: "Predictor") -> "Ask":
    """`points`, and `spread` where there is one, of pictures [H, W, 3] uint8, by these names."""

    def call(images: Sequence["np.ndarray"]) -> "dict[str, np.ndarray]":
        found = model.predict(len(images), images.__getitem__)
        return {"points": found.points} | ({} if found.spread is None else {"spread": found.spread})

    return call


def prepare(side: int) -> "Prepare":
    """`landmarks.warp.crop` and the way back, in TensorFlow operations.

    Pictures [B, H, W, 3] uint8 -> crops [B, side, side, 3] uint8, and frames [B, 3] float32: left,
    top (pixel corners) and side of what was cropped, in pixels of the picture.
    """
    import tensorflow as tf

    from triptych import graph_images

    def call(pictures: tf.Tensor) -> tuple[tf.Tensor, ...]:
        count, rows, columns = tf.unstack(tf.shape(pictures)[:3])
        square = tf.minimum(rows, columns)
        left, top = (columns - square) / 2, (rows - square) / 2
        right, bottom = (corner + tf.cast(square, tf.float64) for corner in (left, top))
        crops = graph_images.resize(pictures, (side, side), (left, top, right, bottom))
        frame = tf.cast(tf.stack([left, top, right - left]), tf.float32)
        return crops, tf.tile(frame[None], (count, 1))

    return call


def answer(model: "Predictor") -> "Answer":
    """What is computed of the crops and frames that `prepare` makes.

    `points` [B, N, 2] float32, (x, y) in pixels of the picture, where a whole number is a pixel's
    centre; and `spread` [B, N] float32 in the same pixels where the model has one.
    """
    import tensorflow as tf

    said = frozen.inside(model.model)

    def call(crops: tf.Tensor, frames: tf.Tensor) -> dict[str, tf.Tensor]:
        found = tf.cast(said(crops), tf.float32)
        corners, squares = frames[:, None, :2], frames[:, None, 2:]
        shift = tf.constant([model.shift, 0.0], tf.float32)
        answers = {"points": found[..., :2] * squares + corners - 0.5 + shift}
        if model.spread:
            answers["spread"] = tf.exp(found[..., 2]) * squares[..., 0]
        return answers

    return call


def any_size(model: "Predictor") -> "Answer":
    """The answers of pictures [B, H, W, 3] uint8."""
    import tensorflow as tf

    # Cropping needs autograph, and what follows does without.
    cropped = tf.function(prepare(model.side))
    said = answer(model)
    return lambda pictures: said(*cropped(pictures))


def of_crops(model: "Predictor") -> "Answer":
    """The answers of crops [B, side, side, 3] uint8, in their pixels."""
    import tensorflow as tf

    said = answer(model)

    def call(crops: tf.Tensor) -> dict[str, tf.Tensor]:
        return said(crops, tf.constant([[0, 0, model.side]], tf.float32))

    return call


def describe(model: "Predictor") -> dict[str, Any]:
    """What the metadata say of the model: its crop's size, and what is known of its points.

    `mirror` [points] is the point that each becomes in a mirrored picture, or null; `shift` the
    pixels that the training data's points, and so the answers, lie right of what they mark; `mean`
    their mean shape as shares of the crop's side.
    """
    return {
        "size": {"height": model.side, "width": model.side},
        "points": model.points,
        "spread": model.spread,
        "mirror": None if model.mirror is None else model.mirror.tolist(),
        "shift": model.shift,
        "mean": model.mean.tolist(),
    }


def _pixel(pictures: list[bytes], side: int) -> "np.ndarray":
    """Side of the crop's pixel in pixels of each picture [R]."""
    import numpy as np

    from triptych.images import decode

    return np.array([min(decode(data).shape[:2]) / side for data in pictures])


def _trial(config: Config, model: "Predictor", pictures: list[bytes]) -> "Trial":
    from landmarks import trial

    if config.data:
        return trial.from_data(config.run, model, config.data)
    return trial.from_pictures(model, pictures)


def _no_csv(path: Path) -> list[Path]:
    raise ValueError(f"`check` must be pictures or folders of them; received: {path}")


if __name__ == "__main__":
    main()

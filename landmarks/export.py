"""Make a model to ship: `python -m landmarks.export RUN --to saved_model [--check DIR]`.

The export needs TensorFlow alone. It takes encoded pictures (JPEG, PNG, BMP, GIF) or uint8 ones of
any size, and gives the points in pixels of the upright picture, and their spread where the model
has one.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from triptych import command, run
from triptych.config import parse

if TYPE_CHECKING:
    import numpy as np

    from landmarks.predictor import Predictor
    from triptych.export import Answer, Prepare

# In pixels of the crop, so that a large picture counts as a small one. Only the order of float32
# sums is left: up to 7e-5 was seen on real faces at 128 px. One value in 200 of the crops off by
# one moved points by 2e-3 and more, half a pixel's shift by 1e-1.
BOUND = 5e-4
_LOCAL = ("data", "extra", "runs", "overwrite", "pretrained_model")


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
    config = parse(Config, prog="landmarks.export", description=str(__doc__))
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
    from landmarks import predictor
    from triptych import export as exports
    from triptych import inputs
    from triptych.images import decode

    run.check(config.run)
    target = config.out or config.run / "export" / config.to
    with exports.in_place(target, config.overwrite) as folder:
        if config.check:
            pictures = exports.read_pictures(inputs.find(config.check, _no_csv))
        else:
            pictures = exports.sample_pictures()
        model = predictor.open(config.run)
        variables = [variable.value for variable in model.model.variables]
        metadata = exports.describe(config.run, "landmarks", _LOCAL) | describe(model)
        exports.write_saved_model(folder, prepare(model.side), answer(model), variables, metadata)
        print(f"written; comparing it with the run on {len(pictures)} pictures", flush=True)
        data = list(pictures.values())
        answers = model.predict(len(data), lambda i: decode(data[i]))
        expected = {"points": answers.points}
        if answers.spread is not None:
            expected["spread"] = answers.spread
        found = exports.differences(
            exports.SavedModel(folder), pictures, expected, _pixel(data, model.side)
        )
        exports.require_parity(folder, found, list(pictures), BOUND, "in pixels of the crop")
    print(f"{target}: {exports.size_on_disk(target) / 1e6:.1f} MB", flush=True)
    return target


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

    def call(crops: tf.Tensor, frames: tf.Tensor) -> dict[str, tf.Tensor]:
        found = tf.cast(model.model(crops, training=False), tf.float32)
        corners, squares = frames[:, None, :2], frames[:, None, 2:]
        shift = tf.constant([model.shift, 0.0], tf.float32)
        answers = {"points": found[..., :2] * squares + corners - 0.5 + shift}
        if model.spread:
            answers["spread"] = tf.exp(found[..., 2]) * squares[..., 0]
        return answers

    return call


def describe(model: "Predictor") -> dict[str, Any]:
    """What the metadata say of the model: its crop's size, and what is known of its points.

    `mirror` [points] is the point that each becomes in a mirrored picture, or null; `shift` the
    pixels that the training data's points, and so the answers, lie right of what they mark.
    """
    return {
        "size": {"height": model.side, "width": model.side},
        "points": model.points,
        "spread": model.spread,
        "mirror": None if model.mirror is None else model.mirror.tolist(),
        "shift": model.shift,
    }


def _pixel(pictures: list[bytes], side: int) -> "np.ndarray":
    """Side of the crop's pixel in pixels of each picture [R]."""
    import numpy as np

    from triptych.images import decode

    return np.array([min(decode(data).shape[:2]) / side for data in pictures])


def _no_csv(path: Path) -> list[Path]:
    raise ValueError(f"`check` must be pictures or folders of them; received: {path}")


if __name__ == "__main__":
    main()

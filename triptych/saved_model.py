"""SavedModels: decoding and resizing inside, for TensorFlow alone.

The signatures are `bytes` (also `serving_default`), `pixels` and `metadata`.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from triptych import graph_images, run

Prepare = Callable[[tf.Tensor], tuple[tf.Tensor, ...]]
Answer = Callable[..., dict[str, tf.Tensor]]
One = Callable[[tf.Tensor], dict[str, tf.Tensor]]

FILE = "saved_model.pb"
"""Name of the file in an export's folder."""
_PLACES = ("Graph execution error", "Detected at node", "<stack traces")


def write(
    folder: Path,
    prepare: Prepare,
    answer: Answer,
    metadata: Mapping[str, Any],
) -> None:
    """Write a SavedModel and its metadata.json.

    `prepare` turns pictures [B, H, W, 3] uint8 RGB of one size, whatever it is, into tensors
    [B, ...] whose shapes do not depend on that size. `answer` turns these, of any pictures, into
    the outputs, each with B rows. The signatures take `bytes` [B] string (one encoded picture each;
    see `graph_images.decode`) and `pixels` [B, H, W, 3] uint8; `metadata` takes nothing and gives
    `json`, a string scalar.
    """
    pictures = tf.TensorSpec((None, None, None, 3), tf.uint8, "pixels")
    prepared = tf.function(prepare, input_signature=[pictures])
    parts = [
        tf.TensorSpec(part.shape, part.dtype)
        for part in prepared.get_concrete_function().structured_outputs
    ]
    one = tuple(tf.TensorSpec(part.shape[1:], part.dtype) for part in parts)
    module = tf.Module()
    module.answer = tf.function(answer, input_signature=parts, autograph=False)
    module.weights = list(module.answer.get_concrete_function().variables)

    def prepare_one(data: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tuple([part[0] for part in prepared(graph_images.decode(data)[None])])

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "bytes")])
    def from_bytes(data: tf.Tensor) -> dict[str, tf.Tensor]:
        return module.answer(*tf.map_fn(prepare_one, data, fn_output_signature=one))

    @tf.function(input_signature=[pictures])
    def from_pixels(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        return module.answer(*prepared(pixels))

    _save(folder, module, from_bytes, from_pixels, metadata)


def write_signatures(folder: Path, one: One, metadata: Mapping[str, Any]) -> None:
    """Write a SavedModel and its metadata.json, for answers of which a picture has any number.

    `one` answers one picture [H, W, 3] uint8 RGB with tensors [N, ...] by name: N, which may be 0,
    is that of the things in it, and what follows is static. Autograph reads it. The signatures are
    those of `write`; they answer with the same names, [B, M, ...] with M the largest N of the batch
    and 0 or "" where there is nothing, and `count` int32 [B], each picture's N.
    """
    module = tf.Module()
    module.one = tf.function(one, input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)])
    traced = module.one.get_concrete_function()
    module.weights = list(traced.variables)
    kinds = traced.structured_outputs

    def each(count: tf.Tensor, picture: Callable[[tf.Tensor], tf.Tensor]) -> dict[str, tf.Tensor]:
        rows = {
            name: tf.TensorArray(kind.dtype, count, element_shape=kind.shape, infer_shape=False)
            for name, kind in kinds.items()
        }

        def step(i: tf.Tensor, counts: tf.Tensor, rows: dict[str, Any]) -> tuple[Any, ...]:
            answer = module.one(picture(i))
            written = {name: rows[name].write(i, answer[name]) for name in rows}
            found = tf.shape(answer[next(iter(rows))])[0]
            return i + 1, counts.write(i, found), written

        _, counts, rows = tf.while_loop(
            lambda i, *_: i < count, step, (0, tf.TensorArray(tf.int32, count), rows)
        )
        counts = tf.ensure_shape(counts.stack(), (None,))
        padded = {
            name: tf.RaggedTensor.from_row_lengths(values.concat(), counts).to_tensor()
            for name, values in rows.items()
        }
        return padded | {"count": counts}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "bytes")])
    def from_bytes(data: tf.Tensor) -> dict[str, tf.Tensor]:
        return each(tf.size(data), lambda i: graph_images.decode(data[i]))

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, "pixels")])
    def from_pixels(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        return each(tf.shape(pixels)[0], lambda i: pixels[i])

    _save(folder, module, from_bytes, from_pixels, metadata)


def _save(
    folder: Path,
    module: tf.Module,
    from_bytes: Any,
    from_pixels: Any,
    metadata: Mapping[str, Any],
) -> None:
    """The signatures, `metadata` among them, and metadata.json."""
    text = dict(metadata) | {
        "format": "saved_model",
        "packages": run.environment()["packages"],
    }
    run.write_json(folder / run.METADATA, text)

    @tf.function(input_signature=[])
    def describe_itself() -> dict[str, tf.Tensor]:
        return {"json": tf.constant(json.dumps(text, ensure_ascii=False))}

    signatures = {"bytes": from_bytes, "pixels": from_pixels, "metadata": describe_itself}
    tf.saved_model.save(module, str(folder), {**signatures, "serving_default": from_bytes})


class SavedModel:
    """An exported SavedModel, loaded; `metadata` is what it says of itself."""

    def __init__(self, folder: Path) -> None:
        # The signatures live as long as what was loaded does.
        self._loaded = tf.saved_model.load(str(folder))
        text = self._loaded.signatures["metadata"]()["json"].numpy()
        self.metadata: dict[str, Any] = json.loads(text)

    def __call__(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """The answers for pictures uint8 [B, H, W, 3]."""
        return self.from_pixels(pixels)

    def from_bytes(self, pictures: list[bytes]) -> dict[str, np.ndarray]:
        """See `triptych.export.Exported`."""
        return self._answer("bytes", tf.constant(pictures, tf.string))

    def from_pixels(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """See `triptych.export.Exported`."""
        return self._answer("pixels", tf.constant(pictures, tf.uint8))

    def _answer(self, name: str, pictures: tf.Tensor) -> dict[str, np.ndarray]:
        try:
            answers = self._loaded.signatures[name](pictures)
        except tf.errors.InvalidArgumentError as error:
            # Before the reason stand the places in the graph.
            lines = error.message.splitlines()
            reason = next(line for line in lines if line and not line.startswith(_PLACES))
            raise ValueError(f"the exported model cannot read a picture: {reason}") from error
        return {key: value.numpy() for key, value in answers.items()}

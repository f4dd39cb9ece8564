"""Models to ship: decoding and resizing inside, compared with the original before they count.

A SavedModel has the signatures `bytes` (also `serving_default`), `pixels` and `metadata`, and needs
TensorFlow alone. Beside it, metadata.json says what it is and how well it was found to agree.
"""

import io
import json
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from PIL import Image

from triptych import graph_images, run
from triptych.images import ImageError, decode

Prepare = Callable[[tf.Tensor], tuple[tf.Tensor, ...]]
Answer = Callable[..., dict[str, tf.Tensor]]
One = Callable[[tf.Tensor], dict[str, tf.Tensor]]

METADATA = "metadata.json"
_BATCH = 16
_PLACES = ("Graph execution error", "Detected at node", "<stack traces")


class ParityError(ValueError):
    """An exported model answers otherwise than the model it was made from."""


class Exported(Protocol):
    """An exported model, whatever its format; answers are arrays by name, one row a picture."""

    def from_bytes(self, pictures: list[bytes]) -> dict[str, np.ndarray]:
        """Answer for encoded pictures."""

    def from_pixels(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Answer for pictures [B, H, W, 3] uint8 RGB of any size."""


@contextmanager
def in_place(target: Path, overwrite: bool = False) -> Iterator[Path]:
    """A folder beside `target` to export into; it becomes `target` if nothing is raised.

    Raises:
        FileExistsError: `target` exists and `overwrite` is not set.
        ValueError: `overwrite` would replace something that is no export.
    """
    if target.exists():
        if not overwrite:
            raise FileExistsError(f"{target} exists; choose another --out, or --overwrite")
        if not (target / METADATA).exists():
            raise ValueError(f"{target} is no export (it has no {METADATA}), so it is not replaced")
    part, old = (target.with_name(f".{word}-{target.name}") for word in ("part", "old"))
    for leftover in (part, old):
        shutil.rmtree(leftover, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        if target.exists():
            target.replace(old)
        part.replace(target)
    finally:
        for leftover in (part, old):
            shutil.rmtree(leftover, ignore_errors=True)


def describe(folder: Path, task: str, local: Collection[str]) -> dict[str, Any]:
    """The metadata that every task has: its name, a version, and the config of the run `folder`.

    The version is a digest of the weights' file. The config's fields `local`, and the folder of its
    `weights`, are nobody's business where the export goes.
    """
    config = json.loads((folder / run.CONFIG).read_text())
    shipped = {name: value for name, value in config.items() if name not in local}
    return {
        "task": task,
        "version": run.version(folder),
        "config": shipped | {"weights": Path(config["weights"]).name},
    }


def write_saved_model(
    folder: Path,
    prepare: Prepare,
    answer: Answer,
    variables: Iterable[tf.Variable],
    metadata: Mapping[str, Any],
) -> None:
    """Write a SavedModel and its metadata.json.

    `prepare` turns pictures [B, H, W, 3] uint8 RGB of one size, whatever it is, into tensors
    [B, ...] whose shapes do not depend on that size. `answer` turns these, of any pictures, into
    the outputs, each with B rows; `variables` are those it reads. The signatures take `bytes` [B]
    string (one encoded picture each; see `graph_images.decode`) and `pixels` [B, H, W, 3] uint8;
    `metadata` takes nothing and gives `json`, a string scalar.
    """
    pictures = tf.TensorSpec((None, None, None, 3), tf.uint8, "pixels")
    prepared = tf.function(prepare, input_signature=[pictures])
    parts = [
        tf.TensorSpec(part.shape, part.dtype)
        for part in prepared.get_concrete_function().structured_outputs
    ]
    one = tuple(tf.TensorSpec(part.shape[1:], part.dtype) for part in parts)
    module = tf.Module()
    module.weights = list(variables)
    module.answer = tf.function(answer, input_signature=parts, autograph=False)

    def prepare_one(data: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tuple([part[0] for part in prepared(graph_images.decode(data)[None])])

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "bytes")])
    def from_bytes(data: tf.Tensor) -> dict[str, tf.Tensor]:
        return module.answer(*tf.map_fn(prepare_one, data, fn_output_signature=one))

    @tf.function(input_signature=[pictures])
    def from_pixels(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        return module.answer(*prepared(pixels))

    _save(folder, module, from_bytes, from_pixels, metadata)


def write_signatures(
    folder: Path, one: One, variables: Iterable[tf.Variable], metadata: Mapping[str, Any]
) -> None:
    """Write a SavedModel and its metadata.json, for answers of which a picture has any number.

    `one` answers one picture [H, W, 3] uint8 RGB with tensors [N, ...] by name: N, which may be 0,
    is that of the things in it, and what follows is static. Autograph reads it. The signatures are
    those of `write_saved_model`; they answer with the same names, [B, M, ...] with M the largest N
    of the batch and 0 or "" where there is nothing, and `count` int32 [B], each picture's N.
    """
    module = tf.Module()
    module.weights = list(variables)
    module.one = tf.function(one, input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)])
    kinds = module.one.get_concrete_function().structured_outputs

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
    run.write_json(folder / METADATA, text)

    @tf.function(input_signature=[])
    def describe_itself() -> dict[str, tf.Tensor]:
        return {"json": tf.constant(json.dumps(text, ensure_ascii=False))}

    signatures = {"bytes": from_bytes, "pixels": from_pixels, "metadata": describe_itself}
    tf.saved_model.save(module, str(folder), {**signatures, "serving_default": from_bytes})


class SavedModel:
    """An exported SavedModel, loaded."""

    def __init__(self, folder: Path) -> None:
        # The signatures live as long as what was loaded does.
        self._loaded = tf.saved_model.load(str(folder))

    def from_bytes(self, pictures: list[bytes]) -> dict[str, np.ndarray]:
        """See `Exported`."""
        return self._answer("bytes", tf.constant(pictures, tf.string))

    def from_pixels(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """See `Exported`."""
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


def differences(
    exported: Exported,
    pictures: Mapping[str, bytes],
    expected: Mapping[str, np.ndarray],
    unit: np.ndarray | float = 1.0,
) -> dict[str, np.ndarray]:
    """How far the outputs are from `expected`, [R, ...] each: [R] for "bytes", [R] for "pixels".

    The largest absolute difference within a picture's answers, in `unit` [R] of its own; NaN counts
    as infinitely far.
    """
    data = list(pictures.values())
    batches = [data[i : i + _BATCH] for i in range(0, len(data), _BATCH)]
    answers = {
        "bytes": [exported.from_bytes(batch) for batch in batches],
        "pixels": [exported.from_pixels(decode(one)[None]) for one in data],
    }
    found = {}
    for way, rows in answers.items():
        furthest = np.zeros(len(data))
        for output, values in expected.items():
            answer = np.concatenate([row[output] for row in rows]).astype(np.float64)
            distance = np.abs(answer - values).reshape(len(data), -1).max(axis=1)
            furthest = np.maximum(furthest, np.where(np.isnan(distance), np.inf, distance))
        found[way] = furthest / unit
    return found


def require_parity(
    folder: Path, found: Mapping[str, np.ndarray], names: list[str], bound: float, unit: str
) -> None:
    """Print the worst of the `differences` and add them to the metadata.json in `folder`.

    `unit` says what they are measured in: "in pixels of the crop".

    Raises:
        ParityError: one is above `bound`.
    """
    worst = {way: float(distance.max()) for way, distance in found.items()}
    where = {way: names[int(distance.argmax())] for way, distance in found.items()}
    for way, value in worst.items():
        print(
            f"worst difference from the run's own predictor, {unit}, {way}: {value:.1e} "
            f"({where[way]})"
        )
    for way, value in worst.items():
        if not value <= bound:
            raise ParityError(
                f"the exported model disagrees with the run: {way} of {where[way]} differ by "
                f"{value:.1e}, more than {bound:.0e}, {unit}; nothing was exported"
            )
    text = json.loads((folder / METADATA).read_text())
    parity = {"pictures": len(names), "unit": unit, "bound": bound, "worst": worst}
    run.write_json(folder / METADATA, text | {"parity": parity})


def read_pictures(paths: Iterable[Path]) -> dict[str, bytes]:
    """The encoded pictures to compare on, by path; those that cannot serve are named.

    Raises:
        ValueError: none is left.
    """
    pictures = {}
    for path in paths:
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


def sample_pictures() -> dict[str, bytes]:
    """Drawn pictures to compare on, by name: several sizes and kinds of JPEG and PNG, seeded."""
    pictures = {}
    for number, (height, width) in enumerate(((240, 320), (97, 62), (640, 300))):
        rng = np.random.default_rng(number)
        # Noise at four scales upon a gradient: the spectrum of a photograph, roughly.
        image = np.add.outer(np.linspace(40, 140, height), np.linspace(0, 60, width))[..., None]
        for cells in (3, 9, 40, 200):
            noise = rng.normal(0, 120 / cells**0.5, (cells, cells, 3)).astype(np.float32)
            image = image + tf.image.resize(noise, (height, width), "bicubic").numpy()
        drawn = Image.fromarray(image.clip(0, 255).astype(np.uint8))
        exif = Image.Exif()
        exif[0x0112] = 6
        alpha = Image.linear_gradient("L").resize(drawn.size)
        for name, picture, options in (
            ("plain.jpg", drawn, {"quality": 90}),
            ("rotated.jpg", drawn, {"quality": 75, "exif": exif}),
            ("full-chroma.jpg", drawn, {"quality": 95, "subsampling": 0, "progressive": True}),
            ("grey.jpg", drawn.convert("L"), {}),
            ("plain.png", drawn, {}),
            ("transparent.png", Image.merge("RGBA", (*drawn.split(), alpha)), {}),
        ):
            file = io.BytesIO()
            picture.save(file, "PNG" if name.endswith(".png") else "JPEG", **options)
            pictures[f"{width}x{height}-{name}"] = file.getvalue()
    return pictures


def size_on_disk(folder: Path) -> int:
    """Bytes of all files in `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

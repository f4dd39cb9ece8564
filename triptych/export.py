"""Models to ship: decoding and resizing inside, compared with the original before they count.

A SavedModel has the signatures `bytes` (also `serving_default`), `pixels` and `metadata`, and needs
TensorFlow alone. Beside it, metadata.json says what it is and how well it was found to agree.
"""

import io
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from PIL import Image

from triptych import graph_images, run
from triptych.images import decode

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


def write_saved_model(
    folder: Path,
    answer: Callable[[tf.Tensor], dict[str, tf.Tensor]],
    variables: Iterable[tf.Variable],
    size: tuple[int, int],
    metadata: Mapping[str, Any],
) -> None:
    """Write a SavedModel and its metadata.json.

    `answer` turns images [B, height, width, 3] uint8 RGB, of `size`, into the outputs, each with B
    rows; `variables` are those it reads. The signatures take `bytes` [B] string (one encoded
    picture each; see `graph_images.decode`) and `pixels` [B, H, W, 3] uint8; `metadata` takes
    nothing and gives `json`, a string scalar.
    """
    image = tf.TensorSpec((None, *size, 3), tf.uint8)
    module = tf.Module()
    module.weights = list(variables)
    module.answer = tf.function(answer, input_signature=[image], autograph=False)

    def prepare(data: tf.Tensor) -> tf.Tensor:
        return graph_images.resize(graph_images.decode(data)[None], size)[0]

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "bytes")])
    def from_bytes(data: tf.Tensor) -> dict[str, tf.Tensor]:
        images = tf.map_fn(
            prepare, data, fn_output_signature=tf.TensorSpec(image.shape[1:], tf.uint8)
        )
        return module.answer(images)

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, "pixels")])
    def from_pixels(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        return module.answer(graph_images.resize(pixels, size))

    text = dict(metadata) | {
        "format": "saved_model",
        "size": {"height": size[0], "width": size[1]},
        "packages": run.environment()["packages"],
    }
    run.write_json(folder / METADATA, text)

    @tf.function(input_signature=[])
    def describe() -> dict[str, tf.Tensor]:
        return {"json": tf.constant(json.dumps(text, ensure_ascii=False))}

    signatures = {"bytes": from_bytes, "pixels": from_pixels, "metadata": describe}
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
    exported: Exported, pictures: Mapping[str, bytes], output: str, expected: np.ndarray
) -> dict[str, np.ndarray]:
    """How far `output` is from `expected` [N, ...]: a row [N] for "bytes", one for "pixels".

    The largest absolute difference within a row; NaN counts as infinitely far.
    """
    data = list(pictures.values())
    batches = [data[i : i + _BATCH] for i in range(0, len(data), _BATCH)]
    answers = {
        "bytes": [exported.from_bytes(batch)[output] for batch in batches],
        "pixels": [exported.from_pixels(decode(one)[None])[output] for one in data],
    }
    found = {}
    for way, rows in answers.items():
        distance = np.abs(np.concatenate(rows).astype(np.float64) - expected)
        distance[np.isnan(distance)] = np.inf
        found[way] = distance.reshape(len(data), -1).max(axis=1)
    return found


def require_parity(
    folder: Path, found: Mapping[str, np.ndarray], names: list[str], bound: float
) -> None:
    """Print the worst of the `differences` and add them to the metadata.json in `folder`.

    Raises:
        ParityError: one is above `bound`.
    """
    worst = {way: float(distance.max()) for way, distance in found.items()}
    where = {way: names[int(distance.argmax())] for way, distance in found.items()}
    for way, value in worst.items():
        print(f"worst difference from the run's own predictor, {way}: {value:.1e} ({where[way]})")
    for way, value in worst.items():
        if value > bound:
            raise ParityError(
                f"the exported model disagrees with the run: {way} of {where[way]} differ by "
                f"{value:.1e}, more than {bound:.0e}; nothing was exported"
            )
    text = json.loads((folder / METADATA).read_text())
    run.write_json(
        folder / METADATA,
        text | {"parity": {"pictures": len(names), "bound": bound, "worst": worst}},
    )


def sample_pictures() -> dict[str, bytes]:
    """Drawn pictures to compare on, by name: several sizes and kinds of JPEG and PNG, seeded."""
    pictures = {}
    for number, (height, width) in enumerate(((240, 320), (97, 61), (640, 300))):
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

"""Models to ship: decoding and resizing inside, compared with the original before they count.

A SavedModel needs TensorFlow alone, an ONNX file onnxruntime, a LiteRT file its interpreter. Beside
it, metadata.json says what it is and how well it was found to agree.
"""

import io
import json
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import tensorflow as tf
from PIL import Image

from triptych import graph_images, litert, onnx, run
from triptych.exported import Format, Quantize, Session
from triptych.images import ImageError, decode
from triptych.stage import require

if TYPE_CHECKING:
    from onnx import ModelProto

Ask = Callable[[Sequence[np.ndarray]], dict[str, np.ndarray]]
Call = Callable[[tf.Tensor], dict[str, tf.Tensor]]

_BATCH = 16


class ParityError(ValueError):
    """An exported model answers otherwise than the model it was made from."""


class Exported(Protocol):
    """An exported model, whatever its format; answers are arrays by name, one row a picture."""

    def from_bytes(self, pictures: list[bytes]) -> dict[str, np.ndarray]:
        """Answer for encoded pictures."""

    def from_pixels(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Answer for pictures [B, H, W, 3] uint8 RGB of any size."""


class Opened:
    """An ONNX or LiteRT export as an `Exported`.

    `ask` answers for pictures [H, W, 3] uint8 of any sizes, through the task's own predictor;
    `file`, where one is given, is asked for pixels, and takes them of any size itself.
    """

    def __init__(self, ask: Ask, file: Session | None) -> None:
        self._ask = ask
        self._file = file

    def from_bytes(self, pictures: list[bytes]) -> dict[str, np.ndarray]:
        """See `Exported`."""
        return self._ask([decode(data) for data in pictures])

    def from_pixels(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """See `Exported`."""
        return self._file(pictures) if self._file else self._ask(list(pictures))


def check(to: Format, quantize: Quantize | None, pictures: bool) -> None:
    """Raise ValueError where a format is not offered; `pictures`: whether real ones are named."""
    if quantize:
        require(to != "saved_model", "quantize", "left out, or `to` onnx or litert", quantize)
        needed = "given with --data or --check: it is calibrated on pictures like those to come"
        require(pictures or quantize != "int8", "quantize", needed, quantize)


def folder_name(to: Format, quantize: Quantize | None) -> str:
    """Name of an export's folder, where none was asked for."""
    return f"{to}-{quantize}" if quantize else to


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
        if not (target / run.METADATA).exists():
            raise ValueError(
                f"{target} is no export (it has no {run.METADATA}), so it is not replaced"
            )
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


def write_file(
    folder: Path,
    to: Format,
    call: "Call | ModelProto",
    size: tuple[int, int],
    metadata: Mapping[str, Any],
    quantize: Quantize | None = None,
    samples: Sequence[np.ndarray] = (),
    keep: Sequence[str] = (),
    **plain: str,
) -> None:
    """Write an ONNX or LiteRT file of what `call` does with pictures, and its metadata.json.

    An ONNX file takes pictures of any size, a LiteRT file those of `size`; so does an ONNX model
    that is given in place of `call`. `samples` are
    pictures [B, H, W, 3] uint8 that int8 is calibrated on, and `keep` says what stays in float (see
    `triptych.litert.convert`). `plain` are what `triptych.onnx.save` takes.
    """
    any_size = to == "onnx" and callable(call)
    sides = ("H", "W") if any_size else size
    text = dict(metadata) | {
        "format": to,
        "quantize": quantize,
        "input": f"pixels uint8 [B, {sides[0]}, {sides[1]}, 3] RGB",
        "packages": run.environment()["packages"],
    }
    run.write_json(folder / run.METADATA, text)
    if to == "onnx":
        model = onnx.convert(call) if callable(call) else call
        if quantize:
            model = onnx.quantized(model, quantize, samples, keep)
        onnx.save(model, folder / onnx.FILE, text, **plain)
    else:
        made = litert.convert(call, size, quantize, samples, keep)
        litert.save(made, folder / litert.FILE, text)


def bound(quantize: Quantize | None, exact: float, half: float) -> float | None:
    """What may differ: `exact`, with weights in half precision `half`; in 8 bits it is judged."""
    return {None: exact, "float16": half, "int8": None}[quantize]


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
    print(f"written; comparing it with the run on {len(pictures)} pictures", flush=True)
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
    folder: Path, found: Mapping[str, np.ndarray], names: list[str], bound: float | None, unit: str
) -> None:
    """Print the worst of the `differences` and add them to the metadata.json in `folder`.

    `unit` says what they are measured in: "in pixels of the crop". `bound` None is for int8, which
    answers otherwise; `require_kept` judges it.

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
        if bound is not None and not value <= bound:
            raise ParityError(
                f"the exported model disagrees with the run: {way} of {where[way]} differ by "
                f"{value:.1e}, more than {bound:.0e}, {unit}; nothing was exported"
            )
    text = json.loads((folder / run.METADATA).read_text())
    parity = {"pictures": len(names), "unit": unit, "bound": bound, "worst": worst}
    run.write_json(folder / run.METADATA, text | {"parity": parity})


def require_kept(
    folder: Path, measure: str, before: float, after: float, lost: float, bound: float
) -> None:
    """Print what a `measure` was before and after quantizing; add both to the metadata.json.

    `lost` is what that cost, in the measure's own unit.

    Raises:
        ParityError: it is above `bound`.
    """
    print(f"{measure}: {before:.4f} before, {after:.4f} after quantizing", flush=True)
    if not lost <= bound:
        raise ParityError(
            f"quantizing costs {lost:.4f} of the {measure}, more than {bound:g} (--lose); "
            "nothing was exported"
        )
    text = json.loads((folder / run.METADATA).read_text())
    kept = {"measure": measure, "before": before, "after": after}
    run.write_json(folder / run.METADATA, text | {"quantizing": kept})


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

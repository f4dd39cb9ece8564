"""Make a reader to ship: `python -m plates.reader.export RUN --to saved_model [--check DIR]`.

The export needs TensorFlow alone. It takes encoded pictures (JPEG, PNG, BMP, GIF) of one plate, or
uint8 ones of any size, and gives the text with its confidences, and the columns' probabilities for
a decoding of your own. Decoding is greedy: a run's grammar is not in the export. A picture with a
side under 4 pixels, which `plates.reader.predict` refuses, is answered like any other.

`--to onnx` needs onnxruntime alone, and is the quickest on a CPU, `--to litert` its interpreter:
uint8 pictures of the model's size in, the columns' log-probabilities out; the alphabet stands in
the file's metadata. `plates.reader.predict` and what reads plates take both as they do a run.

`--quantize int8|float16 --data DIR` makes ONNX and LiteRT smaller and says what that costs. In 8
bits what is behind the convolutions, the lines, the GRUs and the classes, stays in float.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import tyro

from triptych import command, exported, frozen, run
from triptych.config import parse
from triptych.exported import Format, Quantize
from triptych.stage import require

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from plates.reader.predictor import Predictor
    from plates.reader.trial import Trial
    from plates.sides import Split
    from triptych.export import Ask, Exported
    from triptych.saved_model import Answer, Prepare

# Decoded and resized pictures are the same to the bit, so only the order of float32 sums is left:
# up to 5e-5 was seen on real crops. Crops off by one in a value of 200 gave 9e-3 and more.
BOUND = 1e-3
# Weights of 11 bits are off by one in 2000: up to 8e-2 was seen on real crops.
BOUND_FLOAT16 = 0.5
_LOCAL = ("data", "extra", "runs", "overwrite", "start")
# Drawn plates that are compared by default, beside pictures that show none.
_PLATES = 8


@dataclass(frozen=True)
class Config:
    """What to export, and where."""

    run: tyro.conf.Positional[Path]
    """Run folder, or the word shipped: the reader in the package."""
    to: Format = "saved_model"
    """Format."""
    quantize: Quantize | None = None
    """Smaller weights, of ONNX and LiteRT: half the size by float16, less gain by int8, which
    leaves the GRUs as they are."""
    data: Path | None = None
    """Labelled crops or photographs to judge what quantizing costs, and to calibrate int8 on;
    default: the pictures of --check, and the run's own texts."""
    lose: float = 0.02
    """Share of the judged crops that may be misread because of quantizing."""
    out: Path | None = None
    """Folder to make; default: export/FORMAT in the run folder, unless that is in the package."""
    overwrite: bool = False
    """Replace an export that exists."""
    check: tuple[Path, ...] = ()
    """Pictures, or folders of them, to compare export and run on; default: drawn ones."""

    def __post_init__(self) -> None:
        exported.check(self.quantize, self.data, self.lose)


def main() -> None:
    """The command line."""
    config = parse(Config, prog="plates.reader.export", description=str(__doc__))
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
        ValueError: no run, no pictures to compare on, or to calibrate on, or no `out` for the
            reader in the package.
    """
    from plates import sides
    from plates.reader import predictor
    from triptych import export as exports
    from triptych import inputs

    exports.check(config.to, config.quantize, bool(config.data or config.check))
    source = predictor.located(config.run)
    run.check(source)
    inside = source.resolve() == predictor.SHIPPED.resolve()
    require(bool(config.out) or not inside, "out", "a folder outside of the package", config.out)
    name = exports.folder_name(config.to, config.quantize)
    target = config.out or source / "export" / name
    with exports.in_place(target, config.overwrite) as folder:
        if config.check:
            pictures = _legible(exports.read_pictures(inputs.find(config.check, _no_csv)))
        else:
            pictures = exports.sample_pictures() | _drawn()
        model = predictor.open(source)
        data = list(pictures.values())
        named = config.data or config.check
        splits = [] if inside or not config.data else [sides.read(source)]
        judged = _trial(config, model, data, splits) if config.quantize and named else None
        metadata = exports.describe(source, predictor.TASK, _LOCAL) | describe(model)
        expected = answers(model, data)
        if config.to == "saved_model":
            made = _write_saved_model(folder, model, metadata)
        else:
            made = _write_file(folder, model, metadata, config, judged)
            expected = {"log_probabilities": expected["log_probabilities"]}
        found = exports.differences(made, pictures, expected)
        unit = "in confidences and log-probabilities"
        bound = exports.bound(config.quantize, BOUND, BOUND_FLOAT16)
        exports.require_parity(folder, found, list(pictures), bound, unit)
        if judged:
            before, after = (judged.exact(m) for m in (model, predictor.open(folder)))
            exports.require_kept(folder, judged.measure, before, after, before - after, config.lose)
    print(f"{target}: {exports.size_on_disk(target) / 1e6:.1f} MB", flush=True)
    return target


def prepare(size: tuple[int, int]) -> "Prepare":
    """Pictures [B, H, W, 3] uint8 -> crops [B, height, width, 3] uint8, stretched to `size`."""
    from triptych import graph_images

    def call(pictures: "tf.Tensor") -> "tuple[tf.Tensor, ...]":
        return (graph_images.resize(pictures, size),)

    return call


def answer(model: "Predictor") -> "Answer":
    """What is computed of crops [B, height, width, 3] uint8 of the model's size.

    `text`, `confidence` and `characters` as `plates.reader.graph.greedy` gives them, and
    `log_probabilities` [B, T, C + 1] float32, natural logarithms.
    """
    import tensorflow as tf

    from plates.reader import graph

    logits = frozen.inside(model.model)

    def call(crops: tf.Tensor) -> dict[str, tf.Tensor]:
        log_probs = tf.nn.log_softmax(tf.cast(logits(crops), tf.float32))
        return graph.greedy(log_probs, model.config.alphabet) | {"log_probabilities": log_probs}

    return call


def describe(model: "Predictor") -> dict[str, Any]:
    """What the metadata say of the model: its crop's size, its classes and how it is decoded."""
    height, width = model.config.size
    return {
        "size": {"height": height, "width": width},
        "alphabet": model.config.alphabet,
        "blank": 0,
        "lines": model.config.lines,
        "decoding": "greedy; a grammar, if the config has one, is not in the export",
    }


def answers(model: "Predictor", pictures: Sequence[bytes]) -> "dict[str, np.ndarray]":
    """What the run itself says of encoded pictures, by the export's names; texts as `spelled`.

    They are read as `plates.reader.predict` reads files.

    Raises:
        triptych.images.ImageError: a picture cannot be read, or has a side under 4 pixels.
    """
    import numpy as np

    from plates.reader import predictor
    from plates.reader.crops import Crops
    from plates.reader.records import Crop
    from plates.reader.views import render

    with TemporaryDirectory() as folder:
        files = [Path(folder) / str(number) for number in range(len(pictures))]
        for file, data in zip(files, pictures, strict=True):
            file.write_bytes(data)
        records = [Crop(file, file.name, "", None) for file in files]
        crops = Crops(records, model.config, shrink=False)
        readings = predictor.readings([model], len(crops), crops.__getitem__, grammar="")
        log_probs = np.concatenate(
            [
                model.log_probabilities(render(crops[i], model.config.size))
                for i in range(len(crops))
            ]
        )
    characters = np.zeros(log_probs.shape[:2])
    for row, reading in zip(characters, readings, strict=True):
        row[: len(reading.text)] = reading.characters
    return {
        "text": spelled([reading.text for reading in readings], log_probs.shape[1]),
        "confidence": np.array([reading.confidence for reading in readings]),
        "characters": characters,
        "log_probabilities": log_probs,
    }


def spelled(texts: Sequence[str], length: int) -> "np.ndarray":
    """Texts as numbers [B, length], so that differences count: Unicode's, and 0 after the last."""
    import numpy as np

    return np.array(texts, f"U{length}").view(np.uint32).reshape(len(texts), length)


class _Spelled:
    """A `triptych.export.Exported` whose texts are `spelled`."""

    def __init__(self, exported: "Exported") -> None:
        self.exported = exported

    def from_bytes(self, pictures: list[bytes]) -> "dict[str, np.ndarray]":
        return self._spell(self.exported.from_bytes(pictures))

    def from_pixels(self, pictures: "np.ndarray") -> "dict[str, np.ndarray]":
        return self._spell(self.exported.from_pixels(pictures))

    def _spell(self, found: "dict[str, np.ndarray]") -> "dict[str, np.ndarray]":
        texts = [text.decode() for text in found["text"]]
        return found | {"text": spelled(texts, found["characters"].shape[1])}


def _write_saved_model(folder: Path, model: "Predictor", metadata: dict[str, Any]) -> "Exported":
    from triptych import saved_model

    saved_model.write(folder, prepare(model.config.size), answer(model), metadata)
    return _Spelled(saved_model.SavedModel(folder))


def _write_file(
    folder: Path,
    model: "Predictor",
    metadata: dict[str, Any],
    config: Config,
    trial: "Trial | None",
) -> "Exported":
    from plates.reader import onnx_export, predictor, unrolled
    from triptych import export as exports

    form = onnx_export.convert if config.to == "onnx" else unrolled.log_probabilities
    exports.write_file(
        folder,
        config.to,
        form(model.model, model.config),
        model.config.size,
        metadata,
        config.quantize,
        [one[None] for one in trial.samples] if trial else [],
        unrolled.KEEP,
        alphabet=model.config.alphabet,
    )
    return exports.Opened(ask(predictor.open(folder)), None)


def ask(model: "Predictor") -> "Ask":
    """`log_probabilities` of pictures [H, W, 3] uint8, by an export's name for them."""
    import numpy as np

    from triptych.images import resize

    def call(images: "Sequence[np.ndarray]") -> "dict[str, np.ndarray]":
        crops = np.stack([resize(image, model.config.size) for image in images])
        return {"log_probabilities": model.log_probabilities(crops)}

    return call


def _trial(
    config: Config, model: "Predictor", pictures: list[bytes], splits: "Sequence[Split]"
) -> "Trial":
    from plates.reader import trial

    if config.data:
        return trial.from_data(model, config.data, splits)
    return trial.from_pictures(model, pictures)


def _drawn() -> dict[str, bytes]:
    """Drawn plates, encoded, by name."""
    import numpy as np

    from plates import synth
    from plates.drawing.develop import encoded

    drawn = (synth.crop(np.random.default_rng(seed))[0] for seed in range(_PLATES))
    return {f"plate-{number}.jpg": encoded(image, 90) for number, image in enumerate(drawn)}


def _legible(pictures: dict[str, bytes]) -> dict[str, bytes]:
    """Without those that are too small for the run itself to answer."""
    from plates.reader.crops import LEAST
    from triptych.images import decode

    small = [name for name, data in pictures.items() if min(decode(data).shape[:2]) < LEAST]
    for name in small:
        print(f"left out: {name}: a side is shorter than {LEAST} pixels")
    if len(small) == len(pictures):
        raise ValueError("no picture to compare on")
    return {name: data for name, data in pictures.items() if name not in small}


def _no_csv(path: Path) -> list[Path]:
    raise ValueError(f"`check` must be pictures or folders of them; received: {path}")


if __name__ == "__main__":
    main()

"""Make both models one to ship: `python -m plates.export --out DIR [--detector RUN --reader RUN]`.

A SavedModel that needs TensorFlow alone. It takes encoded photographs (JPEG, PNG, BMP, GIF), or
uint8 ones of one size, and gives what `plates.predict` says of them: the plates that detector and
reader vouch for, in its order, their corners and texts, and how sure each is. Decoding is greedy: a
reader's grammar is not in the export. Finding plates has no form in ONNX or LiteRT:
`plates.detector.export` and `plates.reader.export` write a file each, which `plates.predict` joins.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from plates import gate
from plates.detector.config import check_size
from triptych import command, run
from triptych.config import parse
from triptych.exported import Format
from triptych.stage import require

if TYPE_CHECKING:
    import numpy as np

    from plates.pipeline import Found, Pipeline
    from triptych.export import Exported

# Corners, found by sums in another order, move a crop by a hundredth of a pixel, and that moves
# confidences by up to 1e-2 where the reader is in doubt.
BOUND = 0.02
_LOCAL = ("data", "extra", "runs", "overwrite", "split", "start")
# Drawn scenes that are compared by default, beside pictures that show no plate.
_SCENES = 8


@dataclass(frozen=True)
class Config:
    """Which detector and reader to export, and where."""

    out: Path
    """Folder to make."""
    detector: Path | None = None
    """Run folder of a detector of your own; default: the one in the package."""
    reader: Path | None = None
    """Run folder of a reader of your own; default: the one in the package."""
    least: float = gate.LEAST
    """Score from which a plate is told; what `plates.predict` says of it."""
    least_reading: float = gate.LEAST_READING
    """The same of the weakest character's confidence."""
    size: int | None = None
    """As in `plates.predict`: longer side in pixels that photographs are looked at, a
    multiple of 32."""
    overwrite: bool = False
    """Replace an export that exists."""
    check: tuple[Path, ...] = ()
    """Photographs, or folders of them, to compare export and models on; default: drawn ones."""
    to: Format = "saved_model"
    """Format; there is no other than saved_model."""

    def __post_init__(self) -> None:
        offered = (
            "saved_model; plates.detector.export and plates.reader.export write files, each its own"
        )
        require(self.to == "saved_model", "to", offered, self.to)
        gate.check(self.least, self.least_reading)
        check_size(self.size)


def main() -> None:
    """The command line."""
    config = parse(Config, prog="plates.export", description=str(__doc__))
    # Both are compared on the CPU: a GPU's TF32 would hide a difference, or make one.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    command.run(export, config)


def export(config: Config) -> Path:
    """Export as `config` says; returns the new folder.

    Raises:
        triptych.export.ParityError: the export answers otherwise than the models; it is not kept.
        FileExistsError: there is an export already.
        ValueError: no run, none in the package, or no photographs to compare on.
    """
    from plates import pipeline
    from triptych import export as exports
    from triptych import inputs, saved_model

    model = pipeline.open(
        config.detector, config.reader, config.least, config.least_reading, size=config.size
    )
    # What is read without Keras, an export, cannot be written again.
    for folder in sources(config).values():
        run.check(folder)
    model.reader.config = replace(model.reader.config, grammar="")
    with exports.in_place(config.out, config.overwrite) as folder:
        if config.check:
            pictures = exports.read_pictures(inputs.find(config.check, _no_csv))
        else:
            pictures = exports.sample_pictures() | _drawn()
        write(folder, config, model)
        print(f"written; comparing it with the models on {len(pictures)} photographs", flush=True)
        found = differences(saved_model.SavedModel(folder), model, list(pictures.values()))
        unit = "in confidences, scores and heights of the plate"
        exports.require_parity(folder, found, list(pictures), BOUND, unit)
    print(f"{config.out}: {exports.size_on_disk(config.out) / 1e6:.1f} MB", flush=True)
    return config.out


def sources(config: Config) -> dict[str, Path]:
    """The run folders: `detector` and `reader`."""
    from plates.detector import predictor as detectors
    from plates.reader import predictor as readers

    return {
        "detector": detectors.located(config.detector or detectors.SHIPPED),
        "reader": readers.located(config.reader or readers.SHIPPED),
    }


def write(folder: Path, config: Config, model: "Pipeline") -> None:
    """Write the SavedModel of a pipeline that was opened as `config` says, and its metadata.json.

    The signatures are those of `saved_model.write_signatures`, the answers `plates.graph`'s.
    """
    import tensorflow as tf

    from plates import graph
    from plates.detector import predictor as detectors
    from plates.detector.graph import finder
    from plates.reader import export as reader_export
    from triptych import export as exports
    from triptych import saved_model

    runs = sources(config)
    parts = {name: exports.describe(path, f"plates.{name}", _LOCAL) for name, path in runs.items()}
    parts["reader"] |= reader_export.describe(model.reader)
    if config.size is not None:
        parts["detector"]["config"]["eval_size"] = config.size
    metadata = {
        "task": "plates",
        "version": "-".join(part["version"] for part in parts.values()),
        **parts,
        "gate": {"least": config.least, "least_reading": config.least_reading},
    }
    detector, settings = detectors.load(runs["detector"], config.size)
    read = reader_export.answer(model.reader)
    one = graph.answer(
        finder(detector, settings),
        # Keras's own code is no business of autograph.
        tf.autograph.experimental.do_not_convert(read),
        model.reader.config,
        config.least,
        config.least_reading,
    )
    saved_model.write_signatures(folder, one, metadata)


def differences(
    exported: "Exported", model: "Pipeline", pictures: Sequence[bytes]
) -> "dict[str, np.ndarray]":
    """How far the export is from the pipeline, [R] for "bytes" and for "pixels", as `apart`.

    Raises:
        triptych.images.ImageError: a picture cannot be read.
    """
    import numpy as np

    from triptych.images import decode

    found: dict[str, list[float]] = {"bytes": [], "pixels": []}
    for data in pictures:
        image = decode(data)
        (expected,) = model.read([image])
        found["bytes"].append(apart(exported.from_bytes([data]), expected))
        found["pixels"].append(apart(exported.from_pixels(image[None]), expected))
    return {way: np.array(rows) for way, rows in found.items()}


def apart(answers: "Mapping[str, np.ndarray]", expected: "Sequence[Found]") -> float:
    """The largest difference in what is said of the plates of one photograph.

    Scores and confidences as they are, corners in heights of the plate. Infinite where the texts
    are not the same in the same order, or anything is not a number.
    """
    import numpy as np

    from plates import geometry

    texts = [text.decode() for text in answers["text"][0]]
    if texts != [one.reading.text for one in expected] or answers["count"].tolist() != [len(texts)]:
        return np.inf
    furthest = [0.0]
    for i, one in enumerate(expected):
        characters = np.zeros(answers["characters"].shape[2])
        characters[: len(one.reading.text)] = one.reading.characters
        pairs = {
            "scores": one.score,
            "confidence": one.reading.confidence,
            "characters": characters,
        }
        away = np.abs(answers["corners"][0, i] - one.corners) / geometry.sides(one.corners)[1]
        each = [np.abs(answers[name][0, i] - value).max() for name, value in pairs.items()]
        furthest += [float(away.max()), *map(float, each)]
    return float(np.nan_to_num(furthest, nan=np.inf).max())


def _drawn() -> dict[str, bytes]:
    """Drawn scenes, encoded, by name."""
    import numpy as np

    from plates import synth
    from plates.drawing.develop import encoded

    drawn = (synth.scene(np.random.default_rng(seed))[0] for seed in range(_SCENES))
    return {f"scene-{number}.jpg": encoded(image, 90) for number, image in enumerate(drawn)}


def _no_csv(path: Path) -> list[Path]:
    raise ValueError(f"`check` must be photographs or folders of them; received: {path}")


if __name__ == "__main__":
    main()

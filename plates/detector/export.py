"""Make a detector to ship: `python -m plates.detector.export RUN --to saved_model [--check DIR]`.

The export needs TensorFlow alone. It takes encoded photographs (JPEG, PNG, BMP, GIF), or uint8 ones
of any size, and gives of each the plates that are found in it, best score first: their corners in
pixels of the upright photograph, their scores, and how many they are. The second look at small
plates is in it.

`--to onnx` needs onnxruntime alone, and is the quickest on a CPU, `--to litert` its interpreter:
canvases in, `maps` out (`predictor.Maps`), of any size from ONNX, of one square from LiteRT, on
which photographs of all shapes are laid, and the second look too. `plates.predict` and what else
finds plates take both as they do a run.

`--quantize int8|float16 --data DIR` makes ONNX and LiteRT smaller and says what that costs. In 8
bits the last convolution stays in float, since corners are finer than 8 bits tell.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from plates.detector.config import check_size
from triptych import command, exported, frozen, run
from triptych.config import parse
from triptych.exported import Format, Quantize
from triptych.stage import require

if TYPE_CHECKING:
    import keras
    import numpy as np

    from plates.detector.config import Config as DetectorConfig
    from plates.detector.plate import Plate
    from plates.detector.predictor import Detector
    from plates.detector.trial import Trial
    from plates.sides import Split
    from triptych.saved_model import Answer, One

    Answers = Mapping[str, np.ndarray]
    Find = Callable[[Sequence[bytes]], Sequence[Answers]]

# In pixels of the canvas, so that a large photograph counts as a small one. Photographs on their
# canvases are the same to the bit; what is left is the order of float32 sums, and cv2's float32 in
# the smallest rectangle.
BOUND = 0.05
# In the maps, since corners of weak plates jump where a value crosses a threshold. Weights of 11
# bits are off by one in 2000: up to 0.02 was seen on real photographs.
BOUND_FLOAT16 = 0.1
_SCORE = 0.02  # difference of scores that counts as a pixel
_LOCAL = ("data", "extra", "runs", "overwrite", "split", "start")
_BATCH = 8
_SCOPE = "in_float"
# In the names of the last convolution and what is behind it: they stay in float in 8 bits.
_KEEP = ("/maps", f"{_SCOPE}/")
# Drawn scenes that are compared by default, beside pictures that show no plate.
_SCENES = 6


@dataclass(frozen=True)
class Config:
    """What to export, and where."""

    run: tyro.conf.Positional[Path]
    """Run folder, or the word shipped: the detector in the package."""
    to: Format = "saved_model"
    """Format."""
    quantize: Quantize | None = None
    """Smaller weights, of ONNX and LiteRT: a third of the size by int8, half by float16."""
    data: Path | None = None
    """Labelled photographs to judge what quantizing costs, and to calibrate int8 on; default: the
    pictures of --check, and the run's own plates."""
    lose: float = 0.02
    """What quantizing may take from the average precision at IoU 0.5, a share."""
    out: Path | None = None
    """Folder to make; default: export/FORMAT in the run folder, unless that is in the package."""
    size: int | None = None
    """As in `plates.predict`: longer side in pixels that photographs are looked at, a
    multiple of 32."""
    overwrite: bool = False
    """Replace an export that exists."""
    check: tuple[Path, ...] = ()
    """Pictures, or folders of them, to compare export and run on; default: drawn ones."""

    def __post_init__(self) -> None:
        exported.check(self.quantize, self.data, self.lose)
        check_size(self.size)


def main() -> None:
    """The command line."""
    config = parse(Config, prog="plates.detector.export", description=str(__doc__))
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
        ValueError: no run, no pictures to compare on, or to calibrate on, no `out` for the
            detector in the package, or a form that Mask R-CNN has not.
    """
    from plates import sides
    from plates.detector import predictor
    from triptych import export as exports
    from triptych import inputs

    exports.check(config.to, config.quantize, bool(config.data or config.check))
    source = predictor.located(config.run)
    run.check(source)
    inside = source.resolve() == predictor.SHIPPED.resolve()
    require(bool(config.out) or not inside, "out", "a folder outside of the package", config.out)
    model, settings = predictor.load(source, config.size)
    _check_head(config, settings)
    name = exports.folder_name(config.to, config.quantize)
    target = config.out or source / "export" / name
    with exports.in_place(target, config.overwrite) as folder:
        if config.check:
            pictures = exports.read_pictures(inputs.find(config.check, _no_csv))
        else:
            pictures = exports.sample_pictures() | _drawn()
        metadata = exports.describe(source, "plates.detector", _LOCAL)
        if config.size is not None:
            metadata["config"]["eval_size"] = config.size
        metadata |= describe(settings)
        # Asked as the export will be: on the same canvases.
        maps = predictor.compiled(model, settings.head)
        detector = predictor.Detector(maps, settings, fixed=config.to == "litert")
        named = config.data or config.check
        splits = [] if inside or not config.data else [sides.read(source)]
        data = list(pictures.values())
        judged = _trial(config, detector, data, splits) if config.quantize and named else None
        if config.to == "saved_model":
            ways = _write_saved_model(folder, model, settings, metadata)
        else:
            ways = _write_file(folder, model, settings, metadata, config, judged)
        print(f"written; comparing it with the run on {len(pictures)} pictures", flush=True)
        if config.quantize:
            found = {"maps": map_differences(predictor.open(folder), detector, data)}
            unit = "in the maps' own values"
        else:
            found = differences(ways, detector, pictures)
            unit = f"in pixels of the canvas, or in {_SCORE} of a score"
        bound = exports.bound(config.quantize, BOUND, BOUND_FLOAT16)
        exports.require_parity(folder, found, list(pictures), bound, unit)
        if judged:
            before, after = (judged.precision(m) for m in (detector, predictor.open(folder)))
            exports.require_kept(folder, judged.measure, before, after, before - after, config.lose)
    print(f"{target}: {exports.size_on_disk(target) / 1e6:.1f} MB", flush=True)
    return target


def answer(model: "keras.Model", config: "DetectorConfig") -> "One":
    """What is computed of one photograph uint8 [H, W, 3].

    `corners` [N, 4, 2] float32, x, y in its pixels and in reading order, and `scores` [N] float32,
    0..1, best first.
    """
    import tensorflow as tf

    from plates.detector import graph, predictor

    find = graph.finder(model, config)

    def call(photograph: tf.Tensor) -> dict[str, tf.Tensor]:
        corners, scores = find(photograph, predictor.LEAST)
        return {"corners": tf.cast(corners, tf.float32), "scores": scores}

    return call


def describe(config: "DetectorConfig") -> dict[str, Any]:
    """What the metadata say of the model: its canvas, its maps, and which plates are told of."""
    from plates.detector import predictor

    return {
        "side": config.side,
        "stride": config.stride,
        "head": config.head,
        "least": predictor.LEAST,
    }


def differences(
    ways: "Mapping[str, Find]", model: "Detector", pictures: Mapping[str, bytes]
) -> "dict[str, np.ndarray]":
    """How far each way of asking an export is from the run itself, [R] for R encoded pictures.

    That is the largest difference of a corner's coordinate, in pixels of the canvas, or of a score,
    if that is larger, 0.02 of which count as a pixel. A plate more or less is infinitely far.
    """
    import numpy as np

    from triptych.images import decode

    data = list(pictures.values())
    found = {way: np.zeros(len(data)) for way in ways}
    for start in range(0, len(data), _BATCH):
        some = data[start : start + _BATCH]
        images = [decode(one) for one in some]
        expected = model.detect(images)
        for way, find in ways.items():
            for i, (plates, answers) in enumerate(zip(expected, find(some), strict=True)):
                pixel = model.config.side / max(images[i].shape[:2])
                found[way][start + i] = _away(plates, answers, pixel)
    return found


def map_differences(
    exported: "Detector", model: "Detector", pictures: Sequence[bytes]
) -> "np.ndarray":
    """The largest difference [R] in the maps of R encoded pictures' first look; NaN is infinite."""
    import numpy as np

    from triptych.images import decode

    found = np.zeros(len(pictures))
    for i, image in enumerate(map(decode, pictures)):
        canvas = model.frame(image).apply(image)[None]
        off = np.abs(exported.maps(canvas) - model.maps(canvas)).max()
        found[i] = np.nan_to_num(off, nan=np.inf)
    return found


def unpadded(answers: "Answers") -> "list[dict[str, np.ndarray]]":
    """What an export says of a batch, one dict a picture, without the rows that are no plate's."""
    names = [name for name in answers if name != "count"]
    return [
        {name: answers[name][i][:count] for name in names}
        for i, count in enumerate(answers["count"].tolist())
    ]


def _away(plates: "Sequence[Plate]", answers: "Answers", pixel: float) -> float:
    """See `differences`; `pixel` is that of the picture in those of the canvas."""
    import numpy as np

    if len(plates) != len(answers["corners"]):
        return np.inf
    if not plates:
        return 0.0
    corners = np.abs(np.stack([plate.corners for plate in plates]) - answers["corners"])
    scores = np.abs(np.array([plate.score for plate in plates]) - answers["scores"])
    furthest = np.maximum(pixel * corners.max(), scores.max() / _SCORE)
    return np.inf if np.isnan(furthest) else float(furthest)


def _check_head(config: Config, settings: "DetectorConfig") -> None:
    """Mask R-CNN's proposals and boxes, loops and sorting, are for LiteRT and 8 bits too much."""
    if settings.head == "maskrcnn":
        require(config.to != "litert", "to", "saved_model or onnx, of a maskrcnn", config.to)
        wanted = "left out or float16, of a maskrcnn"
        require(config.quantize != "int8", "quantize", wanted, config.quantize)


def _write_saved_model(
    folder: Path, model: "keras.Model", config: "DetectorConfig", metadata: dict[str, Any]
) -> "dict[str, Find]":
    from triptych import saved_model
    from triptych.images import decode

    saved_model.write_signatures(folder, answer(model, config), metadata)
    saved = saved_model.SavedModel(folder)

    def from_bytes(pictures: Sequence[bytes]) -> "Sequence[Answers]":
        return unpadded(saved.from_bytes(list(pictures)))

    def from_pixels(pictures: Sequence[bytes]) -> "Sequence[Answers]":
        return [unpadded(saved.from_pixels(decode(one)[None]))[0] for one in pictures]

    return {"bytes": from_bytes, "pixels": from_pixels}


def maps(model: "keras.Model", config: "DetectorConfig") -> "Answer":
    """What is computed of canvases uint8 [B, H, W, 3]: `maps` as `predictor.Maps`, float32."""
    import tensorflow as tf

    from plates.detector.heads import answering
    from plates.detector.model import probable

    rcnn = config.head == "maskrcnn"
    said = frozen.inside(answering(model, config.head) if rcnn else model)

    def call(canvases: tf.Tensor) -> dict[str, tf.Tensor]:
        found = said(canvases)
        if rcnn:
            return {"maps": found}
        with tf.name_scope(_SCOPE):
            return {"maps": probable(found, config.head)}

    return call


def _write_file(
    folder: Path,
    model: "keras.Model",
    settings: "DetectorConfig",
    metadata: dict[str, Any],
    config: Config,
    trial: "Trial | None",
) -> "dict[str, Find]":
    import numpy as np

    from plates.detector import predictor
    from triptych import export as exports
    from triptych.images import decode

    exports.write_file(
        folder,
        config.to,
        maps(model, settings),
        (settings.side, settings.side),
        metadata,
        config.quantize,
        trial.samples if trial else [],
        _KEEP,
    )
    exported = predictor.open(folder)

    def find(pictures: Sequence[bytes]) -> "Sequence[Answers]":
        return [
            {
                "corners": np.array([plate.corners for plate in plates]).reshape(-1, 4, 2),
                "scores": np.array([plate.score for plate in plates]),
            }
            for plates in exported.detect([decode(one) for one in pictures])
        ]

    return {"maps": find}


def _trial(
    config: Config, model: "Detector", pictures: list[bytes], splits: "Sequence[Split]"
) -> "Trial":
    from plates.detector import trial

    if config.data:
        return trial.from_data(model, config.data, splits)
    return trial.from_pictures(model, pictures)


def _drawn() -> dict[str, bytes]:
    """Drawn scenes, encoded, by name."""
    import numpy as np

    from plates import synth
    from plates.drawing.develop import encoded

    drawn = (synth.scene(np.random.default_rng(seed))[0] for seed in range(_SCENES))
    return {f"scene-{number}.jpg": encoded(image, 90) for number, image in enumerate(drawn)}


def _no_csv(path: Path) -> list[Path]:
    raise ValueError(f"`check` must be pictures or folders of them; received: {path}")


if __name__ == "__main__":
    main()

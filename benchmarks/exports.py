"""Size and speed of every format that a task's `export` writes, beside Keras.

    python -m benchmarks.exports [--task carclf|landmarks|reader|detector] [--run RUN]
        [--check DIR] [--batch 1] [--rounds 7] [--cpu-seconds]

One thread each, in one run, in turns, so that whatever else the machine does hits all; uint8
pictures of the model's size, RGB, in, the answers out. Prints for each format the bytes on disk,
the median of ms a picture, and the median of its ratio to Keras's (higher is quicker), which is
asked as `predict` asks it. Without
`--run` the model is that of the recipe lite with random weights: its answers are worth nothing, its
size and speed are those of a trained one; reader and detector are those in the package. Their
SavedModels hold the decoding too, and are left out. `--check` names pictures to calibrate int8 on
and to compare the exports on; drawn ones without. `--cpu-seconds` counts processor time: for a busy
machine.
"""

import argparse
import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As `import triptych` does: TensorFlow leaves oneDNN off on CPUs without AVX-512.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
import tensorflow as tf

import carclf.export
import carclf.model
import carclf.predictor
import carclf.recipes
import landmarks.export
import landmarks.model
import landmarks.predictor
import landmarks.recipes
import plates.detector.export
import plates.detector.predictor
import plates.reader.export
import plates.reader.predictor
from plates import synth
from plates.drawing.develop import encoded
from triptych import export as exports
from triptych import run as runs

CLASSES, POINTS = 10, 68
KERAS = "Keras"
FORMATS = (
    ("saved_model", None),
    ("onnx", None),
    ("onnx", "float16"),
    ("onnx", "int8"),
    ("litert", None),
    ("litert", "float16"),
    ("litert", "int8"),
)

TASKS: dict[str, Any] = {
    "carclf": carclf,
    "landmarks": landmarks,
    "reader": plates.reader,
    "detector": plates.detector,
}

Answer = Callable[[np.ndarray], object]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--task", choices=TASKS, default="carclf")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--check", type=Path)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cpu-seconds", action="store_true")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    clock = time.process_time if args.cpu_seconds else time.perf_counter
    task = TASKS[args.task]
    shipped = args.task in ("reader", "detector")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if shipped:
            run = args.run or task.predictor.SHIPPED
        else:
            run = args.run or untrained(args.task, folder / "run")
        check = args.check or drawn(args.task, folder / "pictures")
        sizes = {KERAS: (run / runs.MODEL).stat().st_size}
        model = task.predictor.open(run)
        ways: dict[str, Answer] = {KERAS: answering(model)}
        for to, quantize in FORMATS[int(shipped) :]:
            out = folder / exports.folder_name(to, quantize)
            asked = task.export.Config(run, to, quantize, lose=9, out=out, check=(check,))
            with contextlib.redirect_stdout(io.StringIO()):
                task.export.export(asked)
            sizes[out.name] = exports.size_on_disk(out)
            ways[out.name] = answering(task.predictor.open(out, threads=1))
        side = size(model)
        images = np.random.default_rng(0).integers(0, 256, (args.batch, *side, 3), np.uint8)
        print(f"{args.task}, {side[0]} x {side[1]} pixels, batch {args.batch}, one thread")
        report(sizes, timed(ways, images, args.rounds, clock), args.batch)


def answering(model: Any) -> Answer:
    """What asks a predictor's model for its answers, or its maps."""
    found: Answer = model.maps if hasattr(model, "maps") else model.answer
    return found


def size(model: Any) -> tuple[int, int]:
    """Height and width of what a predictor's model sees."""
    known = model.config if hasattr(model, "config") else model
    found: tuple[int, int] = (known.side,) * 2 if hasattr(known, "side") else known.size
    return found


def untrained(task: str, folder: Path) -> Path:
    """A run folder of the recipe lite whose model was never trained."""
    folder.mkdir()
    keras.utils.set_random_seed(0)
    config: Any
    if task == "carclf":
        config = replace(carclf.recipes.RECIPES["lite"], data=Path(), weights="none")
        names = [str(number) for number in range(CLASSES)]
        runs.write_json(folder / "classes.json", {"classes": names, "names": names})
        model = carclf.model.build(config, CLASSES)
    else:
        config = replace(landmarks.recipes.RECIPES["lite"], data=Path(), weights="none")
        known = {"points": POINTS, "mirror": None, "shift": 0, "mean": [[0.5, 0.5]] * POINTS}
        runs.write_json(folder / "points.json", known)
        model = landmarks.model.build(config, POINTS)
    runs.write_config(folder, config)
    model.save(folder / runs.MODEL)
    return folder


def drawn(task: str, folder: Path) -> Path:
    """The pictures that exports are compared on, as files; for the models of plates, of these."""
    folder.mkdir()
    pictures = exports.sample_pictures()
    if task in ("reader", "detector"):
        draw = synth.crop if task == "reader" else synth.scene
        seeds = map(np.random.default_rng, range(16))
        pictures = {f"{i}.jpg": encoded(draw(seed)[0], 90) for i, seed in enumerate(seeds)}
    for name, data in pictures.items():
        (folder / name).write_bytes(data)
    return folder


def timed(
    ways: dict[str, Answer], images: np.ndarray, rounds: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Seconds a call of every way, of each round; the first round warms up and is left out."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, answer in ways.items():
            start = clock()
            for _ in range(4):
                answer(images)
            seconds[name].append((clock() - start) / 4)
    return {name: found[1:] for name, found in seconds.items()}


def report(sizes: dict[str, int], seconds: dict[str, list[float]], batch: int) -> None:
    """Print a row for every way."""
    for name, found in seconds.items():
        ratios = [theirs / ours for ours, theirs in zip(found, seconds[KERAS], strict=True)]
        print(
            f"{name:16} {sizes[name] / 1e6:6.1f} MB  {1000 * median(found) / batch:7.2f} ms a "
            f"picture, {median(ratios):5.2f} times Keras's speed",
            flush=True,
        )


if __name__ == "__main__":
    main()

"""Plates a second of the reader, each way it can be run, beside RapidOCR's recogniser.

    python -m benchmarks.plate_reader [--run RUN] [--data DIR] [--pairs 5] [--cpu-seconds]

One thread each, at batch 1 and 64, on the same crops: drawn ones, or the pictures in DIR. From a
decoded crop to its text: resizing, the model and decoding are counted. Ours is the run's model, or
the recipe lite's with random weights, through Keras, a SavedModel and onnxruntime; theirs is
`pip install rapidocr` (3.10: PP-OCRv6 rec small) without detection and angle. It reads a list of
crops one by one, which was faster than its default batches of 6 (40 to 45 ms of processor time a
crop) and than 16 or 64. All take turns, so that whatever else the machine does hits all; prints
medians and the median of each way's ratio to theirs.
Wanted of the fastest: 5 at batch 64, 2 at batch 1. `--cpu-seconds` counts processor time: for a
busy machine.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As `import triptych` does: TensorFlow leaves oneDNN off on CPUs without AVX-512.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import numpy as np
import tensorflow as tf

from plates import synth
from plates.reader import decode, export, onnx_export, predictor
from plates.reader.model import build
from plates.reader.recipes import RECIPES
from triptych import onnx, saved_model
from triptych.images import SUFFIXES, resize
from triptych.images import decode as open_picture

BATCHES = (64, 1)
THEIRS = "RapidOCR"

Read = Callable[[Sequence[np.ndarray]], list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--run", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--cpu-seconds", action="store_true")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    clock = time.process_time if args.cpu_seconds else time.perf_counter
    crops = pictures(args.data, max(BATCHES))
    if args.run:
        reader = predictor.open(args.run)
    else:
        config = replace(RECIPES["lite"], data=Path())
        reader = predictor.Predictor(build(config), config)
    with tempfile.TemporaryDirectory() as folder:
        ways = {**ours(reader, Path(folder)), THEIRS: rapid()}
        for batch in BATCHES:
            compare(ways, crops, batch, args.pairs, clock)


def pictures(data: Path | None, count: int) -> list[np.ndarray]:
    """`count` crops, uint8 RGB: drawn ones, or evenly chosen files in the folder `data`."""
    if data is None:
        return [synth.crop(np.random.default_rng(seed))[0] for seed in range(count)]
    files = sorted(path for path in data.rglob("*") if path.suffix.lower() in SUFFIXES)
    places = np.linspace(0, len(files) - 1, count).round().astype(int)
    return [open_picture(files[place]) for place in places]


def ours(reader: predictor.Predictor, folder: Path) -> dict[str, Read]:
    """The reader through Keras, as a SavedModel with its decoding inside, and in onnxruntime."""
    size, alphabet = reader.config.size, reader.config.alphabet
    onnx.save(onnx_export.convert(reader.model, reader.config), folder / onnx.FILE, {})
    session = onnx.Session(folder / onnx.FILE, threads=1)
    saved_model.write(folder, export.prepare(size), export.answer(reader), {})
    saved = saved_model.SavedModel(folder)

    def sized(crops: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([resize(crop, size) for crop in crops])

    def texts(log_probs: np.ndarray) -> list[str]:
        return [reading.text for reading in decode.greedy(log_probs, alphabet)]

    return {
        "Keras": lambda crops: texts(reader.log_probabilities(sized(crops))),
        "SavedModel": lambda crops: list(saved.from_pixels(sized(crops))["text"]),
        "onnxruntime": lambda crops: texts(session(sized(crops))["log_probabilities"]),
    }


def rapid() -> Read:
    """RapidOCR's recogniser, which takes BGR, with its own resizing and decoding."""
    from rapidocr import RapidOCR

    threads = "EngineConfig.onnxruntime.intra_op_num_threads"
    options = {threads: 1, "Rec.rec_batch_num": 1, "Global.log_level": "error"}
    engine = RapidOCR(params=options)

    def read(crops: Sequence[np.ndarray]) -> list[str]:
        return list(engine.recognize_txt([crop[..., ::-1] for crop in crops]).txts)

    return read


def compare(
    ways: dict[str, Read],
    crops: Sequence[np.ndarray],
    batch: int,
    pairs: int,
    clock: Callable[[], float],
) -> None:
    """Print plates/s of every way at one batch, and ours over theirs."""
    # At batch 1 a turn is 16 crops, one by one: crops of one shape would not be all crops.
    turns = [crops[i : i + batch] for i in range(0, batch if batch > 1 else 16, batch)]
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for pair in range(pairs + 1):
        # The first of a turn would always meet the other's idle threads.
        for name in list(ways) if pair % 2 else reversed(list(ways)):
            start = clock()
            for part in turns:
                ways[name](part)
            seconds[name].append(clock() - start)
    rows = {name: found[1:] for name, found in seconds.items()}
    count = sum(map(len, turns))
    for name, found in rows.items():
        ratios = sorted(their / our for our, their in zip(found, rows[THEIRS], strict=True))
        print(
            f"batch {batch:2}, {name:11}: {count / median(found):6.1f} plates/s, "
            f"{1000 * median(found) / count:5.1f} ms; ratio {median(ratios):.2f} "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f}, {pairs} pairs)",
            flush=True,
        )


if __name__ == "__main__":
    main()

"""Milliseconds a photograph, end to end, and memory, beside RapidOCR's detection + recognition.

    python -m benchmarks.plate_photographs [--detector RUN] [--reader RUN] [--data DIR]
        [--count 16] [--pairs 5] [--cpu-seconds]

From an encoded file to the texts in it, photograph by photograph, one thread each: ours through
Keras and through onnxruntime, with the runs named or the models in the package; theirs is
`pip install rapidocr` (3.10: PP-OCRv6 det and rec small) without its angle classifier, which reads
every line of text that it finds. The photographs are evenly chosen files in the folder DIR, or
drawn ones. All take turns, so that whatever else the machine does hits all; prints medians and the
median of each way's ratio to theirs: wanted are 4 or more. `--cpu-seconds` counts processor time:
for a busy machine. Before that, each way answers all photographs in a process of its own, whose
peak memory is told, and after how many seconds it had its first answer, imports counted.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

# All else is imported where it is used: a process starts with the peak memory of the one that
# started it, and onnxruntime is to be seen without TensorFlow.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As `import triptych` does: TensorFlow leaves oneDNN off on CPUs without AVX-512.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

if TYPE_CHECKING:
    from plates.pipeline import Pipeline

Read = Callable[[bytes], list[str]]

DETECTOR, READER = "detector", "reader"
THEIRS = "RapidOCR"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--detector", type=Path)
    parser.add_argument("--reader", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--cpu-seconds", action="store_true")
    args = parser.parse_args()
    runs = args.detector, args.reader
    clock = time.process_time if args.cpu_seconds else time.perf_counter
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
            pool.submit(write, folder, *runs).result()
            photographs = pool.submit(choose, args.data, args.count).result()
            for way in WAYS:
                print(pool.submit(alone, way, folder, runs, photographs).result(), flush=True)
        ways = {way: build(folder, *runs) for way, build in WAYS.items()}
        compare(ways, photographs, args.pairs, clock)


def write(folder: Path, detector: Path | None, reader: Path | None) -> None:
    """Export two runs, None being the models in the package, as ONNX."""
    from plates.detector import export as finding
    from plates.reader import export as reading

    shipped = Path("shipped")
    finding.export(finding.Config(detector or shipped, "onnx", out=folder / DETECTOR))
    reading.export(reading.Config(reader or shipped, "onnx", out=folder / READER))


def choose(data: Path | None, count: int) -> list[bytes]:
    """`count` encoded photographs: drawn ones, or evenly chosen files in the folder `data`."""
    import numpy as np

    from plates import synth
    from plates.drawing.develop import encoded
    from triptych.images import SUFFIXES

    if data is None:
        scenes = (synth.scene(np.random.default_rng(seed))[0] for seed in range(count))
        return [encoded(scene, 90) for scene in scenes]
    files = sorted(path for path in data.rglob("*") if path.suffix.lower() in SUFFIXES)
    places = np.linspace(0, len(files) - 1, count).round().astype(int)
    return [files[place].read_bytes() for place in places]


def through_keras(folder: Path, detector: Path | None, reader: Path | None) -> Read:
    """The runs themselves."""
    import tensorflow as tf

    from plates import pipeline

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return _texts(pipeline.open(detector, reader))


def through_onnxruntime(folder: Path, detector: Path | None, reader: Path | None) -> Read:
    """What `write` wrote into `folder`."""
    from plates.detector import predictor as detectors
    from plates.pipeline import Pipeline
    from plates.reader import predictor as readers

    found = detectors.open(folder / DETECTOR, threads=1)
    return _texts(Pipeline(found, readers.open(folder / READER, threads=1)))


def rapid(folder: Path, detector: Path | None, reader: Path | None) -> Read:
    """RapidOCR, which decodes the file itself."""
    from rapidocr import RapidOCR

    threads = "EngineConfig.onnxruntime.intra_op_num_threads"
    # One line at a time was its fastest: see `benchmarks.plate_reader`.
    options = {threads: 1, "Rec.rec_batch_num": 1, "Global.log_level": "error"}
    engine = RapidOCR(params=options)
    return lambda data: list(engine(data, use_cls=False).txts or ())


WAYS: dict[str, Callable[[Path, Path | None, Path | None], Read]] = {
    "Keras": through_keras,
    "onnxruntime": through_onnxruntime,
    THEIRS: rapid,
}


def _texts(model: "Pipeline") -> Read:
    import cv2

    from triptych.images import decode

    cv2.setNumThreads(1)
    return lambda data: [found.reading.text for found in model.read([decode(data)])[0]]


def alone(
    way: str, folder: Path, runs: tuple[Path | None, Path | None], photographs: Sequence[bytes]
) -> str:
    """In a new process: what it took until the first answer, and how much memory for all."""
    start = time.perf_counter()
    read = WAYS[way](folder, *runs)
    texts = read(photographs[0])
    seconds = time.perf_counter() - start
    texts += [text for photograph in photographs[1:] for text in read(photograph)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = peak / (1e6 if sys.platform == "darwin" else 1e3)
    return (
        f"{way:11}: {len(texts)} texts in {len(photographs)} photographs, "
        f"peak memory {megabytes:.0f} MB, first answer after {seconds:.1f} s"
    )


def compare(
    ways: dict[str, Read], photographs: Sequence[bytes], pairs: int, clock: Callable[[], float]
) -> None:
    """Print ms a photograph of every way, and how many times theirs is ours."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for pair in range(pairs + 1):
        # The first of a turn would always meet the other's idle threads.
        for name in list(ways) if pair % 2 else reversed(list(ways)):
            start = clock()
            for photograph in photographs:
                ways[name](photograph)
            seconds[name].append(clock() - start)
    rows = {name: found[1:] for name, found in seconds.items()}
    for name, found in rows.items():
        ratios = sorted(their / our for our, their in zip(found, rows[THEIRS], strict=True))
        print(
            f"{name:11}: {1000 * median(found) / len(photographs):6.1f} ms a photograph; "
            f"ratio {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}, {pairs} pairs)",
            flush=True,
        )


if __name__ == "__main__":
    main()

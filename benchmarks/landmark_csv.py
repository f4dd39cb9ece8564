"""How fast, and in how much memory, is a csv of landmarks read? Against `pandas.read_csv`.

`python benchmarks/landmark_csv.py [--rows 50000 --points 971]`: a generated csv in the contest's
layout is read in turns, each time in a process of its own: by pandas, by `landmarks.store` for the
first time (hash, parse, write), and by it again. Memory is the peak of the process over what it
had with numpy, pandas and the package imported.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import tyro


@dataclass(frozen=True)
class Config:
    """What to measure on."""

    rows: int = 50_000
    points: int = 971
    rounds: int = 3


def main() -> None:
    """Print rates, memory, and how they compare."""
    config = tyro.cli(Config, description=str(__doc__))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "landmarks.csv"
        generate(path, config.rows, config.points)
        size = path.stat().st_size / 1e6
        print(f"{config.rows} rows of {config.points} points, {size:.0f} MB", flush=True)
        results: dict[str, list[dict[str, float]]] = {"pandas": [], "first": [], "again": []}
        for number in range(config.rounds):
            for name, runs in results.items():
                runs.append(measure(name, path, Path(folder) / f"cache-{number}"))
                r = runs[-1]
                print(
                    f"{name:>6}: {r['seconds']:7.2f} s ({r['cpu']:.2f} s of processor), "
                    f"{size / r['seconds']:6.0f} MB/s, peak {r['memory']:5.0f} MB",
                    flush=True,
                )
    best = {
        name: {key: median(r[key] for r in runs) for key in runs[0]}
        for name, runs in results.items()
    }
    print(
        f"medians: {best['pandas']['seconds'] / best['first']['seconds']:.2f} x pandas's rate "
        f"({best['pandas']['cpu'] / best['first']['cpu']:.2f} x by processor time), "
        f"1/{best['pandas']['memory'] / best['first']['memory']:.1f} of its memory, "
        f"second opening {best['again']['seconds']:.2f} s"
    )


def generate(path: Path, rows: int, points: int) -> None:
    """Write a csv of random points in 0..299."""
    rng = np.random.default_rng(0)
    words = np.array([str(i) for i in range(300)], object)
    with path.open("w") as file:
        header = [f"Point_M{i}_{axis}" for i in range(points) for axis in "XY"]
        file.write("\t".join(["file_name", *header]) + "\n")
        for row in range(rows):
            numbers = words[rng.integers(0, 300, 2 * points)]
            file.write("\t".join([f"{row:032x}.jpg", *numbers]) + "\n")


def measure(name: str, path: Path, cache: Path) -> dict[str, float]:
    """Seconds, processor seconds and MB that reading took in a new process."""
    code = f"from {Path(__file__).stem} import once; once()"
    result = subprocess.run(
        [sys.executable, "-c", code, name, str(path), str(cache)],
        cwd=Path(__file__).parent,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(result.stdout)


def once() -> None:
    """In the new process: read as `sys.argv` says, and print what it took."""
    import pandas as pd

    from landmarks import store

    name, path, cache = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    before = _peak()
    start, cpu = time.perf_counter(), time.process_time()
    if name == "pandas":
        pd.read_csv(path, sep="\t")
    else:
        store.open_csv(path, cache)
    figures = {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "memory": _peak() - before,
    }
    print(json.dumps(figures))


def _peak() -> float:
    """The most memory this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1e6 if sys.platform == "darwin" else 1e3
    )


if __name__ == "__main__":
    main()

"""kill -9 at random moments and the same command again: the weights of a training never killed."""

import csv
import io
import os
import random
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

KILLS, TURNS = 6, 2
SCRIPT = Path(__file__).with_name("kill_at.py")
# Each has its turn before one comes again; those entered often are entered a few times first.
MOMENTS = {
    "step": 6,
    "after a step": 6,
    "validation": 2,
    "saving the best": 2,
    "between best and checkpoint": 2,
    "saving": 5,
    "in the file": 5,
    "removing the old": 4,
    "between stages": 2,
    "restoring": 3,
    "creating": 1,
    "finishing": 1,
}
STAGES = (
    "part=head,epochs=2,lr=5e-3,size=32,batch=6,freeze_bn=false",
    "part=all,epochs=2,lr=3e-3,schedule=plateau,size=40,batch=6,freeze_bn=false",
)


def start(data: Path, runs: Path, name: str, *before: object) -> int:
    """Run the one command, `before` in front of it; returns how it ended."""
    flags = {
        "--data": data,
        "--runs": runs,
        "-n": name,
        "--backbone": "tiny",
        "--weights": "none",
        "--augment": "light",
        "--mixup": 0.2,
        "--ema": 0.9,
        "--checkpoint-steps": 2,
    }
    words = [str(word) for pair in flags.items() for word in pair]
    done = subprocess.run(
        [
            sys.executable,
            *map(str, before),
            "carclf.train",
            *words,
            "--resume",
            "--stages",
            *STAGES,
        ],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=runs.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def weights(run: Path) -> dict[str, np.ndarray]:
    """All arrays of the finished model, by place."""
    found = {}

    def keep(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = np.array(item)

    data = zipfile.ZipFile(run / "model.keras").read("model.weights.h5")
    with h5py.File(io.BytesIO(data)) as file:
        file.visititems(keep)
    return found


def history(run: Path) -> list[dict[str, str]]:
    """All but what a clock says."""
    clocks = ("seconds", "images_per_second", "step_ms", "input_wait")
    with (run / "history.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in clocks} for row in csv.DictReader(file)]


def same(got: Path, want: Path) -> None:
    """The same arrays, to the bit, and the same history."""
    arrays, expected = weights(got), weights(want)
    assert arrays.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(arrays[name], expected[name], err_msg=name)
    assert history(got) == history(want)


@pytest.fixture(scope="module")
def whole(make_tree: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nobody kills; its data lie beside its runs."""
    root = tmp_path_factory.mktemp("kill")
    assert start(make_tree(root / "tree", 3, 20), root / "runs", "whole", "-m") == 0
    return root / "runs" / "whole"


@pytest.mark.parametrize("turn", range(TURNS))
def test_kills(turn: int, whole: Path) -> None:
    """Three in each of two turns; between them trainings that reach their end, or nothing yet."""
    runs = whole.parent
    draw = random.Random(turn)
    moments = draw.sample(list(MOMENTS), len(MOMENTS))
    kills = finished = 0
    while kills < KILLS // TURNS:
        moment = moments[(kills + finished) % len(moments)]
        count, delay = draw.randint(1, MOMENTS[moment]), draw.choice([0, draw.randint(1, 40)])
        name = f"{turn}-{finished}"
        if start(runs.parent / "tree", runs, name, SCRIPT, moment, count, delay) != 0:
            kills += 1
        else:
            same(runs / name, whole)
            finished += 1
    assert start(runs.parent / "tree", runs, f"{turn}-{finished}", "-m") == 0
    same(runs / f"{turn}-{finished}", whole)

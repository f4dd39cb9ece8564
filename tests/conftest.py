"""Small seeded pictures, a way to run the commands, and a quiet TensorFlow.

The pictures are drawn, never stored: one coloured shape per class on a light, noisy ground, so
that a tiny network separates them within a few dozen steps.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image, ImageDraw

# Before a test imports a framework: each reads these once. The workers share the cores.
_THREADS = max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
for _name, _value in {
    "CUDA_VISIBLE_DEVICES": "",
    "KERAS_BACKEND": "tensorflow",
    "MPLBACKEND": "Agg",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "OMP_NUM_THREADS": str(_THREADS),
    "OPENCV_FOR_THREADS_NUM": str(_THREADS),
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": str(_THREADS),
}.items():
    os.environ.setdefault(_name, _value)

# The first call of a TensorFlow function compiles it, so no deadline; the same examples each run.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")

COLOURS = ((200, 30, 30), (30, 60, 200), (30, 150, 50), (230, 150, 0), (130, 40, 150))


class MakePictures(Protocol):
    def __call__(self, root: Path, classes: int = 3, each: int = 12, side: int = 56) -> Path: ...


class RunCli(Protocol):
    def __call__(
        self,
        module: str,
        *args: object,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]: ...


def draw(label: int, seed: int, side: int = 56) -> Image.Image:
    """RGB picture `[side, side + 8]` of class `label` (its colour and shape), varied by `seed`."""
    rng = np.random.default_rng([label, seed])
    height, width = side, side + 8
    ground = rng.uniform(190, 250, size=3) + rng.normal(0, 6, size=(height, width, 3))
    image = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
    half = rng.uniform(0.2, 0.32) * side
    x, y = rng.uniform(half, width - half), rng.uniform(half, height - half)
    light = rng.uniform(0.8, 1.1)
    red, green, blue = (min(255, int(c * light)) for c in COLOURS[label % len(COLOURS)])
    pen = ImageDraw.Draw(image)
    if label % 3 == 0:
        pen.ellipse((x - half, y - half, x + half, y + half), fill=(red, green, blue))
    elif label % 3 == 1:
        pen.rectangle((x - half, y - half, x + half, y + half), fill=(red, green, blue))
    else:
        pen.polygon(((x, y - half), (x + half, y + half), (x - half, y + half)), (red, green, blue))
    return image


def write_tree(root: Path, classes: int = 3, each: int = 12, side: int = 56) -> Path:
    """A class-per-folder tree `root/<class-i>/<j>.jpg`; returns `root`."""
    for label in range(classes):
        folder = root / f"class-{label}"
        folder.mkdir(parents=True)
        for number in range(each):
            draw(label, number, side).save(folder / f"{number}.jpg", quality=92)
    return root


def write_cars(root: Path, classes: int = 3, each: int = 12, side: int = 56) -> Path:
    """The layout of Kaggle's sf-dl-car-classification; returns `root`.

    `train.csv` (`Id,Category`), `train/<Category>/<Id>`, `test_upload/<Id>` and
    `sample-submission.csv`, whose order is not that of the names. Two test pictures a class: the
    true class of `test_upload/<n>.jpg` is `n % classes`.
    """
    rows = ["Id,Category"]
    for label in range(classes):
        folder = root / "train" / str(label)
        folder.mkdir(parents=True)
        for number in range(each):
            name = f"{1000 + label * each + number}.jpg"
            draw(label, number, side).save(folder / name, quality=92)
            rows.append(f"{name},{label}")
    (root / "train.csv").write_text("\n".join(rows) + "\n")
    (root / "test_upload").mkdir()
    sample = ["Id,Category"]
    for number in reversed(range(2 * classes)):
        draw(number % classes, each + number, side).save(root / "test_upload" / f"{number}.jpg")
        sample.append(f"{number}.jpg,0")
    (root / "sample-submission.csv").write_text("\n".join(sample) + "\n")
    return root


@pytest.fixture(scope="session")
def make_tree() -> MakePictures:
    """Writes a class-per-folder tree of `classes` x `each` pictures that a test may spoil."""
    return write_tree


@pytest.fixture(scope="session")
def make_cars() -> MakePictures:
    """Writes a Kaggle car folder of `classes` x `each` pictures that a test may spoil."""
    return write_cars


@pytest.fixture(scope="session")
def draw_picture() -> Callable[..., Image.Image]:
    """`draw_picture(label, seed, side=56)`: one RGB picture of a class."""
    return draw


@pytest.fixture(scope="session")
def tree_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class-per-folder tree, 3 classes x 12 pictures, to read only."""
    return write_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="session")
def cars_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Kaggle car folder, 3 classes x 12 pictures and 6 to predict, to read only."""
    return write_cars(tmp_path_factory.mktemp("cars"))


@pytest.fixture(scope="session")
def run_cli(tmp_path_factory: pytest.TempPathFactory) -> RunCli:
    """`run_cli(module, *args)` runs `python -m module args...` and returns what came of it.

    It runs in an empty folder unless `cwd` says otherwise; output is text; `env` adds variables.
    The caller looks at `returncode`.
    """
    root = str(Path(__file__).parents[1])
    folder = tmp_path_factory.mktemp("cli")

    def run(
        module: str,
        *args: object,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, args)],
            cwd=cwd or folder,
            env={**os.environ, "PYTHONPATH": root, "COLUMNS": "100", **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run

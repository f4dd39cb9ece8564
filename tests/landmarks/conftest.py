"""Small faces of five points in the contest's layout: two eyes, a nose, the corners of a mouth."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from landmarks.config import Config
from triptych import run
from triptych.stage import Stage

FACE = np.array([(-10, -8), (10, -8), (0, 0), (-6, 9), (6, 9)])
MIRROR = [1, 0, 2, 4, 3]
COLOURS = ((250, 40, 40), (40, 250, 40), (60, 60, 250), (250, 250, 40), (250, 40, 250))


def draw(seed: int, side: int = 56) -> tuple[Image.Image, np.ndarray]:
    """RGB picture [side, side + 8] with five dots, and their points [5, 2] in whole pixels."""
    rng = np.random.default_rng(seed)
    # Blots of colour, so that no two pictures look alike.
    blots = Image.fromarray(rng.integers(0, 200, (5, 5, 3), np.uint8))
    image = np.array(blots.resize((side + 8, side), Image.Resampling.BICUBIC))
    centre = np.array([side / 2 + 4, side / 2]) + rng.uniform(-3, 3, 2)
    points = np.rint(centre + FACE * rng.uniform(0.8, 1.2) * side / 56).astype(int)
    for (x, y), colour in zip(points, COLOURS, strict=True):
        image[y - 1 : y + 2, x - 1 : x + 2] = colour
    return Image.fromarray(image), points


def write_csv(path: Path, names: list[str], points: np.ndarray) -> Path:
    """A csv in the contest's layout."""
    header = [f"Point_M{i}_{axis}" for i in range(points.shape[1]) for axis in "XY"]
    rows = [["file_name", *header]]
    rows += [[name, *map(str, row.ravel())] for name, row in zip(names, points, strict=True)]
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return path


def write_faces(root: Path, count: int = 20, side: int = 56, first: int = 0) -> Path:
    """`root/train/` with landmarks.csv and images/<seed>.png; returns `root`."""
    images = root / "train" / "images"
    images.mkdir(parents=True)
    faces = [draw(seed, side) for seed in range(first, first + count)]
    names = [f"{seed}.png" for seed in range(first, first + count)]
    for (image, _), name in zip(faces, names, strict=True):
        image.save(images / name)
    write_csv(root / "train" / "landmarks.csv", names, np.stack([points for _, points in faces]))
    return root


@pytest.fixture(scope="session")
def make_faces() -> Callable[..., Path]:
    """`make_faces(root, count=20, side=56, first=0)`: a contest folder that a test may spoil."""
    return write_faces


@pytest.fixture(scope="session")
def draw_face() -> Callable[..., tuple[Image.Image, np.ndarray]]:
    """`draw_face(seed, side=56)`: one picture and its points."""
    return draw


@pytest.fixture(scope="session")
def write_points() -> Callable[[Path, list[str], np.ndarray], Path]:
    """`write_points(path, names, points)`: a csv in the contest's layout."""
    return write_csv


@pytest.fixture(scope="session")
def faces_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A contest folder of 20 faces, to read only."""
    return write_faces(tmp_path_factory.mktemp("faces"))


def write_run(folder: Path, config: Config) -> Path:
    """An untrained run with decided answers: whatever moves in the picture moves the points."""
    import keras

    from landmarks.model import build

    folder.mkdir()
    run.write_config(folder, config)
    known = {
        "points": len(FACE),
        "mirror": MIRROR,
        "shift": 0.75,
        "mean": [[0.5, 0.5]] * len(FACE),
    }
    run.write_json(folder / "points.json", known)
    keras.utils.set_random_seed(1)
    model = build(config, len(FACE))
    for name, size in (("maps", 10), ("log_spread", 3)):
        kernel = model.get_layer("head").get_layer(name).kernel
        kernel.assign(keras.random.normal(kernel.shape, 0, size, seed=2))
    model.save(folder / run.MODEL)
    return folder


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = Config(
        data=Path("secret/place"),
        extra=(Path("secret/more.csv"),),
        backbone="tiny",
        weights="none",
        head_width=8,
        loss="laplace",
        stages=(Stage(size="64"),),
    )
    return write_run(tmp_path_factory.mktemp("runs") / "tiny", config)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PNG with an odd margin, and a photograph on its side; by their shades they have an up."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(3).integers(0, 256, (90, 121, 3), dtype=np.uint8)
    image = Image.fromarray((noise * np.linspace(0, 1, 90)[:, None, None]).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 8
    image.save(folder / "a.png")
    image.save(folder / "b.jpg", exif=exif)
    return folder

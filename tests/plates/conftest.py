"""Small plates drawn with OpenCV's own strokes, in the contest's two layouts."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

HEIGHT, WIDTH = 32, 96
# Every character stands in several texts, and no two texts are near-equal: none hangs together.
TEXTS = [
    *("A2C1", "B1A3", "C3B2", "1AB2", "2CA3", "3BC1", "AC12", "BA23", "CB31", "12CA"),
    *("23AB", "31BC", "A1B3", "B2C1", "C3A2", "1C2B", "2A3C", "3B1A", "AB21", "CA13"),
]


def draw(text: str, seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A plate [height, width, 3] uint8 RGB: dark strokes on a light, noisy ground."""
    rng = np.random.default_rng(seed)
    image = np.full((HEIGHT, WIDTH, 3), rng.uniform(170, 230), np.float32)
    image += rng.normal(0, 8, image.shape)
    image = image.clip(0, 255).astype(np.uint8)
    (across, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.9, 2)
    at = ((WIDTH - across) // 2 + int(rng.integers(-2, 3)), 26 + int(rng.integers(-2, 3)))
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.9, (30, 30, 60), 2, cv2.LINE_AA)
    return image if (height, width) == (HEIGHT, WIDTH) else cv2.resize(image, (width, height))


def save(image: np.ndarray, path: Path) -> None:
    """Write RGB as a picture file."""
    cv2.imwrite(str(path), image[:, :, ::-1])


def write_crops(root: Path, texts: Sequence[str] = TEXTS, first: int = 0) -> Path:
    """`root/train_recognition.json` and root/crops/<number>.png; returns `root`."""
    (root / "crops").mkdir(parents=True)
    rows = []
    for number, text in enumerate(texts, first):
        save(draw(text, number), root / "crops" / f"{number}.png")
        rows.append({"file": f"crops/{number}.png", "text": text, "country": "xx", "rows": 1})
    (root / "train_recognition.json").write_text(json.dumps(rows))
    return root


def write_photographs(root: Path, texts: Sequence[Sequence[str]]) -> Path:
    """`root/train.json` and root/train/<number>.png, each with its plates side by side."""
    (root / "train").mkdir(parents=True)
    rows = []
    for number, plates in enumerate(texts):
        photograph = np.full((120, 160 * len(plates), 3), 90, np.uint8)
        nums = []
        for place, text in enumerate(plates):
            x, y = 160 * place + 30, 40
            photograph[y : y + HEIGHT, x : x + WIDTH] = draw(text, 100 * number + place)
            right, bottom = x + WIDTH - 1, y + HEIGHT - 1
            box = [[x, y], [right, y], [right, bottom], [x, bottom]]
            nums.append({"box": box, "text": text})
        save(photograph, root / "train" / f"{number}.png")
        rows.append({"file": f"train/{number}.png", "nums": nums})
    (root / "train.json").write_text(json.dumps(rows))
    return root


@pytest.fixture(scope="session")
def draw_plate() -> Callable[..., np.ndarray]:
    """`draw_plate(text, seed, height=32, width=96)`: one plate [H, W, 3] uint8 RGB."""
    return draw


@pytest.fixture(scope="session")
def make_crops() -> Callable[..., Path]:
    """`make_crops(root, texts=..., first=0)`: a folder of crops that a test may spoil."""
    return write_crops


@pytest.fixture(scope="session")
def make_photographs() -> Callable[..., Path]:
    """`make_photographs(root, [[text, ...], ...])`: photographs of plates and their train.json."""
    return write_photographs


@pytest.fixture(scope="session")
def crops_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 20 crops, to read only."""
    return write_crops(tmp_path_factory.mktemp("plates") / "data")


@pytest.fixture(scope="session")
def compiled() -> Callable[..., Any]:
    """`compiled(function, *arrays)`: what a function answers where it is traced.

    On TensorFlow it does not know the batch, and of maps [B, h, w, C] not the sides.
    """

    def call(function: Callable[..., Any], *arrays: np.ndarray) -> Any:
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            shapes = [
                array.shape[1:] if array.ndim < 4 else (None, None, array.shape[-1])
                for array in arrays
            ]
            signature = [
                tf.TensorSpec((None, *shape), array.dtype)
                for shape, array in zip(shapes, arrays, strict=True)
            ]
            return tf.function(function, input_signature=signature)(*arrays)
        if keras.backend.backend() == "jax":
            import jax

            return jax.jit(function)(*arrays)
        return function(*arrays)

    return call

"""A run folder -> an object that answers: the one way pictures are classified."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np

from carclf.config import Config
from carclf.labelled import read_classes
from carclf.model import build
from triptych import config as configs
from triptych import run as runs
from triptych.tta import Kind, render, views

_BATCH = 32


class Predictor:
    """A trained classifier with its class list; made by `open`."""

    def __init__(
        self, model: keras.Model, size: tuple[int, int], classes: list[str], names: list[str]
    ) -> None:
        self.model = model
        self.size = size
        self.classes = classes
        self.names = names

    def probabilities(
        self, count: int, read: Callable[[int], np.ndarray], tta: Sequence[Kind] = ()
    ) -> np.ndarray:
        """Class probabilities [count, classes] float64, rows summing to 1.

        `read(i)` gives picture i as [H, W, 3] uint8 RGB of any size; it is called from several
        threads. The views' probabilities are averaged, before any argmax.
        """
        chosen = views(tta)
        out = np.zeros((count, len(self.classes)))
        with ThreadPoolExecutor() as pool:
            for start in range(0, count, _BATCH):
                images = list(pool.map(read, range(start, min(start + _BATCH, count))))
                for view in chosen:
                    batch = np.stack([render(image, view, self.size) for image in images])
                    logits = np.asarray(self.model.predict_on_batch(batch), np.float64)
                    out[start : start + len(images)] += softmax(logits)
        return out / len(chosen)


def open(run: Path) -> Predictor:
    """Load the best model of a run folder.

    Raises:
        ValueError: `run` is no finished run folder.
    """
    runs.check(run)
    config = configs.load(Config, run / runs.CONFIG)
    classes, names = read_classes(run)
    model = build(config, len(classes))
    model.load_weights(run / runs.MODEL)
    return Predictor(model, config.size, classes, names)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Logits [N, C] -> probabilities."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)

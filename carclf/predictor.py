"""A run folder, or its export -> an object that answers: the one way pictures are classified."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carclf.config import Config
from triptych import config as configs
from triptych import exported
from triptych import run as runs
from triptych.frozen import Call, frozen
from triptych.tta import Kind, render, views

if TYPE_CHECKING:
    import keras

TASK = "carclf"

_BATCH = 32


class Predictor:
    """A trained classifier with its class list; made by `open`.

    Of the model only `predict_on_batch` is used here: pictures [B, height, width, 3] uint8 ->
    logits [B, C]; with `call`, which does the same, not even that.
    """

    def __init__(
        self,
        model: "keras.Model | Exported",
        size: tuple[int, int],
        classes: list[str],
        names: list[str],
        call: Call | None = None,
    ) -> None:
        # What exports a model, or looks into it, knows that it is Keras's.
        self.model: Any = model
        self.size = size
        self.classes = classes
        self.names = names
        self._call = call

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
                    rendered = pool.map(partial(render, view=view, size=self.size), images)
                    batch = np.stack(list(rendered))
                    logits = self.answer(batch).astype(np.float64)
                    out[start : start + len(images)] += softmax(logits)
        return out / len(chosen)

    def answer(self, images: np.ndarray) -> np.ndarray:
        """Logits [B, C] of pictures [B, height, width, 3] uint8."""
        return np.asarray((self._call or self.model.predict_on_batch)(images))


class Exported:
    """An export in a model's place; `size` is the (height, width) that it answers at."""

    def __init__(self, session: exported.Session, size: tuple[int, int]) -> None:
        self._session = session
        self._size = size

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
        """Logarithms of the probabilities, which are logits too, under Keras's name.

        Raises:
            ValueError: `images` are not of the export's size.
        """
        if images.shape[1:3] != self._size:
            raise ValueError(
                f"an export answers at {self._size[0]} x {self._size[1]} pixels, not at "
                f"{images.shape[1]} x {images.shape[2]}: views of other scales need the run"
            )
        probabilities = self._session(images)["probabilities"]
        return np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))


def open(run: Path, threads: int = 0) -> Predictor:
    """Load the best model of a run folder, or an export of it.

    Of an export in ONNX or LiteRT neither Keras nor TensorFlow is imported; `threads` is what one
    call of it may use, 0: one a core.

    Raises:
        ValueError: `run` is no finished run folder and no export of one.
        ModuleNotFoundError: the package that runs the export is not installed.
    """
    if runs.is_export(run):
        session = exported.open(run, TASK, threads)
        known = session.metadata
        size = known["size"]["height"], known["size"]["width"]
        return Predictor(Exported(session, size), size, known["classes"], known["names"])
    runs.check(run)
    # Here, so that an export can do without Keras.
    from carclf.labelled import read_classes
    from carclf.model import build

    config = configs.load(Config, run / runs.CONFIG)
    classes, names = read_classes(run)
    model = build(config, len(classes))
    model.load_weights(run / runs.MODEL)
    return Predictor(model, config.size, classes, names, frozen(model))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Logits [N, C] -> probabilities."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)

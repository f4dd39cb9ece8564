"""The detector as one ONNX file, for onnxruntime: its quickest form on a CPU, without TensorFlow.

`pixels` uint8 [B, H, W, 3] RGB in, canvases whose sides are multiples of 32 (`letterbox`); `maps`
float32 [B, H / stride, W / stride, C] out, with probabilities (`model.probable`). Finding plates in
the maps (or in Mask R-CNN's rows [B, K, C]), and the way back to a photograph's pixels, stay with
`predictor.Detector`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from plates.detector.config import Config
from triptych import onnx

if TYPE_CHECKING:
    import keras

FILE = onnx.FILE
TASK = "plates.detector"


def write(
    model: "keras.Model", config: Config, path: Path, metadata: Mapping[str, Any] | None = None
) -> None:
    """Write a detector that `plates.detector.heads.build` made.

    The file's own metadata has each value of `metadata` as JSON; `Onnx.config` needs its `task` and
    `config`, as `triptych.export.describe` gives them.

    Raises:
        ModuleNotFoundError: tf2onnx or onnx is not installed (pip install 'triptych[onnx]').
    """
    from plates.detector.heads import answering

    answers = answering(model, config.head)

    def call(pixels: Any) -> Any:
        return {"maps": answers(pixels, training=False)}

    onnx.save(onnx.convert(call), path, metadata or {})


class Onnx:
    """A file that `write` made, loaded; `threads` that one call may use; 0: one a core.

    Raises:
        ModuleNotFoundError: onnxruntime is not installed.
        ValueError: the file is none that onnxruntime can run.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        self._session = onnx.Session(path, threads)

    @property
    def config(self) -> Config:
        """That of the training.

        Raises:
            ValueError: the file is no detector's export, or its config another version's.
        """
        return self._session.config(Config, TASK)

    def maps(self, canvases: np.ndarray) -> np.ndarray:
        """Canvases uint8 [B, H, W, 3] -> maps float32 [B, h, w, C], as `predictor.Maps`."""
        return self._session(canvases)["maps"]

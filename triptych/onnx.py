"""Models as ONNX files: written from Keras models, run by onnxruntime alone, without TensorFlow.

A file takes `pixels`, uint8 [B, H, W, 3] RGB, and has one output. Its own metadata hold what the
export says of itself, each value as JSON; so a file can be used without anything beside it.
"""

import importlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    import onnx
    import tensorflow as tf

FILE = "model.onnx"
"""Name of the file in an export's folder."""
_OPSET = 18

T = TypeVar("T")


def convert(
    function: "Callable[[tf.Tensor], tf.Tensor]",
    output: str,
    size: tuple[int | None, int | None] = (None, None),
) -> "onnx.ModelProto":
    """What `function` does with pictures uint8 [B, *size, 3], in ONNX; None is any height or width.

    Raises:
        ModuleNotFoundError: tf2onnx is not installed.
    """
    import tensorflow as tf

    tf2onnx = _installed("tf2onnx")
    pixels = tf.TensorSpec((None, *size, 3), tf.uint8, name="pixels")

    @tf.function(input_signature=[pixels], autograph=False)
    def call(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        return {output: function(pixels)}

    model, _ = tf2onnx.convert.from_function(call, input_signature=[pixels], opset=_OPSET)
    return model


def save(model: "onnx.ModelProto", path: Path, metadata: Mapping[str, Any], **plain: str) -> None:
    """Check a model and write it, with values of `metadata` as JSON, and `plain` ones as such."""
    import onnx

    texts = {key: json.dumps(value, ensure_ascii=False) for key, value in metadata.items()}
    onnx.helper.set_model_props(model, texts | plain)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


class Session:
    """A file that `save` wrote, loaded; calls may come from several threads.

    `threads` that one call may use; 0: one a core. `size` is the height and width that it takes,
    names where they are free.

    Raises:
        ModuleNotFoundError: onnxruntime is not installed.
        ValueError: the file is none that onnxruntime can run.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        onnxruntime = _installed("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        data = path.read_bytes()
        try:
            self._session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime tells of damage by kinds of its own
            raise ValueError(f"{path} cannot be run by onnxruntime ({error})") from error
        self.path = path
        self.size: tuple[Any, Any] = tuple(self._session.get_inputs()[0].shape[1:3])

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """The output for pictures uint8 [B, H, W, 3]."""
        (answer,) = self._session.run(None, {"pixels": pixels})
        return np.asarray(answer)

    def config(self, kind: type[T], task: str) -> T:
        """The config of the training, of class `kind`; without where its data were.

        Raises:
            ValueError: the file is no export of `task`, as "plates.reader", or the config's values
                are not those of `kind`.
        """
        from pydantic import TypeAdapter

        texts = self._session.get_modelmeta().custom_metadata_map
        known = {key: json.loads(texts.get(key, '""')) for key in ("task", "config")}
        if known["task"] != task or not known["config"]:
            what = f"an export of {known['task']}" if known["task"] else "none that says so"
            raise ValueError(f"{self.path} must be an export of {task}; it is {what}")
        return TypeAdapter(kind).validate_python({"data": ""} | known["config"])


def _installed(package: str) -> Any:
    """A package of the extra `onnx`."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"ONNX files need {package}, which cannot be imported ({error}); "
            "run: pip install 'triptych[onnx]'"
        ) from error

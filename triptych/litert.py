"""Models as LiteRT (TensorFlow Lite) files, for phones and small boards.

A file takes `pixels`, uint8 [B, H, W, 3] RGB of one height and width and any B. Behind the model a
zip archive is appended, as LiteRT's own metadata have it, with what the export says of itself:
`unzip -p model.tflite metadata.json`.
"""

import importlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from triptych import run
from triptych.exported import Quantize

if TYPE_CHECKING:
    import tensorflow as tf

FILE = "model.tflite"
"""Name of the file in an export's folder."""

# What decodes an answer: 8 bits are too few for it, and it is little work.
_FLOAT = (
    "BATCH_MATMUL",
    "CONCATENATION",
    "EXP",
    "FULLY_CONNECTED",
    "MUL",
    "PACK",
    "RESHAPE",
    "SOFTMAX",
    "SPLIT",
    "SUM",
    "TRANSPOSE",
    "UNPACK",
)


def convert(
    function: "Callable[[tf.Tensor], dict[str, tf.Tensor]]",
    size: tuple[int, int],
    quantize: Quantize | None = None,
    samples: Iterable[np.ndarray] = (),
    keep: Sequence[str] = (),
) -> bytes:
    """What `function` does with pictures uint8 [B, *size, 3], as a LiteRT model.

    With `quantize` float16 the weights are kept in half precision; with int8 convolutions and sums
    work in 8 bits, calibrated on `samples`, pictures [B, *size, 3] uint8, and what decodes the
    answer stays as it is: operations of some kinds, the last ones, and those in whose names one of
    `keep` stands, as "/maps" of a layer's.
    """
    import tensorflow as tf

    pixels = tf.TensorSpec((None, *size, 3), tf.uint8, name="pixels")
    module = tf.Module()
    module.call = tf.function(function, input_signature=[pixels], autograph=False)
    traced = module.call.get_concrete_function()
    module.weights = list(traced.variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], module)
    if quantize is None:
        model: bytes = converter.convert()
        return model
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
        model = converter.convert()
        return model
    fed = [[one] for one in samples]
    converter.representative_dataset = lambda: iter(fed)
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=list(_FLOAT))
    # The converter itself has no way to leave operations alone; its debugger has.
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=lambda: iter(fed), debug_options=options
    )
    # Names are known after the conversion alone.
    options.denylisted_nodes = _kept(debugger.calibrated_model, keep)
    model = debugger.get_nondebug_quantized_model()
    return model


def _kept(model: bytes, keep: Sequence[str]) -> list[str]:
    """Names of the operations, which are their tensors', that answer or have a part of `keep`."""
    interpreter = _installed("ai_edge_litert.interpreter").Interpreter(model_content=model)
    answers = {tensor["name"] for tensor in interpreter.get_output_details()}
    names = [tensor["name"] for tensor in interpreter.get_tensor_details()]
    return [name for name in names if name in answers or any(part in name for part in keep)]


def save(model: bytes, path: Path, metadata: Mapping[str, Any]) -> None:
    """Write a model with its metadata behind it."""
    path.write_bytes(model)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(run.METADATA, json.dumps(metadata, ensure_ascii=False))


class Session:
    """A file that `save` wrote, loaded; calls may come from several threads, and wait in line.

    `threads` that one call may use; 0: one a core. `metadata` is what it says of itself.

    Raises:
        ModuleNotFoundError: ai-edge-litert is not installed.
        ValueError: the file is none that LiteRT can run.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        interpreter = _installed("ai_edge_litert.interpreter")
        data = path.read_bytes()
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                self.metadata: dict[str, Any] = json.loads(archive.read(run.METADATA))
            # Kept: the signature runner does not keep it alive.
            self._interpreter = interpreter.Interpreter(
                model_content=data, num_threads=threads or os.cpu_count()
            )
            self._run = self._interpreter.get_signature_runner()
        except (KeyError, RuntimeError, ValueError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} cannot be run by LiteRT ({error})") from error
        self._lock = Lock()

    def __call__(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs by name, for pictures uint8 [B, H, W, 3]."""
        with self._lock:
            answers: dict[str, np.ndarray] = self._run(pixels=pixels)
        return answers


def _installed(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"LiteRT files need ai-edge-litert, which cannot be imported ({error}); "
            "run: pip install 'triptych[litert]'"
        ) from error

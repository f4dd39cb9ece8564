"""Models as ONNX files: written from Keras models, run by onnxruntime alone, without TensorFlow.

A file takes `pixels`, uint8 [B, H, W, 3] RGB. Its own metadata hold what the export says of itself,
each value as JSON; so a file can be used without anything beside it.
"""

import importlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from triptych import weight_ranges
from triptych.exported import Quantize
from triptych.folding import folded

if TYPE_CHECKING:
    import onnx
    import tensorflow as tf

FILE = "model.onnx"
"""Name of the file in an export's folder."""
_OPSET = 18


def convert(
    function: "Callable[[tf.Tensor], dict[str, tf.Tensor]]",
    size: tuple[int | None, int | None] = (None, None),
) -> "onnx.ModelProto":
    """What `function` does with pictures uint8 [B, *size, 3], in ONNX; None is any height or width.

    Its answers are the file's outputs, by name.

    Raises:
        ModuleNotFoundError: tf2onnx is not installed.
    """
    import tensorflow as tf

    tf2onnx = _installed("tf2onnx")
    pixels = tf.TensorSpec((None, *size, 3), tf.uint8, name="pixels")

    call = tf.function(function, input_signature=[pixels], autograph=False)
    model, _ = tf2onnx.convert.from_function(call, input_signature=[pixels], opset=_OPSET)
    return model


def quantized(
    model: "onnx.ModelProto",
    how: Quantize,
    samples: Iterable[np.ndarray] = (),
    keep: Sequence[str] = (),
) -> "onnx.ModelProto":
    """A model with smaller weights; `samples` are pictures [B, H, W, 3] uint8 to calibrate int8 on.

    With float16 the weights are kept in half precision and widened when the file is loaded: nothing
    is quicker. With int8 convolutions work in 8 bits; the rest, little work and the answer's own
    arithmetic, stays as it is, and so do those in whose names one of `keep` stands, as "/maps".
    """
    return _halved(model) if how == "float16" else _in_8_bits(model, iter(samples), keep)


def _halved(model: "onnx.ModelProto") -> "onnx.ModelProto":
    from onnx import ModelProto, TensorProto, helper, numpy_helper

    made = ModelProto()
    made.CopyFrom(model)
    casts = []
    for tensor in made.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            name, half = tensor.name, f"{tensor.name}_half"
            values = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(values, half))
            casts.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *made.graph.node]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    return made


class _Samples:
    """Pictures as onnxruntime's calibration asks for them."""

    def __init__(self, pictures: Iterator[np.ndarray]) -> None:
        self._pictures = pictures

    def get_next(self) -> dict[str, np.ndarray] | None:
        pixels = next(self._pictures, None)
        return None if pixels is None else {"pixels": pixels}


def _in_8_bits(
    model: "onnx.ModelProto", samples: Iterator[np.ndarray], keep: Sequence[str]
) -> "onnx.ModelProto":
    import onnx

    quantization = _installed("onnxruntime.quantization")

    model = folded(model)
    names = [node.name for node in model.graph.node]
    with TemporaryDirectory() as folder:
        source, made = Path(folder, "float.onnx"), Path(folder, FILE)
        source.write_bytes(model.SerializeToString())
        quantization.quantize_static(
            source,
            made,
            _Samples(samples),
            # With what cuts a convolution's values off, the 8 bits are spent on what is left.
            op_types_to_quantize=["Conv", "Clip", "Relu"],
            nodes_to_exclude=[name for name in names if any(part in name for part in keep)],
            per_channel=True,
            extra_options={"TensorQuantOverrides": weight_ranges.overrides(model)},
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return onnx.load(made)


def save(model: "onnx.ModelProto", path: Path, metadata: Mapping[str, Any], **plain: str) -> None:
    """Check a model and write it, with values of `metadata` as JSON, and `plain` ones as such."""
    import onnx

    texts = {key: json.dumps(value, ensure_ascii=False) for key, value in metadata.items()}
    onnx.helper.set_model_props(model, texts | plain)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


class Session:
    """A file that `save` wrote, loaded; calls may come from several threads.

    `threads` that one call may use; 0: one a core.

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
        self._outputs = [output.name for output in self._session.get_outputs()]

    def __call__(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs by name, for pictures uint8 [B, H, W, 3]."""
        answers = self._session.run(self._outputs, {"pixels": pixels})
        return dict(zip(self._outputs, map(np.asarray, answers), strict=True))

    @property
    def metadata(self) -> dict[str, Any]:
        """What the file says of itself; a text that is no JSON, of another's file, as it is."""
        texts = self._session.get_modelmeta().custom_metadata_map
        return {key: _value(text) for key, text in texts.items()}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _installed(package: str) -> Any:
    """A package of the extra `onnx`."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"ONNX files need {package}, which cannot be imported ({error}); "
            "run: pip install 'triptych[onnx]'"
        ) from error

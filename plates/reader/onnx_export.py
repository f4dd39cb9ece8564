"""The reader as one ONNX file, for onnxruntime: its quickest form on a CPU, without TensorFlow.

`pixels` uint8 [B, H, W, 3] RGB of the model's size in, `log_probabilities` float32 [B, T, C + 1]
out. tf2onnx writes the layers up to the columns. It would write the GRUs as loops in ONNX, three
times as slow as ONNX's own GRU operator, so these and the classes are written here.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from plates.reader.config import Config
from triptych import onnx

if TYPE_CHECKING:
    import keras
    from onnx import GraphProto, ModelProto

_COLUMNS = "columns"


def convert(model: "keras.Model", config: Config) -> "ModelProto":
    """A reader that `plates.reader.model.build` made, for pictures of `config.size`.

    Raises:
        ModuleNotFoundError: tf2onnx or onnx is not installed (pip install 'triptych[onnx]').
    """
    from onnx import TensorProto, helper

    from plates.reader.model import columns

    part = _convolutions(model, config)
    graph = part.graph
    _append(graph, model.get_layer("head"), config)
    shape = ("B", columns(config, config.size), len(config.alphabet) + 1)
    answer = helper.make_tensor_value_info("log_probabilities", TensorProto.FLOAT, shape)
    del graph.output[:]
    graph.output.append(answer)
    return part


def _convolutions(model: "keras.Model", config: Config) -> "ModelProto":
    """Pixels [B, H, W, 3] uint8 -> columns [B, T, width], converted."""
    import keras

    _, backbone, head = model.layers
    columns = keras.Model(head.input, head.get_layer("lines").output)

    def call(pixels: Any) -> Any:
        return {_COLUMNS: columns(backbone(pixels, training=False), training=False)}

    return onnx.convert(call, config.size)


def _append(graph: "GraphProto", head: "keras.Model", config: Config) -> None:
    """The layers behind the columns: GRUs, which want the columns first, classes, log-softmax."""
    from onnx import helper, numpy_helper

    def constant(name: str, values: np.ndarray) -> str:
        graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        graph.node.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    # Of [T, 2, B, units] -> [T, B, 2 units].
    joined = constant("joined", np.array([0, 0, -1], np.int64))
    x = node("Transpose", [_COLUMNS], "columns_first", perm=[1, 0, 2])
    for number in range(config.gru_layers):
        both = head.get_layer(f"both{number}")
        weights = [_gates(layer) for layer in (both.forward_layer, both.backward_layer)]
        stacked = (np.stack(one) for one in zip(*weights, strict=True))
        names = [constant(f"gru{number}_{k}", w) for k, w in zip("WRB", stacked, strict=True)]
        x = node(
            "GRU",
            [x, *names],
            f"gru{number}",
            direction="bidirectional",
            hidden_size=config.units,
            # Keras's reset_after: the reset gate works on what the recurrent kernel gave.
            linear_before_reset=1,
        )
        x = node("Transpose", [x], f"gru{number}_aside", perm=[0, 2, 1, 3])
        x = node("Reshape", [x, joined], f"gru{number}_joined")
    kernel, bias = (np.asarray(w) for w in head.get_layer("classes").get_weights())
    x = node("MatMul", [x, constant("classes_kernel", kernel)], "classes_product")
    x = node("Add", [x, constant("classes_bias", bias)], "logits")
    x = node("LogSoftmax", [x], "log_softmax", axis=-1)
    node("Transpose", [x], "log_probabilities", perm=[1, 0, 2])


def _gates(gru: "keras.layers.GRU") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W [3 units, in], R [3 units, units], B [6 units]: both have the gates as z, r, h."""
    kernel, recurrent, bias = (np.asarray(w, np.float32) for w in gru.get_weights())
    return kernel.T.copy(), recurrent.T.copy(), bias.reshape(-1)

"""Factors and terms behind a convolution: in its weights the answer is the same."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from triptych.folding import folded

RNG = np.random.default_rng(0)


def value(name: str, *shape: int) -> TensorProto:
    return numpy_helper.from_array(RNG.normal(size=shape).astype(np.float32), name)


def model() -> onnx.ModelProto:
    """Two convolutions with the same weights; what is behind the second is asked for too."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], group=3),
        helper.make_node("Mul", ["a", "m"], ["b"]),
        helper.make_node("Add", ["t", "b"], ["c"]),
        helper.make_node("Mul", ["c", "m"], ["d"]),
        helper.make_node("Relu", ["d"], ["e"]),
        helper.make_node("Conv", ["e", "w", "bias"], ["f"], group=3),
        helper.make_node("Add", ["f", "t"], ["g"]),
        helper.make_node("Mul", ["f", "m"], ["h"]),
        helper.make_node("Conv", ["h", "w", "bias"], ["i"], group=3),
        helper.make_node("Mul", ["i", "one"], ["j"]),
        helper.make_node("Mul", ["j", "j"], ["k"]),
    ]
    tensors = [value("w", 3, 1, 2, 2), value("bias", 3), value("one", 1)]
    tensors += [value(name, 1, 3, 1, 1) for name in ("m", "t")]
    shape = [None, 3, None, None]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    asked = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "gk"]
    graph = helper.make_graph(nodes, "graph", [given], asked, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def answers(made: onnx.ModelProto, x: np.ndarray) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(made.SerializeToString(), options)
    return [np.asarray(answer) for answer in session.run(None, {"x": x})]


def test_answers_stay_and_the_operations_are_gone() -> None:
    made = model()
    before = made.SerializeToString()
    small = folded(made)
    assert made.SerializeToString() == before
    onnx.checker.check_model(small, full_check=True)
    # Behind the first convolution alone all is of one value a channel, and read by nothing else.
    kinds = [node.op_type for node in small.graph.node]
    assert kinds == ["Conv", "Relu", "Conv", "Add", "Mul", "Conv", "Mul", "Mul"]
    x = RNG.normal(size=(2, 3, 7, 6)).astype(np.float32)
    for got, want in zip(answers(small, x), answers(made, x), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_weights_that_nothing_reads_any_more_are_left_out() -> None:
    made = model()
    del made.graph.node[5:]
    del made.graph.output[:]
    shape = [None, 3, None, None]
    made.graph.output.append(helper.make_tensor_value_info("e", TensorProto.FLOAT, shape))
    assert len(folded(made).graph.initializer) == 2

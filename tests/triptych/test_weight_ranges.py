"""No two products beside each other overflow 16 bits, and no range is wider than that needs."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper, numpy_helper

from triptych import onnx, weight_ranges

WEIGHTS = arrays.arrays(
    np.float32,
    st.tuples(*(st.integers(1, high) for high in (4, 6, 3, 3))),
    elements=st.floats(-8, 8, width=32),
)


def model(weight: np.ndarray, group: int = 1) -> Any:
    """`pixels` [B, H, W, 3] in floats -> a convolution of as many channels as `weight` takes."""
    channels = weight.shape[1] * group
    first = np.ones((channels, 3, 1, 1), np.float32) / 255
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], name="cast", to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["x"], name="turn", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["x", "first"], ["y"], name="first"),
        helper.make_node("Conv", ["y", "weight"], ["out"], name="conv", group=group),
    ]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [None, 8, 8, 3])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(first, "first"), numpy_helper.from_array(weight, "weight")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def reach(weight: np.ndarray, group: int = 1) -> list[float]:
    """The largest value of each channel's range."""
    found = weight_ranges.overrides(model(weight, group))["weight"]
    assert all(one["axis"] == 0 and one["rmin"] == -one["rmax"] for one in found)
    return [one["rmax"] for one in found]


def test_by_hand() -> None:
    """Three channels in: 3 and 2 lie side by side, 3 and -2 take from each other."""
    weight = np.array([[3, 2, 0], [3, -2, 0], [3, 0, 3], [0, 0, 0]], np.float32)
    assert reach(weight[:, :, None, None]) == [5, 3, 3, 1]
    # Side by side in the file, [I, h, w], or with the channels last, [h, w, I].
    square = np.zeros((2, 2, 1, 2), np.float32)
    square[0, 0] = [[4, 1]]
    square[1, 0, 0, 0], square[1, 1, 0, 0] = 4, 2
    assert reach(square) == [5, 6]
    # Of single channels there are no pairs.
    alone = np.array([[4, 4], [1, 1]], np.float32).reshape(2, 1, 1, 2)
    assert reach(alone) == [8, 2]
    assert reach(alone, 2) == [4, 1]
    # Of one channel in and two out a group there are.
    assert reach(alone, 1) == reach(np.tile(alone, (2, 1, 1, 1)), 2)[:2] == [8, 2]


@given(WEIGHTS)
def test_no_pair_overflows(weight: np.ndarray) -> None:
    """255 times any two neighbours, each rounded, stays in 16 bits."""
    reaches = np.array(reach(weight))
    whole = np.rint(weight / (reaches / 127)[:, None, None, None]).astype(int)
    assert np.abs(whole).max() <= 127
    for row in (whole, np.moveaxis(whole, 1, -1)):
        flat = row.reshape(len(row), -1)
        pairs = flat[:, 1:] + flat[:, :-1]
        assert pairs.size == 0 or 255 * np.abs(pairs).max() < 2**15


def test_written() -> None:
    """The quantized file's weights are those that the ranges say."""
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(5, 4, 3, 3)).astype(np.float32)
    made = onnx.quantized(model(weight), "int8", [rng.integers(0, 256, (2, 8, 8, 3), np.uint8)])
    tensors = {one.name: numpy_helper.to_array(one) for one in made.graph.initializer}
    scales = np.array(reach(weight)) / 127
    np.testing.assert_allclose(tensors["weight_scale"], scales, rtol=1e-5)
    expected = np.rint(weight / scales[:, None, None, None])
    assert np.abs(tensors["weight_quantized"] - expected).max() <= 1

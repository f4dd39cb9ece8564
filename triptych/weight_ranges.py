"""How far the weights of an ONNX model's convolutions reach into 8 bits, without any overflow."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx


def overrides(model: "onnx.ModelProto") -> dict[str, list[dict[str, Any]]]:
    """The range of each output channel of each convolution, as onnxruntime's quantizer takes it.

    Processors without VNNI add two products of an unsigned and a signed byte in 16 bits, for
    weights that lie beside each other. Where the largest weight is 127 such a pair may overflow;
    onnxruntime's own remedy, weights of 7 bits, doubles the error. Here a channel is scaled down
    only as far as its own pairs need it. Convolutions with one channel in and out a group are done
    in 32 bits.
    """
    from onnx import numpy_helper

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    groups: dict[str, set[int]] = {}
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[1] in weights:
            own = next((one.i for one in node.attribute if one.name == "group"), 1)
            groups.setdefault(node.input[1], set()).add(own)
    return {
        name: [
            {"axis": 0, "rmin": -reach, "rmax": reach}
            for reach in _reaches(numpy_helper.to_array(weights[name]), own).tolist()
        ]
        for name, own in groups.items()
    }


def _reaches(weight: np.ndarray, groups: set[int]) -> np.ndarray:
    """The value [O] that becomes 127, of weights [O, I, h, w] used in as many `groups`."""
    flat = weight.reshape(len(weight), -1)
    reach = np.abs(flat).max(axis=1)
    depthwise = weight.shape[1] == 1 and groups == {len(weight)} != {1}
    if not depthwise:
        # As the file has them, and with the channels last, as they are multiplied.
        for row in (flat, np.moveaxis(weight, 1, -1).reshape(len(weight), -1)):
            pairs = np.abs(row[:, 1:] + row[:, :-1])
            reach = np.maximum(reach, pairs.max(axis=1, initial=0))
    # Without any weight every range will do; one of no length has no scale.
    return np.where(reach > 0, reach, 1.0)

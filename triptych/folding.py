"""Batch normalization taken into the convolution before it, in an ONNX model."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx


def folded(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """A model whose convolutions have taken in the factors and terms of each channel behind them.

    tf2onnx leaves batch normalization, as such factors and terms, behind convolutions of single
    channels. In 8 bits the factors, some of them large, would multiply the error.
    """
    from onnx import ModelProto, numpy_helper

    made = ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    users = Counter(name for node in _nodes(graph) for name in node.input)
    users.update(output.name for output in graph.output)
    readers = {name: node for node in graph.node for name in node.input}
    taken: set[str] = set()
    for conv in graph.node:
        if conv.op_type != "Conv" or not set(conv.input[1:]) <= tensors.keys():
            continue
        weight, *bias = (numpy_helper.to_array(tensors[name]) for name in conv.input[1:])
        factor, term = np.ones(len(weight), np.float32), np.zeros(len(weight), np.float32)
        output = conv.output[0]
        while users[output] == 1 and output in readers:
            behind = readers[output]
            known = [tensors[name] for name in behind.input if name in tensors]
            if behind.op_type not in ("Mul", "Add") or not known:
                break
            value = numpy_helper.to_array(known[0])
            if value.shape != (1, len(weight), 1, 1):
                break
            if behind.op_type == "Mul":
                factor, term = factor * value.ravel(), term * value.ravel()
            else:
                term = term + value.ravel()
            output = behind.output[0]
            taken.add(output)
        if output == conv.output[0]:
            continue
        # Tensors of its own: another convolution may have the same weights.
        names = [f"{output}_weight", f"{output}_bias"]
        values = weight * factor[:, None, None, None], sum(bias) * factor + term
        graph.initializer.extend(map(numpy_helper.from_array, values, names))
        del conv.input[1:]
        conv.input.extend(names)
        conv.output[0] = output
    left = [node for node in graph.node if node.op_type == "Conv" or node.output[0] not in taken]
    del graph.node[:]
    graph.node.extend(left)
    read = {name for node in _nodes(graph) for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return made


def _nodes(graph: "onnx.GraphProto") -> "Iterator[onnx.NodeProto]":
    """The nodes of a graph, and of its branches and loops, which may read its tensors."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)

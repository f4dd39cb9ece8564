"""Where a backbone halves its maps, found in the graph itself, so for every family alike."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def levels(model: "keras.Model") -> dict[int, "keras.KerasTensor"]:
    """Stride -> the feature map to take at that stride, for U-Net, FPN and heat-map heads.

    That is the map which the next downsampling layer reads (the earlier one, where a shortcut is
    downsampled too), and the model's output at the last stride. `model` comes from `create`, or
    was saved and loaded again. Strides are 2, 4, 8, 16 and 32; AlexNet has no 2, and its unpadded
    layers make maps a little smaller than side / stride.
    """
    from keras import layers

    place = {id(layer.output): index for index, layer in enumerate(model.layers)}
    unpadded = {}
    found: dict[int, keras.KerasTensor] = {}
    stride = 1
    for layer, before, step in walk(model):
        stride = before * step
        if isinstance(layer, layers.ZeroPadding2D | layers.Identity):
            unpadded[id(layer.output)] = layer.input
        if step > 1 and before > 1:
            read = unpadded.get(id(layer.input), layer.input)
            if before not in found or place[id(read)] < place[id(found[before])]:
                found[before] = read
    return {**found, stride: model.output}


def walk(model: "keras.Model") -> "Iterator[tuple[keras.Layer, int, int]]":
    """Each layer of a backbone in order, the total stride that it reads at, and its own."""
    from keras import layers

    stride = {id(model.input): 1}
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer):
            continue
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        before = max(stride[id(tensor)] for tensor in inputs)
        step = layer.strides if hasattr(layer, "strides") else 1
        step = step if isinstance(step, int) else step[0]
        stride[id(layer.output)] = before * step
        yield layer, before, step


def narrow(tensor: "keras.KerasTensor") -> "keras.KerasTensor":
    """The map a block starts from, where `tensor` is its widening by a 1x1 convolution.

    Inverted residuals (MobileNet's, EfficientNet's) downsample the widened map, so that is what
    `levels` gives; a head that does not need its width goes without that convolution.
    """
    from keras import layers

    found = tensor
    while True:
        layer = found._keras_history.operation
        if isinstance(layer, layers.Conv2D) and layer.kernel_size == (1, 1):
            return layer.input if layer.input.shape[-1] < tensor.shape[-1] else tensor
        if not isinstance(layer, layers.Activation | layers.ReLU | layers.BatchNormalization):
            return tensor
        found = layer.input

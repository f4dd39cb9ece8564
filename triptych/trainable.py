"""Which layers of a backbone a stage trains."""

import keras
from keras import layers

from triptych.stage import Part

# The share of the backbone's layers that each part leaves as they are.
_FIXED: dict[Part, float] = {"head": 1, "upper": 1 / 2, "most": 1 / 8, "all": 0}


def set_trainable(backbone: keras.Model, part: Part, freeze_bn: bool) -> None:
    """Make `part` of the model trainable, of which this is the backbone; the head always is.

    "head" is the head alone, "upper" also the later half of the backbone's layers, "most" all but
    their first eighth (edges and colours, on the largest maps: a third of a step's time), "all"
    everything. `freeze_bn` keeps the backbone's batch-norm layers as they are: parameters fixed,
    moving statistics used. Takes effect at the next compile.
    """
    first = int(_FIXED[part] * len(backbone.layers))
    for number, layer in enumerate(backbone.layers):
        frozen_bn = freeze_bn and isinstance(layer, layers.BatchNormalization)
        layer.trainable = number >= first and not frozen_bn

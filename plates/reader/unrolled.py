"""The reader as LiteRT can have it: GRUs without loops, of built-in operations, the batch free."""

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from triptych.frozen import inside

if TYPE_CHECKING:
    from plates.reader.config import Config
    from triptych.saved_model import Answer

_SCOPE = "in_float"
KEEP = ("/lines", f"{_SCOPE}/")
"""In the names of what stays in float in 8 bits: everything behind the convolutions."""


def log_probabilities(model: keras.Model, config: "Config") -> "Answer":
    """Crops [B, height, width, 3] uint8 of the model's size -> `log_probabilities` [B, T, C + 1].

    Of a reader that `plates.reader.model.build` made: what `plates.reader.export.answer` gives.
    """
    _, backbone, head = model.layers
    columns = keras.Model(head.input, head.get_layer("lines").output)

    def call(crops: tf.Tensor) -> dict[str, tf.Tensor]:
        x = columns(backbone(crops, training=False), training=False)
        with tf.name_scope(_SCOPE):
            for number in range(config.gru_layers):
                both = head.get_layer(f"both{number}")
                x = tf.concat([gru(x, both.forward_layer), gru(x, both.backward_layer)], axis=2)
            logits = head.get_layer("classes")(x)
            return {"log_probabilities": tf.nn.log_softmax(tf.cast(logits, tf.float32))}

    return inside(model, call)


def gru(columns: tf.Tensor, layer: keras.layers.GRU) -> tf.Tensor:
    """What a GRU (Keras's, `reset_after`) gives for columns [B, T, C], T known: [B, T, units].

    One that goes backwards gives them in the order of the columns, as `Bidirectional` does.
    """
    cell: Any = layer.cell
    gates = [2 * layer.units, layer.units]  # update and reset together, candidate
    kernels, recurrent = (
        tf.split(weights, gates, axis=1) for weights in (cell.kernel, cell.recurrent_kernel)
    )
    given_bias, own_bias = (tf.split(bias, gates) for bias in tf.unstack(cell.bias))
    given = [
        tf.unstack(tf.matmul(columns, kernel) + bias, axis=1)
        for kernel, bias in zip(kernels, given_bias, strict=True)
    ]
    state = tf.zeros_like(given[1][0])
    states = []
    for both, last in list(zip(*given, strict=True))[:: -1 if layer.go_backwards else 1]:
        sums = both + (tf.matmul(state, recurrent[0]) + own_bias[0])
        update, reset = tf.split(tf.sigmoid(sums), 2, axis=1)
        candidate = tf.tanh(last + reset * (tf.matmul(state, recurrent[1]) + own_bias[1]))
        state = candidate + update * (state - candidate)
        states.append(state)
    return tf.stack(states[:: -1 if layer.go_backwards else 1], axis=1)

"""`predictor.Detector.detect` of one photograph in TensorFlow operations, for detectors that are
shipped. What is computed, and why so, stands in `plates.detector.predictor` and `letterbox`."""

from collections.abc import Callable

import keras
import tensorflow as tf

from plates.detector import graph_quads, predictor
from plates.detector.config import Config
from plates.detector.graph_geometry import onward, overlaps
from plates.detector.heads import answering
from plates.detector.letterbox import GREY, MULTIPLE
from triptych import graph_images
from triptych.frozen import inside

Find = Callable[[tf.Tensor, float], graph_quads.Found]


def finder(model: keras.Model, config: Config) -> Find:
    """What finds the plates of a photograph uint8 [H, W, 3] RGB, with a least score, 0..1.

    It gives corners float64 [N, 4, 2], in pixels of the photograph and in reading order, and
    scores float32 [N], best first; N may be 0. The second look is in it.
    """
    answers = inside(answering(model, config.head))

    def read(said: tf.Tensor, least: tf.Tensor) -> graph_quads.Found:
        if config.head == "maskrcnn":
            return graph_quads.from_rows(said, least)
        maps = graph_quads.from_masks if config.head == "unet" else graph_quads.from_corners
        return maps(said, config.stride, least)

    canvas, scalar = tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((), tf.float64)

    # One copy of the model in the graph, for both looks.
    @tf.function(input_signature=[canvas, scalar], autograph=False)
    def seen(canvas: tf.Tensor, least: tf.Tensor) -> graph_quads.Found:
        return read(tf.cast(answers(canvas[None])[0], tf.float32), least)

    def look(
        image: tf.Tensor, side: int, least: float, square: bool
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Corners in pixels of the image, scores, and canvas pixels to one of them: x, y."""
        inner, size, scale = _frame(image, side, square)
        quads, scores = seen(_laid(image, inner, size), tf.constant(least, tf.float64))
        return (quads + 0.5) / scale - 0.5, scores, scale

    def find(photograph: tf.Tensor, least: float) -> graph_quads.Found:
        quads, scores, scale = look(photograph, config.side, least, False)

        def again(first: tf.Tensor) -> tf.Tensor:
            left, top, right, bottom = _window(photograph, first)
            part = photograph[top:bottom, left:right]
            others, _, _ = look(part, predictor.ZOOMED, predictor.AGAIN, True)
            others += tf.cast([left, top], tf.float64)
            shares = overlaps(others, tf.broadcast_to(first, tf.shape(others)))
            # The first look's, unless one overlaps it by more.
            best = tf.argmax(tf.concat([[predictor.SAME], shares], axis=0))
            return tf.concat([first[None], others], axis=0)[best]

        lengths = tf.norm(onward(quads) * scale, axis=2)
        small = (lengths[:, 0] + lengths[:, 2]) / 2 < predictor.SMALL
        small &= tf.reduce_max(scale) < predictor.WORTH
        refined = tf.map_fn(
            lambda one: tf.cond(one[1], lambda: again(one[0]), lambda: one[0]),
            (quads, small),
            fn_output_signature=tf.TensorSpec((4, 2), tf.float64),
        )
        return refined, scores

    return find


def _frame(image: tf.Tensor, side: int, square: bool) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """`letterbox.fit`: height and width of the picture in the canvas, then of the canvas, int32
    [2] each; and canvas pixels a picture's pixel, float64 [2], across and down."""
    size = tf.cast(tf.shape(image)[:2], tf.float64)
    inner = tf.maximum(tf.round(size * (side / tf.reduce_max(size))), 1)
    rows = tf.cast(inner, tf.int32)
    canvas = tf.constant([side, side]) if square else -(-rows // MULTIPLE) * MULTIPLE
    return rows, canvas, (inner / size)[::-1]


@tf.function
def _laid(image: tf.Tensor, inner: tf.Tensor, canvas: tf.Tensor) -> tf.Tensor:
    """`Letterbox.apply`: the canvas."""
    resized = graph_images.resize(image[None], inner)[0]
    down, across = tf.unstack(canvas - inner)
    return tf.pad(resized, [[0, down], [0, across], [0, 0]], constant_values=GREY)


def _window(image: tf.Tensor, quad: tf.Tensor) -> list[tf.Tensor]:
    """`predictor._window`: left, top, right, bottom in whole pixels."""
    low, high = tf.reduce_min(quad, axis=0), tf.reduce_max(quad, axis=0)
    half = predictor.AROUND * tf.reduce_max(high - low) / 2
    middle, size = (low + high) / 2, tf.cast(tf.shape(image)[1::-1], tf.float64)
    first = tf.clip_by_value(tf.round(middle - half), 0, size - 1)
    last = tf.maximum(tf.clip_by_value(tf.round(middle + half), 0, size), first + 1)
    return tf.unstack(tf.cast(tf.concat([first, last], axis=0), tf.int32))

"""`plates.pipeline` in TensorFlow operations, for models that are shipped: a photograph's plates
cut, read, the doubtful dropped, from left to right. What is computed, and why so, stands in
`plates.pipeline`, `plates.geometry`, `plates.rectify` and `plates.gate`; names are those there."""

from collections.abc import Callable, Mapping

import cv2
import tensorflow as tf

from plates import gate, geometry, pipeline
from plates.detector.graph import Find
from plates.detector.graph_geometry import areas, cross, faultless, onward
from plates.reader.config import Config
from plates.reader.crops import LEAST
from triptych import graph_images

Read = Callable[[tf.Tensor], dict[str, tf.Tensor]]
"""Crops uint8 [N, height, width, 3] -> what `plates.reader.graph.greedy` gives; N may be 0."""

READING = ("text", "confidence", "characters")
"""Of it, what is answered."""

# Before version 5, OpenCV looks pixels up on a grid of 1/32; since then, between any.
_GRID = int(cv2.__version__.split(".")[0]) < 5


def answer(
    find: Find,
    read: Read,
    config: Config,
    least: float = gate.LEAST,
    least_reading: float = gate.LEAST_READING,
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """What `Pipeline.read` says of one photograph uint8 [H, W, 3] RGB; `config` is the reader's.

    The plates' rows are `corners` [N, 4, 2], `scores` [N], `confidence` [N] of the whole text and
    `characters` [N, T] of each, 0 after the last, all float32, and `text` [N] string. N may be 0.

    Raises:
        ValueError: a limit that is not 0..1.
    """
    gate.check(least, least_reading)
    floor = max(pipeline.FLOOR, gate.floor(least, least_reading))

    def call(photograph: tf.Tensor) -> dict[str, tf.Tensor]:
        corners, scores = find(photograph, floor)
        sound = is_sound(corners, tf.shape(photograph)[0], tf.shape(photograph)[1])
        corners, scores = corners[sound], scores[sound]
        crops, sides = _crops(photograph, corners, config)
        legible = tf.reduce_min(sides, axis=1) >= LEAST
        corners, scores, crops = corners[legible], scores[legible], crops[legible]
        # TensorFlow's fused convolutions fail on no crops at all, so there is always one.
        count = tf.shape(crops)[0]
        some = tf.pad(crops, [[0, tf.cast(count == 0, tf.int32)], [0, 0], [0, 0], [0, 0]])
        found = {name: rows[:count] for name, rows in read(some).items() if name in READING}
        kept = tf.where(keeps(scores, found, least, least_reading))
        order = tf.gather(kept[:, 0], in_order(tf.gather(corners, kept[:, 0])))
        found |= {"corners": tf.cast(corners, tf.float32), "scores": scores}
        return {name: tf.gather(rows, order) for name, rows in found.items()}

    return call


def is_sound(corners: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Bool [N]: quads float64 [N, 4, 2] without a `geometry.problem` in such a picture."""
    share = tf.math.divide_no_nan(_inside(corners, height, width), areas(corners))
    return faultless(corners) & (share >= geometry.LEAST_INSIDE)


def _inside(corners: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """[N]: the area of each quad that lies in the picture.

    Moving each point to the nearest of the picture leaves what is inside as it is and presses the
    rest flat, so the area of the quad moved thus is what is asked for. Its sides then bend only
    where they cross one of the picture's edge lines.
    """
    low = tf.constant([-0.5, -0.5], tf.float64)
    high = tf.cast(tf.stack([width, height]), tf.float64) - 0.5
    begin, along = corners[:, :, None], onward(corners)[:, :, None]
    crossings = tf.math.divide_no_nan(tf.stack([low, high]) - begin, along)
    shares = tf.pad(tf.reshape(crossings, (-1, 4, 4)), [[0, 0], [0, 0], [1, 0]])
    points = begin + tf.sort(tf.clip_by_value(shares, 0, 1))[..., None] * along
    return areas(tf.clip_by_value(tf.reshape(points, (-1, 20, 2)), low, high))


def _crops(
    photograph: tf.Tensor, corners: tf.Tensor, config: Config
) -> tuple[tf.Tensor, tf.Tensor]:
    """Crops uint8 [N, height, width, 3] as the reader sees them, and their sides [N, 2] as cut."""
    cut = {"homography": rectify, "rectangle": turned, "box": box}[config.cut]

    def one(quad: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        crop = cut(photograph, quad, config.margin)
        return graph_images.resize(crop[None], config.size)[0], tf.shape(crop)[:2]

    kinds = (tf.TensorSpec((*config.size, 3), tf.uint8), tf.TensorSpec((2,), tf.int32))
    return tf.map_fn(one, corners, fn_output_signature=kinds)


def rectify(image: tf.Tensor, corners: tf.Tensor, margin: float) -> tf.Tensor:
    """`plates.rectify.rectify` of a sound quad float64 [4, 2].

    With OpenCV 4 equal to the bit. That of version 5 rounds in a way that depends on the machine:
    one value in 50 000 of photographs is off by one.
    """
    outer = corners + margin * (2 * corners - tf.roll(corners, 1, 0) - tf.roll(corners, -1, 0))
    lengths = tf.norm(onward(outer), axis=-1)
    last = tf.round(tf.stack([lengths[0] + lengths[2], lengths[1] + lengths[3]]) / 2)
    u = (tf.range(last[0] + 1, dtype=tf.float64) / last[0])[:, None]
    v = (tf.range(last[1] + 1, dtype=tf.float64) / last[1])[:, None, None]
    # Heckbert 1989, "Fundamentals of texture mapping and image warping", from a square to a quad.
    right, left = outer[1] - outer[2], outer[3] - outer[2]
    rest = outer[0] - outer[1] + outer[2] - outer[3]
    g, h = cross(rest, left) / cross(right, left), cross(right, rest) / cross(right, left)
    across, down = outer[1] * (g + 1) - outer[0], outer[3] * (h + 1) - outer[0]
    places = (across * u + down * v + outer[0]) / (g * u + h * v + 1)
    if _GRID:
        places = tf.round(places * 32) / 32
    return _between(image, places)


def turned(image: tf.Tensor, corners: tf.Tensor, margin: float) -> tf.Tensor:
    """`plates.rectify.turned` of a sound quad float64 [4, 2]."""
    along = corners[1] - corners[0] + corners[2] - corners[3]
    along /= tf.norm(along)
    axes = tf.stack([along, tf.stack([-along[1], along[0]])])
    seen = tf.matmul(corners, axes, transpose_b=True)
    low, high = tf.reduce_min(seen, axis=0), tf.reduce_max(seen, axis=0)
    upright = tf.gather(tf.concat([low, high], 0), [[0, 1], [2, 1], [2, 3], [0, 3]])
    return rectify(image, tf.matmul(upright, axes), margin)


def box(image: tf.Tensor, corners: tf.Tensor, margin: float) -> tf.Tensor:
    """`plates.rectify.box` of a sound quad float64 [4, 2]."""
    low, high = tf.reduce_min(corners, axis=0), tf.reduce_max(corners, axis=0)
    more = margin * (high - low)
    x0, y0 = tf.unstack(tf.cast(tf.round(low - more), tf.int32))
    x1, y1 = tf.unstack(tf.cast(tf.round(high + more), tf.int32))
    return _at(image, tf.range(x0, x1 + 1), tf.range(y0, y1 + 1)[:, None])


def keeps(
    scores: tf.Tensor, found: Mapping[str, tf.Tensor], least: float, least_reading: float
) -> tf.Tensor:
    """`gate.keeps`, bool [N], of scores [N] and what `Read` found."""
    lengths = tf.strings.length(found["text"], "UTF8_CHAR")
    characters = found["characters"]
    each = tf.where(tf.sequence_mask(lengths, tf.shape(characters)[1]), characters, 1)
    weakest = tf.where(lengths > 0, tf.reduce_min(each, axis=1), -found["confidence"])
    weakest, scores = tf.cast(weakest, tf.float64), tf.cast(scores, tf.float64)
    return scores * least_reading + weakest * least >= 2 * least * least_reading


def in_order(corners: tf.Tensor) -> tf.Tensor:
    """int32 [N]: the places of quads [N, 4, 2] in the order of `pipeline.in_order`."""
    across, down = tf.unstack(tf.reduce_mean(corners, axis=1), axis=1)
    order = tf.argsort(across, stable=True)
    left = tf.gather(tf.reduce_min(corners[:, :, 0], axis=1), order)
    right = tf.gather(tf.reduce_max(corners[:, :, 0], axis=1), order)

    def step(state: tuple[tf.Tensor, tf.Tensor], i: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        column, first = state
        common = tf.minimum(right[first], right[i]) - tf.maximum(left[first], left[i])
        narrower = tf.minimum(right[first] - left[first], right[i] - left[i])
        above = common > pipeline.MOST_BESIDE * narrower
        return tf.where(above, column, column + 1), tf.where(above, first, i)

    columns, _ = tf.scan(step, tf.range(tf.size(order)), (0, 0))
    by_height = tf.argsort(tf.gather(down, order), stable=True)
    by_column = tf.argsort(tf.gather(columns, by_height), stable=True)
    return tf.gather(order, tf.gather(by_height, by_column))


def _between(image: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """uint8 [..., 3]: the picture at x, y [..., 2] float64, linear between its pixels."""
    corner = tf.floor(places)
    x, y = tf.unstack(tf.cast(corner, tf.int32), axis=-1)
    right, down = tf.split(tf.cast(places - corner, tf.float32), 2, axis=-1)
    (a, b), (c, d) = (
        [tf.cast(_at(image, x + i, y + j), tf.float32) for i in (0, 1)] for j in (0, 1)
    )
    upper, lower = a + right * (b - a), c + right * (d - c)
    return tf.cast(tf.floor(upper + down * (lower - upper) + 0.5), tf.uint8)


def _at(image: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The picture's pixels at whole x, y of any shapes that fit together, its border repeated."""
    height, width, _ = tf.unstack(tf.shape(image))
    x, y = tf.clip_by_value(x, 0, width - 1), tf.clip_by_value(y, 0, height - 1)
    return tf.gather(tf.reshape(image, (-1, 3)), y * width + x)

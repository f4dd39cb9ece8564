"""`plates.geometry` in TensorFlow operations, for detectors that are shipped, over many quads at
once: float64 [N, 4, 2], as there. And the smallest rectangle, which cv2 has."""

import tensorflow as tf

_LEAST_AREA = 8.0
_LEAST_SIDE = 2.0
_LEAST_TURN = 0.02
_TINY = 1e-9  # square pixels or pixels: below what rounding does to corners


def onward(quads: tf.Tensor) -> tf.Tensor:
    """The sides [..., 4, 2], each from its corner to the next one."""
    return tf.roll(quads, -1, axis=-2) - quads


def cross(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """The cross product of vectors [..., 2]: positive where `b` turns as from x to y."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def reading_order(points: tf.Tensor) -> tf.Tensor:
    """Points [N, 4, 2] of any winding and first corner -> quads: `geometry.reading_order`."""
    from_middle = points - tf.reduce_mean(points, axis=1, keepdims=True)
    angles = tf.atan2(from_middle[..., 1], from_middle[..., 0])
    clockwise = tf.gather(points, tf.argsort(angles, stable=True), batch_dims=1)
    starts = tf.stack([tf.roll(clockwise, -first, axis=1) for first in range(4)], axis=1)
    along = starts[..., 1, :] - starts[..., 0, :] + starts[..., 2, :] - starts[..., 3, :]
    levelness = tf.round(along[..., 0] / tf.maximum(tf.norm(along, axis=-1), 1e-12) * 1e9)
    return tf.gather(starts, tf.argmax(levelness, axis=1), batch_dims=1)


def faultless(quads: tf.Tensor) -> tf.Tensor:
    """Bool [N]: whether a quad can be a plate, so that `geometry.defect` says nothing."""
    along = onward(quads)
    lengths = tf.norm(along, axis=-1)
    turns = cross(tf.roll(along, 1, axis=1), along)
    right = tf.math.count_nonzero(turns > 0, axis=1)
    straight = tf.abs(turns) < _LEAST_TURN * lengths * tf.roll(lengths, 1, axis=1)
    return (
        tf.reduce_all(tf.math.is_finite(quads), axis=(1, 2))
        & (tf.reduce_min(lengths, axis=1) >= _LEAST_SIDE)
        & (areas(quads) >= _LEAST_AREA)
        & ~tf.reduce_any(straight, axis=1)
        & ((right == 0) | (right == 4))
    )


def areas(polygons: tf.Tensor) -> tf.Tensor:
    """Areas [N] of polygons [N, P, 2] (shoelace formula)."""
    return tf.abs(tf.reduce_sum(cross(polygons, tf.roll(polygons, -1, axis=1)), axis=1)) / 2


def overlaps(quads: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """IoU [N], 0..1, of each of N convex quads with that of `others` [N, 4, 2] in its place.

    Both go clockwise, as quads in reading order do. What is common is spanned by the corners of
    each that lie in the other one, and by the points where sides meet.
    """
    sides, across = onward(quads), onward(others)
    between = others[:, None] - quads[:, :, None]
    turns = cross(sides[:, :, None], across[:, None])
    # Parallel sides give no number, or an infinite one: they do not meet.
    share = cross(between, across[:, None]) / turns
    other = cross(between, sides[:, :, None]) / turns
    meet = (share >= 0) & (share <= 1) & (other >= 0) & (other <= 1)
    meeting = quads[:, :, None] + share[..., None] * sides[:, :, None]
    known = [_within(quads, others), _within(others, quads), tf.reshape(meet, (-1, 16))]
    points = [quads, others, tf.reshape(meeting, (-1, 16, 2))]
    common = _spanned(tf.concat(points, axis=1), tf.concat(known, axis=1))
    return common / tf.maximum(areas(quads) + areas(others) - common, _TINY)


def _within(points: tf.Tensor, quads: tf.Tensor) -> tf.Tensor:
    """Bool [N, P]: which of the points [N, P, 2] are in the clockwise quad, or on its border."""
    depths = cross(onward(quads)[:, None], points[:, :, None] - quads[:, None])
    return tf.reduce_all(depths >= -_TINY, axis=2)


def _spanned(points: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Areas [N] of the convex polygons whose corners are the `known` ones of points [N, P, 2]."""
    count = tf.maximum(tf.math.count_nonzero(known, axis=1, keepdims=True), 1)
    points = tf.where(known[..., None], points, 0)
    middles = tf.reduce_sum(points, axis=1) / tf.cast(count, tf.float64)
    around = tf.where(known[..., None], points - middles[:, None], 0)
    # The unknown come last, and stand where the first one does.
    angles = tf.where(known, tf.atan2(around[..., 1], around[..., 0]), 9)
    order = tf.argsort(angles)
    around = tf.gather(around, order, batch_dims=1)
    last = tf.gather(known, order, batch_dims=1)[..., None]
    return areas(tf.where(last, around, around[:, :1]))


def smallest_box(points: tf.Tensor) -> tf.Tensor:
    """Corners [4, 2], in turn, of the smallest rectangle around points [P, 2], of any order.

    One of its sides lies along a side of the points' convex hull (Freeman and Shapira,
    "Determining the minimum-area encasing rectangle for an arbitrary closed curve", 1975). Seen
    from a corner of the hull, the next one is the point farthest to one hand, counted from the
    middle of all. For points inside that is no side of the hull, but no smaller rectangle either.
    """
    toward = tf.reduce_mean(points, axis=0) - points
    other = points - points[:, None]
    lengths = tf.norm(other, axis=2)
    cosines = tf.reduce_sum(other * toward[:, None], axis=2)
    cosines /= tf.maximum(lengths * tf.norm(toward, axis=1)[:, None], 1e-12)
    hand = tf.sign(cross(toward[:, None], other)) * (1 - cosines)
    farthest = tf.argmax(tf.where(lengths > 1e-6, hand, -9), axis=1)
    sides = tf.gather(points, farthest) - points
    along = sides / tf.maximum(tf.norm(sides, axis=1, keepdims=True), 1e-12)
    down = tf.stack([-along[:, 1], along[:, 0]], axis=1)
    reach = tf.stack([tf.matmul(points, way, transpose_b=True) for way in (along, down)])
    low, high = tf.reduce_min(reach, axis=1), tf.reduce_max(reach, axis=1)
    best = tf.argmin(tf.reduce_prod(high - low, axis=0))
    ends = tf.stack([low[:, best], high[:, best]])  # [low or high, along or down]
    ways = tf.stack([along[best], down[best]])
    return tf.matmul(
        tf.gather_nd(
            ends, [[[0, 0], [0, 1]], [[1, 0], [0, 1]], [[1, 0], [1, 1]], [[0, 0], [1, 1]]]
        ),
        ways,
    )

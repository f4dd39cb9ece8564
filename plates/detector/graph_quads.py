"""`decode` and `fitting` in TensorFlow operations, for detectors that are shipped.

What is computed, and why so, stands there, and so do the settings. The answers are the same but for
rounding: cv2 has the smallest rectangle in float32, and of two equally small ones either is right.
"""

import tensorflow as tf

from plates.detector import decode, fitting
from plates.detector.graph_geometry import (
    cross,
    faultless,
    onward,
    overlaps,
    reading_order,
    smallest_box,
)
from plates.detector.rcnn import SIDE

Found = tuple[tf.Tensor, tf.Tensor]
"""Corners float64 [N, 4, 2], in pixels of the canvas, and scores float32 [N], best first."""


def from_masks(maps: tf.Tensor, stride: int, least: tf.Tensor) -> Found:
    """`decode.from_masks`: maps float32 [h, w, 2], `least` a float64 scalar."""
    # With a border, which also holds the cell of number 0.
    padded = tf.pad(maps, [[1, 1], [1, 1], [0, 0]])
    mask, cores = padded[..., 0], padded[..., 1]
    seeds = _seeds(mask, cores)
    cells = tf.size(mask)
    sums = tf.math.unsorted_segment_sum(tf.cast(mask, tf.float64), seeds, cells)
    counts = tf.math.unsorted_segment_sum(tf.ones_like(mask, tf.float64), seeds, cells)
    present = tf.where(counts[1:] > 0)[::-1, 0] + 1
    scores = tf.gather(sums / tf.maximum(counts, 1), present)
    best = tf.argsort(-scores, stable=True)[: decode._MOST]
    best = tf.boolean_mask(best, tf.gather(scores, best) >= least)
    quads = tf.map_fn(
        lambda seed: _quad(mask, seeds, seed),
        tf.cast(tf.gather(present, best), tf.int32),
        fn_output_signature=tf.TensorSpec((4, 2), tf.float64),
    )
    quads = _in_pixels(quads - 1, stride)
    kept = faultless(quads)
    scores = tf.cast(tf.gather(scores, best), tf.float32)
    return tf.boolean_mask(quads, kept), tf.boolean_mask(scores, kept)


def from_corners(maps: tf.Tensor, stride: int, least: tf.Tensor) -> Found:
    """`decode.from_corners`: maps float32 [h, w, 9], `least` a float64 scalar."""
    heat = maps[..., 0]
    rivals = tf.nn.max_pool2d(heat[None, ..., None], 3, 1, "SAME")[0, ..., 0]
    places = tf.where((heat == rivals) & (heat >= tf.cast(least, tf.float32)))
    scores = tf.gather_nd(heat, places)
    best = tf.argsort(-scores, stable=True)[: decode._MOST]
    scores, places = tf.gather(scores, best), tf.gather(places, best)
    offsets = tf.cast(tf.gather_nd(maps, places)[:, 1:], tf.float64)
    finite = tf.math.is_finite(offsets)
    # What is not finite makes no plate, but would not do for sorting.
    offsets = tf.reshape(tf.where(finite, offsets, 0), (-1, 4, 2))
    centres = tf.cast(places[:, ::-1], tf.float64)
    quads = reading_order(_in_pixels(offsets + centres[:, None], stride))
    kept = tf.reduce_all(finite, axis=1) & faultless(quads)
    quads, scores = tf.boolean_mask(quads, kept), tf.boolean_mask(scores, kept)
    kept = _apart(quads)
    return tf.boolean_mask(quads, kept), tf.boolean_mask(scores, kept)


def from_rows(rows: tf.Tensor, least: tf.Tensor) -> Found:
    """`rcnn.reading.read`: rows float32 [K, 5 + SIDE * SIDE], `least` a float64 scalar."""
    scores = tf.cast(rows[:, 4], tf.float64)
    usable = (scores > 0) & (scores >= least) & tf.reduce_all(tf.math.is_finite(rows), axis=1)
    usable &= tf.reduce_max(rows[:, 5:], axis=1) > 0
    rows = tf.boolean_mask(rows, usable)
    rows = tf.gather(rows, tf.argsort(-rows[:, 4], stable=True))

    def one(row: tf.Tensor) -> tf.Tensor:
        mask = tf.pad(tf.reshape(row[5:], (SIDE, SIDE)), [[1, 1], [1, 1]])
        seeds = tf.cast(mask == tf.reduce_max(mask), tf.int32)
        box = tf.cast(row[:4], tf.float64)
        return (_quad(mask, seeds, tf.constant(1)) - 0.5) * ((box[2:] - box[:2]) / SIDE) + box[:2]

    quads = tf.map_fn(one, rows, fn_output_signature=tf.TensorSpec((4, 2), tf.float64)) - 0.5
    kept = faultless(quads)
    quads, scores = tf.boolean_mask(reading_order(quads), kept), tf.boolean_mask(rows[:, 4], kept)
    kept = _apart(quads)
    return tf.boolean_mask(quads, kept), tf.boolean_mask(scores, kept)


def _apart(quads: tf.Tensor) -> tf.Tensor:
    """Bool [N]: those that cover none before them which is kept itself."""
    count = tf.shape(quads)[0]
    shares = overlaps(tf.repeat(quads, count, axis=0), tf.tile(quads, (count, 1, 1)))
    later = tf.range(count)[:, None] < tf.range(count)
    covered = (tf.reshape(shares, (count, count)) > decode.SAME) & later
    _, kept = tf.while_loop(
        lambda i, _: i < count,
        lambda i, kept: (i + 1, kept & ~(kept[i] & covered[i])),
        (0, tf.ones((count,), tf.bool)),
    )
    return kept


def _in_pixels(cells: tf.Tensor, stride: int) -> tf.Tensor:
    return (cells + 0.5) * stride - 0.5


def _seeds(mask: tf.Tensor, cores: tf.Tensor) -> tf.Tensor:
    """`decode._seeds`, but numbered as `_parts` are."""
    seeds = _parts(cores > decode._CORE)
    surer = decode._EDGE
    for level in decode._WEAKER:
        sure = mask > surer
        taken = sure & (_free(sure, seeds > 0) == 0)
        for shown in (cores > level, mask > level):
            seeds += _free(shown, taken | (seeds > 0))
        surer = level
    return seeds


def _free(shown: tf.Tensor, taken: tf.Tensor) -> tf.Tensor:
    """The `_parts` of what is shown in which no cell is taken."""
    parts = _parts(shown)
    met = tf.math.unsorted_segment_max(tf.cast(taken, tf.int32), parts, tf.size(parts))
    return tf.where(tf.gather(met, parts) > 0, 0, parts)


@tf.function(input_signature=[tf.TensorSpec((None, None), tf.bool)], autograph=False)
def _parts(shown: tf.Tensor) -> tf.Tensor:
    """The parts that hang together, corners sufficing: int32 [h, w], 0 where nothing is shown.

    Cells are counted backward, so that the last one is 0, and it must not be shown. A part has the
    number of its first cell: each cell takes the largest number among its neighbours, then that
    which the cell of this number has taken, until nothing changes. So the way of a number doubles
    in each round.
    """
    size = tf.shape(shown)
    numbers = tf.reshape(tf.range(tf.size(shown))[::-1], size)

    def spread(parts: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        near = tf.where(shown, _largest_near(parts), 0)
        taken = tf.gather(tf.reshape(near, (-1,))[::-1], near)
        return taken, tf.reduce_any(taken != parts)

    first = tf.where(shown, numbers, 0)
    shapes = (tf.TensorShape((None, None)), tf.TensorShape(()))
    parts, _ = tf.while_loop(
        lambda _, changed: changed, spread, (first, tf.constant(True)), shape_invariants=shapes
    )
    return parts


def _largest_near(values: tf.Tensor) -> tf.Tensor:
    """The largest of each 3 x 3 cells; those beyond the border are the ones across."""
    for axis in (0, 1):
        before, after = (tf.roll(values, by, axis) for by in (1, -1))
        values = tf.maximum(values, tf.maximum(before, after))
    return values


def _quad(mask: tf.Tensor, seeds: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """`decode.outlined`: the quad [4, 2] in cells, all 0 where there is none."""
    own = seeds == seed
    others = (seeds > 0) & ~own
    peak = tf.cast(tf.reduce_max(tf.where(own, mask, 0)), tf.float64)
    level = tf.cast(tf.minimum(decode._DOUBTED_EDGE * peak, decode._EDGE), tf.float32)
    part = _part(mask > level, own)

    def halved() -> tuple[tf.Tensor, tf.Tensor]:
        nearer = tf.clip_by_value(0.5 + (_distances(others) - _distances(own)) / 2, 0, 1)
        half = tf.minimum(mask, nearer)
        return half, _part(half > level, own)

    mask, part = tf.cond(tf.reduce_any(others & part), halved, lambda: (mask, part))
    plain = tf.where(part | (mask <= level), mask, 0)
    large = tf.math.count_nonzero(part) >= decode._LEAST_CELLS
    return tf.cond(large, lambda: _fit(plain, level), lambda: tf.zeros((4, 2), tf.float64))


def _part(shown: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Bool [h, w]: the part of what is shown that holds most of a seed."""
    parts, held = _parts(shown), tf.cast(seed & shown, tf.int32)
    counts = tf.math.unsorted_segment_sum(held, parts, tf.size(parts))
    # The first of equal ones, which has the largest number.
    most = tf.size(parts) - 1 - tf.argmax(counts[::-1], output_type=tf.int32)
    return shown & (parts == most)


def _distances(cells: tf.Tensor) -> tf.Tensor:
    """Float32 [h, w]: the distance from each cell to the nearest of `cells` [h, w] bool.

    Down and then across, which squares allow (Felzenszwalb and Huttenlocher, "Distance transforms
    of sampled functions", 2012); each by looking everywhere.
    """
    height, width = (tf.cast(side, tf.float32) for side in tf.unstack(tf.shape(cells)))
    down, across = (tf.square(x[:, None] - x) for x in (tf.range(height), tf.range(width)))
    nearest = tf.reduce_min(tf.where(cells, down[..., None], 1e12), axis=1)
    return tf.sqrt(tf.reduce_min(nearest[:, None] + across, axis=2))


def _fit(mask: tf.Tensor, level: tf.Tensor) -> tf.Tensor:
    """`fitting.outline` and `fitting.quad`: the quad [4, 2] of the only part over `level`."""
    rows, columns = _crossings(mask, level), _crossings(tf.transpose(mask), level)
    height, width = tf.unstack(tf.shape(mask))
    # All that the convex hull needs, and few, however ragged the outline is.
    corners = tf.concat([_ends(rows, height), _ends(columns, width)[:, ::-1]], axis=0)
    box = smallest_box(corners)
    return reading_order(_fitted(tf.concat([rows, columns[:, ::-1]], axis=0), box)[None])[0]


def _crossings(mask: tf.Tensor, level: tf.Tensor) -> tf.Tensor:
    """Points [N, 2] where the rows of a mask cross `level`; y is a whole number."""
    before, after = mask[:, :-1], mask[:, 1:]
    places = tf.where((before > level) != (after > level))
    low, high = tf.gather_nd(before, places), tf.gather_nd(after, places)
    y, x = tf.unstack(tf.cast(places, tf.float64), axis=1)
    return tf.stack([x + tf.cast((level - low) / (high - low), tf.float64), y], axis=1)


def _ends(points: tf.Tensor, height: tf.Tensor) -> tf.Tensor:
    """The first and the last point [M, 2] of each row of points [N, 2] that has any."""
    rows = tf.cast(points[:, 1], tf.int32)
    present = tf.where(tf.math.bincount(rows, minlength=height) > 0)[:, 0]
    segment = (tf.math.unsorted_segment_min, tf.math.unsorted_segment_max)
    ends = [tf.gather(extreme(points[:, 0], rows, height), present) for extreme in segment]
    y = tf.cast(present, tf.float64)
    return tf.concat([tf.stack([x, y], axis=1) for x in ends], axis=0)


def _fitted(points: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """`fitting._fitted`: the quad [4, 2] fitted to an outline [N, 2], from the box around it."""
    quad, sound = box, tf.constant(True)
    for _ in range(fitting._ROUNDS):
        quad, crossing = _fitted_once(points, quad)
        sound &= crossing
    turns = cross(tf.roll(onward(quad), 1, 0), onward(quad))
    sound &= (tf.reduce_min(turns) > 0) | (tf.reduce_max(turns) < 0)
    moved = tf.reduce_max(tf.norm(quad - box, axis=1))
    shortest = tf.reduce_min(tf.norm(onward(box), axis=1))
    return tf.where(sound & (moved / shortest < fitting._FARTHEST), quad, box)


def _fitted_once(points: tf.Tensor, quad: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """A better quad, and whether its sides cross well; what it is otherwise is of no meaning."""
    sides = onward(quad)
    lengths = tf.norm(sides, axis=1)
    along = sides / tf.maximum(lengths, 1e-6)[:, None]
    x, y = tf.unstack(points[:, None] - quad, axis=2)
    share = (x * along[:, 0] + y * along[:, 1]) / tf.maximum(lengths, 1e-6)
    away = tf.abs(x * along[:, 1] - y * along[:, 0])
    reach = fitting._REACH[0] + fitting._REACH[1] * tf.reduce_min(lengths)
    near = (away == tf.reduce_min(away, axis=1, keepdims=True)) & (away < reach)
    near &= (share > fitting._CORNER) & (share < 1 - fitting._CORNER)
    mine = tf.cast(near, tf.float64)
    count = tf.reduce_sum(mine, axis=0)[:, None]
    means = tf.matmul(mine, points, transpose_a=True) / tf.maximum(count, 1)
    middles = tf.where(count > 0, means, quad + sides / 2)
    along = tf.where(count >= fitting._FEWEST, _directions(points, middles, mine), along)
    before, last = tf.roll(along, 1, 0), tf.roll(middles, 1, 0)
    turns = cross(before, along)
    steps = cross(middles - last, along) / turns
    crossing = tf.reduce_min(tf.abs(turns)) >= fitting._LEAST_TURN
    return last + steps[:, None] * before, crossing


def _directions(points: tf.Tensor, middles: tf.Tensor, mine: tf.Tensor) -> tf.Tensor:
    """`fitting._direction`, [4, 2], of those of the points [N, 2] whose weights [N, 4] are 1."""
    x, y = tf.unstack(points[:, None] - middles, axis=2)
    both = tf.reduce_sum(mine * x * y, axis=0)
    angles = 0.5 * tf.atan2(2 * both, tf.reduce_sum(mine * (x * x - y * y), axis=0))
    return tf.stack([tf.cos(angles), tf.sin(angles)], axis=1)

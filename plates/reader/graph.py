"""`decode.greedy` in TensorFlow operations, for models that are shipped. What is computed, and why
so, stands in `plates.reader.decode`; names and indices here are those there."""

import tensorflow as tf


def greedy(log_probs: tf.Tensor, alphabet: str) -> dict[str, tf.Tensor]:
    """The texts of the best class in each column, from log-probabilities float32 [B, T, C + 1].

    `text` [B] string, `confidence` [B] float32 of the whole text, and `characters` [B, T] float32
    of each character, 0 after the last. C is the length of `alphabet`, class 0 the blank.
    """
    best = tf.argmax(log_probs, axis=-1, output_type=tf.int32)
    kept = (best != 0) & (best != _moved(best, 1))
    classes = tf.pad(tf.ragged.boolean_mask(best, kept).to_tensor(), [[0, 0], [0, 1]])
    confidence, characters = _confidences(log_probs, classes)
    columns = tf.shape(log_probs)[1]
    characters = tf.pad(characters, [[0, 0], [0, columns]])[:, :columns]
    return {
        "text": tf.strings.reduce_join(tf.gather(["", *alphabet], classes), axis=1),
        "confidence": tf.cast(confidence, tf.float32),
        "characters": tf.ensure_shape(tf.cast(characters, tf.float32), log_probs.shape[:2]),
    }


def _confidences(log_probs: tf.Tensor, classes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """[B] and [B, N] float64 of the texts `classes` [B, N], padded by 0 with at least one."""
    count, never = tf.shape(classes)[1], tf.shape(log_probs)[2]
    lengths = tf.math.count_nonzero(classes, axis=1, dtype=tf.int32)
    precise = tf.cast(log_probs, tf.float64)
    peaks = tf.reduce_max(precise, axis=-1, keepdims=True)
    probs = tf.pad(tf.exp(precise - peaks), [[0, 0], [0, 0], [0, 1]])
    # Start, blank, first character, blank, ... last, blank, end, beyond: one of two each way.
    written = tf.where(classes == 0, never, classes)
    blanks = tf.where(tf.range(count + 1) <= lengths[:, None], 0, never)
    even = tf.pad(written, [[0, 0], [1, 1]], constant_values=never)
    odd = tf.pad(blanks, [[0, 0], [0, 1]], constant_values=never)
    states = tf.stack([even, odd], axis=2)
    states = tf.reshape(states, (tf.shape(classes)[0], 2 * count + 4))[:, :-1]
    before, after = _sums(probs, states, 2 * (count - lengths))
    ends = tf.gather(before[-1], 2 * lengths[:, None] + [0, 1], batch_dims=1)
    whole = tf.reduce_sum(ends, axis=1)
    rivals = _rivals(probs, classes, states, before, after)
    characters = tf.minimum(tf.math.divide_no_nan(whole[:, None], rivals), 1)
    confidence = tf.minimum(whole * tf.exp(tf.reduce_sum(peaks, axis=(1, 2))), 1)
    return confidence, tf.where(classes == 0, tf.zeros_like(characters), characters)


def _sums(probs: tf.Tensor, states: tf.Tensor, end: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`before` and `after` [T + 1, B, S]; `end` [B] is the end's place in the mirrored states."""
    emitted = tf.gather(probs, states, axis=2, batch_dims=1)
    emitted = tf.stack([emitted, tf.reverse(emitted, [1, 2])])
    both = tf.stack([states, tf.reverse(states, [1])])
    leaps = tf.cast((both != 0) & (both != _moved(both, 2)), tf.float64)
    first = tf.one_hot(tf.stack([tf.zeros_like(end), end]), tf.shape(states)[1], dtype=tf.float64)

    def step(sums: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
        return (leaps * _moved(sums, 2) + _moved(sums, 1) + sums) * column

    later = tf.scan(step, tf.transpose(emitted, (2, 0, 1, 3)), first)
    sums = tf.concat([first[None], later], axis=0)
    return sums[:, 0], tf.reverse(sums[:, 1], [0, 2])


def _rivals(
    probs: tf.Tensor, classes: tf.Tensor, states: tf.Tensor, before: tf.Tensor, after: tf.Tensor
) -> tf.Tensor:
    """[B, N]: the scaled probabilities of the text and its rivals at each character, summed."""
    count = tf.shape(classes)[1]
    others = tf.range(1, tf.shape(probs)[2] - 1)

    def unlike(characters: tf.Tensor) -> tf.Tensor:
        return tf.cast(characters[..., None] != others, tf.float64)

    left = states[:, 0:-4:2]
    entries = before[:-1, :, 0:-4:2, None] * unlike(left) + before[:-1, :, 1:-3:2, None]
    columns = tf.transpose(probs[:, :, 1:-1], (1, 0, 2))[:, :, None]
    ways = tf.scan(
        lambda ways, now: (ways + now[0]) * now[1], (entries, columns), tf.zeros_like(entries[0])
    )
    onward = tf.stack([after[1:, :, k : k + 2 * count - 1 : 2] for k in (1, 2, 3, 4)])
    sums = tf.einsum("ktbn,tbnc->kbnc", onward, ways)
    added = sums[0] + sums[1] * unlike(states[:, 2:-2:2])
    changed = sums[2] + sums[3] * unlike(states[:, 4::2])
    leap = tf.cast(left != states[:, 4::2], tf.float64)
    entries = before[..., 1:-3:2] + before[..., 0:-4:2] * leap
    removed = tf.einsum("tbn,tbn->bn", entries, after[..., 4::2])
    # The same class added after a character gives the text that it gives before: counted once.
    behind = tf.reduce_sum(added[:, 1:] * unlike(classes[:, :-1]), axis=-1)
    rivals = tf.reduce_sum(changed + added, axis=-1) + removed
    return rivals + tf.pad(behind, [[0, 0], [0, 1]])


def _moved(values: tf.Tensor, by: int) -> tf.Tensor:
    """Every value `by` places further on the last axis, with 0 before them."""
    padding = [[0, 0]] * (len(values.shape) - 1) + [[by, 0]]
    return tf.pad(values, padding)[..., :-by]

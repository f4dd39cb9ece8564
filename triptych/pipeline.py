"""The one place where the order of tf.data stages is decided.

Indices are shuffled, not pictures (a shuffle buffer of pictures costs memory and mixes less).
Loading and augmenting is one parallel map, deterministic in its order, because each result depends
on (seed, epoch, index) alone. Batching comes after it, mixing of batches after that, and prefetch
last, so that the next batch is made while the model trains on this one.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from triptych.images import ImageError

Arrays = tuple[np.ndarray, ...]


def train_batches(
    load: Callable[[int, int], Arrays],
    count: int,
    *,
    batch: int,
    seed: int,
    workers: int,
    mix: Callable[[np.random.Generator, Arrays], Arrays] | None = None,
    start: int = 0,
) -> tf.data.Dataset:
    """Endless batches; an epoch is `count // batch` of them in an order drawn from (seed, epoch).

    `load(epoch, index)` gives the arrays of one sample, of one shape and dtype throughout; a sample
    that raises `ImageError` is left out with a warning, and the next one takes its place. `mix`
    turns a batch into another of the same shapes. `start` is the number of batches to pass over.

    Raises:
        ValueError: fewer samples than one batch.
        ImageError: no sample at all can be read.
    """
    steps = count // batch
    if steps == 0:
        raise ValueError(
            f"`batch` must be at most the number of samples, {count}; received: {batch}"
        )

    def order(epoch: np.int64) -> np.ndarray:
        chosen = _order(count, seed, int(epoch))[: steps * batch]
        return np.stack([np.full_like(chosen, epoch), chosen], axis=1).astype(np.int64)

    def epoch_order(epoch: Any) -> tf.data.Dataset:
        pairs = tf.ensure_shape(tf.numpy_function(order, [epoch], tf.int64), (None, 2))
        return tf.data.Dataset.from_tensor_slices(pairs)

    first_epoch, passed = divmod(start, steps)
    pairs = tf.data.Dataset.counter(first_epoch).flat_map(epoch_order).skip(passed * batch)
    samples = _load_readable(pairs, load, count, workers)
    batches = samples.batch(batch, drop_remainder=True)
    if mix is not None:
        spec = batches.element_spec

        def mixed(step: np.int64, *arrays: np.ndarray) -> list[np.ndarray]:
            return list(mix(np.random.default_rng((seed, 1, int(step))), arrays))

        def map_mixed(step: Any, arrays: Any) -> Any:
            out = tf.numpy_function(mixed, [step, *arrays], [s.dtype for s in spec])
            return tuple(tf.ensure_shape(a, s.shape) for a, s in zip(out, spec, strict=True))

        batches = batches.enumerate(start).map(map_mixed, num_parallel_calls=1)
    return _settled(batches.prefetch(2))


def batch_indices(step: int, count: int, *, batch: int, seed: int) -> list[int]:
    """Which samples are in batch `step` of `train_batches`, if every sample can be read."""
    epoch, place = divmod(step, count // batch)
    return _order(count, seed, epoch)[place * batch : (place + 1) * batch].tolist()


def eval_batches(
    load: Callable[[int, int], Arrays], count: int, *, batch: int, workers: int
) -> tf.data.Dataset:
    """All samples once, in order; `load` is called with epoch 0. The last batch may be short.

    Here too a sample that raises `ImageError` is left out with a warning: an epoch's score over
    one picture less is worth more than the end of the training.
    """
    pairs = tf.data.Dataset.range(count).map(lambda i: tf.stack([tf.zeros_like(i), i]))
    return _settled(_load_readable(pairs, load, count, workers).batch(batch).prefetch(2))


def _settled(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Without autotuning: every number is given, so that there is nothing to tune.

    With it a thread sleeps for up to a minute between its looks, and letting go of an iterator that
    is older than that, as each validation does, waits until it wakes (seen: 52 s, every other
    epoch; TensorFlow 2.21).
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _order(count: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(count)


def _load_readable(
    pairs: tf.data.Dataset, load: Callable[[int, int], Arrays], count: int, workers: int
) -> tf.data.Dataset:
    """(epoch, index) -> the sample's arrays, without the samples that cannot be read."""
    example = _first_readable(load, count)
    dtypes = [tf.as_dtype(array.dtype) for array in example]
    blank = [np.zeros_like(array) for array in example]
    failures = 0

    def call(pair: np.ndarray) -> list[np.ndarray | np.bool_]:
        nonlocal failures
        try:
            sample = load(int(pair[0]), int(pair[1]))
        except ImageError as error:
            failures += 1
            if failures > count:  # a disk that is gone would else be asked for ever
                raise
            print(f"\nleft out: {error}", flush=True)
            return [np.bool_(False), *blank]
        failures = 0
        return [np.bool_(True), *sample]

    def map_call(pair: Any) -> Any:
        readable, *arrays = tf.numpy_function(call, [pair], [tf.bool, *dtypes])
        shaped = (tf.ensure_shape(a, e.shape) for a, e in zip(arrays, example, strict=True))
        return tf.ensure_shape(readable, ()), tuple(shaped)

    loaded = pairs.map(map_call, num_parallel_calls=workers, deterministic=True)
    return loaded.filter(lambda readable, _: readable).map(lambda _, arrays: arrays)


def _first_readable(load: Callable[[int, int], Arrays], count: int) -> Arrays:
    for index in range(count):
        try:
            return load(0, index)
        except ImageError as error:
            last = error
    raise last

"""The order of samples: by (seed, epoch, index) alone, whatever runs beside it or goes wrong."""

import itertools
import threading
import time
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from triptych.images import ImageError
from triptych.pipeline import Arrays, eval_batches, train_batches

COUNT, BATCH = 11, 3  # three batches an epoch, two samples of each epoch left over


def load(epoch: int, index: int) -> Arrays:
    """A sample that names itself."""
    return np.full((2, 2, 3), index, np.uint8), np.array([epoch, index], np.float32)


def uneven(epoch: int, index: int) -> Arrays:
    """The same, after a wait that puts the threads out of step."""
    time.sleep(0.004 if index % 3 == 0 else 0)
    return load(epoch, index)


def mix(rng: np.random.Generator, batch: Arrays) -> Arrays:
    images, names = batch
    return images, names + np.float32(rng.random())


def batches(steps: int, source: Any = load, **options: Any) -> np.ndarray:
    """The names [steps, BATCH, 2] of the first batches."""
    options = {"batch": BATCH, "seed": 7, "workers": 2, **options}
    data = train_batches(source, COUNT, **options)
    return np.stack([names.numpy() for _, names in data.take(steps)])


def test_shapes_and_dtypes() -> None:
    images, names = train_batches(load, COUNT, batch=BATCH, seed=0, workers=2).element_spec
    assert images == tf.TensorSpec((BATCH, 2, 2, 3), tf.uint8)
    assert names == tf.TensorSpec((BATCH, 2), tf.float32)
    images, names = eval_batches(load, COUNT, batch=BATCH, workers=2).element_spec
    assert images.shape.as_list() == [None, 2, 2, 3]


def test_each_sample_once_an_epoch_in_another_order_each_time() -> None:
    names = batches(12).reshape(4, 9, 2)
    for epoch, samples in enumerate(names):
        assert (samples[:, 0] == epoch).all()
        assert len(set(samples[:, 1])) == 9
        assert set(samples[:, 1]) < set(range(COUNT))
    orders = {tuple(samples[:, 1]) for samples in names}
    assert len(orders) == 4
    # What one epoch leaves over is not what all leave over.
    assert set(names[..., 1].ravel()) == set(range(COUNT))


@pytest.mark.parametrize("mixing", [None, mix])
def test_order_depends_on_the_seed_and_not_on_the_threads(mixing: Any) -> None:
    one = batches(7, workers=1, mix=mixing)
    np.testing.assert_array_equal(one, batches(7, uneven, workers=5, mix=mixing))
    assert (one != batches(7, seed=8, mix=mixing)).any()


@pytest.mark.parametrize("mixing", [None, mix])
@pytest.mark.parametrize("start", [0, 1, 3, 5])
def test_start_passes_over_that_many_batches(start: int, mixing: Any) -> None:
    whole = batches(8, mix=mixing)
    np.testing.assert_array_equal(batches(8 - start, start=start, mix=mixing), whole[start:])


def test_start_loads_nothing_of_what_it_passes_over() -> None:
    loaded = []

    def watched(epoch: int, index: int) -> Arrays:
        loaded.append(epoch)
        return load(epoch, index)

    batches(1, watched, start=301)
    # The first call asks for the shapes.
    assert min(loaded[1:]) == 100


def test_mix_gets_whole_batches_and_a_generator_of_its_own_each() -> None:
    shift = batches(6, mix=mix) - batches(6)
    for batch in shift:
        np.testing.assert_allclose(batch, batch[0, 0], atol=1e-5)
    assert len(set(np.round(shift[:, 0, 0], 4))) == 6


def test_more_samples_in_a_batch_than_there_are() -> None:
    with pytest.raises(ValueError, match="`batch` must be at most the number of samples, 11"):
        batches(1, batch=12)


def spoiled(*bad: int) -> Any:
    def source(epoch: int, index: int) -> Arrays:
        if index in bad:
            raise ImageError(f"{index}.jpg: damaged")
        return load(epoch, index)

    return source


@pytest.mark.parametrize("bad", [(0,), (4, 7)])
def test_a_bad_picture_is_passed_over(
    bad: tuple[int, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    good = batches(12)
    names = batches(9, spoiled(*bad))
    kept = [sample for sample in good.reshape(-1, 2) if sample[1] not in bad]
    np.testing.assert_array_equal(names.reshape(-1, 2), kept[:27])
    assert f"left out: {bad[0]}.jpg: damaged" in capfd.readouterr().out


def test_a_bad_picture_is_passed_over_in_evaluation() -> None:
    data = eval_batches(spoiled(0, 5), COUNT, batch=4, workers=2)
    names = [names.numpy() for _, names in data]
    assert [len(batch) for batch in names] == [4, 4, 1]
    assert [int(n) for n in np.concatenate(names)[:, 1]] == [1, 2, 3, 4, 6, 7, 8, 9, 10]


def test_evaluation_has_all_samples_in_order_each_time() -> None:
    data = eval_batches(uneven, COUNT, batch=4, workers=4)
    for _ in range(2):
        names = [names.numpy() for _, names in data]
        assert [len(batch) for batch in names] == [4, 4, 3]
        np.testing.assert_array_equal(np.concatenate(names), [(0, i) for i in range(COUNT)])


def test_no_readable_picture_at_all() -> None:
    with pytest.raises(ImageError, match=r"10\.jpg: damaged"):
        batches(1, spoiled(*range(COUNT)))


def test_pictures_that_all_disappear_end_the_training() -> None:
    """Not an endless search for the next one that can be read."""
    calls = itertools.count()
    lock = threading.Lock()

    def vanishing(epoch: int, index: int) -> Arrays:
        with lock:
            number = next(calls)
        if number > 12:
            raise ImageError("cannot be read")
        return load(epoch, index)

    with pytest.raises(tf.errors.OpError, match="cannot be read"):
        batches(50, vanishing)
    assert next(calls) < 100


def test_nothing_is_tuned() -> None:
    """Letting go of a tuned iterator that is a minute old can take most of another."""
    for made in (
        train_batches(load, COUNT, batch=BATCH, seed=0, workers=2),
        eval_batches(load, COUNT, batch=BATCH, workers=2),
    ):
        assert made.options().autotune.enabled is False

"""Greedy suppression against a loop over boxes; on any backend of Keras."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from plates.detector.rcnn.nms import nms


def _numpy(tensors: Any) -> list[np.ndarray]:
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def _area(box: list[float]) -> float:
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)


def _iou(a: list[float], b: list[float]) -> float:
    common = [max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])]
    return _area(common) / (_area(a) + _area(b) - _area(common))


def _greedy(
    boxes: np.ndarray, scores: np.ndarray, most: int, iou: float, least: float
) -> list[int]:
    """One picture, box by box."""
    kept: list[int] = []
    rows = boxes.astype(float).tolist()
    for i in sorted(range(len(rows)), key=lambda i: (-scores[i], i)):
        able = _area(rows[i]) > 0 and scores[i] >= least
        if able and all(_iou(rows[i], rows[j]) <= iou for j in kept):
            kept.append(i)
    return kept[:most]


Check = Callable[..., None]


@pytest.fixture(scope="module")
def assert_greedy(compiled: Callable[..., Any]) -> Check:
    """Whether `nms` answers as brute force does."""

    def check(
        boxes: np.ndarray, scores: np.ndarray, most: int, iou: float, least: float = -np.inf
    ) -> None:
        """Batches [B, N, 4] and [B, N], compiled and not."""
        for call in (compiled, lambda function, *values: function(*values)):
            index, kept = _numpy(call(lambda a, b: nms(a, b, most, iou, least), boxes, scores))
            assert index.shape == kept.shape == (len(boxes), most)
            assert index.dtype == np.int32
            assert kept.dtype == np.bool_
            for i, row in enumerate(boxes):
                wanted = _greedy(row, scores[i], most, iou, least)
                missing = most - len(wanted)
                assert index[i].tolist() == wanted + [0] * missing
                assert kept[i].tolist() == [True] * len(wanted) + [False] * missing

    return check


def _crowd(rng: np.random.Generator, count: int, places: int = 40) -> np.ndarray:
    """Boxes float32 [count, 4] on a coarse grid: many overlap, are the same or have no area."""
    low = rng.integers(0, places, (count, 2))
    return np.concatenate([low, low + rng.integers(0, 13, (count, 2))], -1).astype(np.float32)


def test_by_hand() -> None:
    """A chain: the best covers the second, which alone covers the third."""
    boxes = np.array([[[0, 0, 10, 4], [3, 0, 13, 4], [6, 0, 16, 4], [50, 0, 60, 4]]], np.float32)
    scores = np.array([[0.9, 0.8, 0.7, 0.95]], np.float32)
    # Neighbours: 7 of 13; every other: 4 of 16.
    index, kept = _numpy(nms(boxes, scores, 4, 0.5))
    assert index.tolist() == [[3, 0, 2, 0]]
    assert kept.tolist() == [[True, True, True, False]]
    # In another order the middle one covers both.
    index, kept = _numpy(nms(boxes, np.array([[0.8, 0.9, 0.7, 0.1]], np.float32), 2, 0.5))
    assert index.tolist() == [[1, 3]]
    index, _ = _numpy(nms(boxes, scores, 4, 0.6))
    assert index.tolist() == [[3, 0, 1, 2]]
    index, kept = _numpy(nms(boxes, scores, 4, 0.5, 0.9))
    assert index.tolist() == [[3, 0, 0, 0]]
    assert kept.tolist() == [[True, True, False, False]]


def test_an_overlap_of_exactly_the_limit_is_kept(assert_greedy: Check) -> None:
    boxes = np.array([[[0, 0, 4, 4], [0, 0, 4, 2]]], np.float32)  # 8 of 16
    assert_greedy(boxes, np.array([[0.9, 0.8]], np.float32), 2, 0.5)
    assert _numpy(nms(boxes, np.ones((1, 2), np.float32), 2, 0.5))[1].all()


def test_of_the_same_the_first_is_kept() -> None:
    """Duplicates with the same score, and with a better one after."""
    boxes = np.tile(np.array([1, 1, 5, 3], np.float32), (2, 5, 1))
    scores = np.array([[0.5] * 5, [0.5, 0.5, 0.5, 0.6, 0.5]], np.float32)
    index, kept = _numpy(nms(boxes, scores, 3, 0.5))
    assert index.tolist() == [[0, 0, 0], [3, 0, 0]]
    assert kept.tolist() == [[True, False, False]] * 2


def test_padding_and_nan_are_never_kept() -> None:
    """However good: they take nobody's place, and cover none."""
    boxes = np.array([[[0, 0, 0, 0], [2, 2, 6, 4], [2, 2, 6, 4], [3, 3, 3, 9], [9, 9, 7, 7]]], "f4")
    scores = np.array([[9, np.nan, -5, 8, 7]], np.float32)
    index, kept = _numpy(nms(boxes, scores, 5, 0.5))
    assert index.tolist() == [[2, 0, 0, 0, 0]]
    assert kept.tolist() == [[True] + [False] * 4]
    assert not _numpy(nms(boxes[:, :1], scores[:, :1], 2, 0.5))[1].any()


def test_a_long_chain(assert_greedy: Check) -> None:
    """Each covers the next alone, so every other is kept: as many rounds as there are boxes."""
    left = np.arange(60) * 4.0
    chain = np.stack([left, 0 * left, left + 10, 0 * left + 5], -1).astype(np.float32)  # 6 of 14
    scores = np.linspace(1, 0, 60, dtype=np.float32)
    assert_greedy(chain[None], scores[None], 60, 0.4)
    assert _numpy(nms(chain[None], scores[None], 60, 0.4))[0][0, :30].tolist() == [*range(0, 60, 2)]


@settings(max_examples=50)
@given(
    st.integers(0, 10**6),
    st.sampled_from([1, 7, 30]),
    st.sampled_from([1, 5, 40]),
    st.sampled_from([0.0, 0.2, 0.43, 0.7, 1.0]),
    st.sampled_from([-np.inf, 0.3]),
)
def test_any_crowd(seed: int, count: int, most: int, iou: float, least: float) -> None:
    """Ties of scores, duplicates, boxes without area; more wanted than there are."""
    rng = np.random.default_rng(seed)
    boxes = np.stack([_crowd(rng, count), _crowd(rng, count, 6)])
    scores = rng.integers(0, 6, (2, count)).astype(np.float32) / 5
    index, kept = _numpy(nms(boxes, scores, most, iou, least))
    for i in range(2):
        assert index[i][kept[i]].tolist() == _greedy(boxes[i], scores[i], most, iou, least)
        assert (np.diff(kept[i].astype(int)) <= 0).all()


def test_many_boxes(assert_greedy: Check) -> None:
    rng = np.random.default_rng(3)
    boxes = np.stack([_crowd(rng, 400, 100), _crowd(rng, 400, 30)])
    assert_greedy(boxes, rng.normal(size=(2, 400)).astype(np.float32), 100, 0.43)


def test_no_gradient_flows() -> None:
    """Through what is gathered it does, and it is finite; through the choice it does not."""
    rng = np.random.default_rng(0)
    boxes, scores = _crowd(rng, 12)[None] + np.float32(0.5), rng.random((1, 12), np.float32)

    def loss(boxes: Any, scores: Any) -> Any:
        index, kept = nms(boxes, scores, 4, 0.3)
        chosen = ops.take_along_axis(scores, index, axis=1)
        return ops.sum(ops.where(kept, chosen, 0.0)) + 0.0 * ops.sum(boxes)

    index, kept = _numpy(nms(boxes, scores, 4, 0.3))
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        inputs = [tf.constant(boxes), tf.constant(scores)]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            value = loss(*inputs)
        gradients = tape.gradient(value, inputs)
    elif backend == "jax":
        import jax

        gradients = jax.jit(jax.grad(loss, (0, 1)))(boxes, scores)
    else:
        import torch

        inputs = [torch.tensor(value, requires_grad=True) for value in (boxes, scores)]
        gradients = torch.autograd.grad(loss(*inputs), inputs)
    wanted = np.zeros((1, 12), np.float32)
    wanted[0, index[kept]] = 1
    assert not np.asarray(gradients[0]).any()
    np.testing.assert_array_equal(np.asarray(gradients[1]), wanted)


def test_bad_settings() -> None:
    boxes, scores = np.zeros((1, 2, 4), np.float32), np.zeros((1, 2), np.float32)
    with pytest.raises(ValueError, match="`most` must be positive; received: most=0"):
        nms(boxes, scores, 0, 0.5)
    with pytest.raises(ValueError, match=r"`iou` must be in 0..1; received: iou=1.5"):
        nms(boxes, scores, 3, 1.5)

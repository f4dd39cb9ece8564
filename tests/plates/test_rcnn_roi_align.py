"""RoIAlign and the choice of levels, by hand and against loops; on whatever backend Keras has."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from plates.detector.rcnn.roi_align import assign, roi_align

_STRIDES = (4, 8, 16, 32)


def _read(maps: Any, boxes: Any, strides: Sequence[int], size: Any, *more: Any) -> np.ndarray:
    return ops.convert_to_numpy(roi_align(maps, boxes, strides, size, *more))


def _one(row: list[float], box: Sequence[float], across: int, samples: int) -> Any:
    """What the bins of a box read from a map of one row, of stride 1."""
    level = np.array(row, np.float32).reshape(1, 1, -1, 1)
    boxes = np.array([[box]], np.float32)
    return _read([level], boxes, (1,), (1, across), samples).ravel().tolist()


def _pyramid(seed: int, pictures: int, size: int, channels: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    shapes = [(pictures, size // stride, size // stride + 1, channels) for stride in _STRIDES]
    return [generator.normal(size=shape).astype(np.float32) for shape in shapes]


def _boxes(seed: int, count: tuple[int, int], size: int) -> np.ndarray:
    """Of all sizes, some of them reaching out or wholly outside."""
    generator = np.random.default_rng(seed)
    middles = generator.uniform(-0.2 * size, 1.2 * size, (*count, 2))
    sides = np.exp(generator.uniform(np.log(8), np.log(2 * size), (*count, 1)))
    halves = sides * 2 ** generator.uniform(-0.5, 0.5, (*count, 2)) / 2
    return np.concatenate([middles - halves, middles + halves], axis=-1).astype(np.float32)


def _point(level: np.ndarray, y: float, x: float) -> np.ndarray:
    """The map [h, w, C] between its cells, y and x in cells."""
    height, width = level.shape[:2]
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(level.shape[2])
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    down = np.maximum(0, 1 - np.abs(y - np.arange(height)))
    across = np.maximum(0, 1 - np.abs(x - np.arange(width)))
    return np.einsum("h,w,hwc->c", down, across, level)


def _reference(
    maps: Sequence[np.ndarray],
    boxes: np.ndarray,
    strides: Sequence[int],
    size: tuple[int, int],
    samples: int,
) -> np.ndarray:
    """RoIAlign by loops over pictures, boxes, bins and points, float64."""
    pictures, count = boxes.shape[:2]
    found = np.zeros((pictures, count, *size, maps[0].shape[-1]))
    for picture, number, i, j in np.ndindex(pictures, count, *size):
        x0, y0, x1, y1 = boxes[picture, number].astype(np.float64)
        side = math.sqrt(max(x1 - x0, 0) * max(y1 - y0, 0))
        k = math.floor(4 + math.log2(side / 224 + 1e-12))  # of stride 2^k
        k = min(max(k, int(math.log2(strides[0]))), int(math.log2(strides[-1])))
        level, stride = maps[strides.index(2**k)][picture], 2**k
        for down, across in np.ndindex(samples, samples):
            y = y0 + (y1 - y0) * (i + (down + 0.5) / samples) / size[0]
            x = x0 + (x1 - x0) * (j + (across + 0.5) / samples) / size[1]
            point = _point(level, y / stride - 0.5, x / stride - 0.5)
            found[picture, number, i, j] += point / samples**2
    return found


def _gradients(function: Callable[..., Any], *arrays: np.ndarray) -> list[np.ndarray]:
    """The gradients of a scalar; zeros where there is none."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        inputs = [tf.constant(array) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            value = function(*inputs)
        found = tape.gradient(value, inputs, unconnected_gradients="zero")
    elif keras.backend.backend() == "jax":
        import jax

        found = jax.grad(function, argnums=tuple(range(len(arrays))))(*arrays)
    else:
        import torch

        inputs = [torch.tensor(array, requires_grad=True) for array in arrays]
        found = torch.autograd.grad(function(*inputs), inputs, allow_unused=True)
        pairs = zip(found, inputs, strict=True)
        found = [torch.zeros_like(value) if each is None else each for each, value in pairs]
    return [ops.convert_to_numpy(each) for each in found]


@pytest.mark.parametrize(
    ("box", "level"),
    [
        ([0, 0, 224, 224], 2),  # the paper's own: k0 = 4 is stride 16
        ([-50, 30, 397, 478], 2),  # 447 x 448
        ([0, 0, 448, 448], 3),
        ([0, 0, 4000, 4000], 3),
        ([7, 7, 119, 119], 1),  # 112
        ([7, 7, 118, 119], 0),
        ([0, 0, 224, 56], 1),  # the side of 112 x 112
        ([0, 0, 9, 3], 0),
        ([0, 0, 0, 0], 0),
        ([5, 5, 5, 2000], 0),
        ([900, 900, 100, 100], 0),  # turned over: it has no area
    ],
)
def test_assign_by_hand(box: list[float], level: int) -> None:
    found = ops.convert_to_numpy(assign(np.array([[box]], np.float32), _STRIDES))
    assert found.dtype == np.int32
    assert found.tolist() == [[level]]


def test_assign_is_the_equation_of_the_paper() -> None:
    boxes = _boxes(0, (2, 300), 1000)
    sides = np.sqrt((boxes[..., 2:] - boxes[..., :2]).prod(axis=-1))
    expected = np.clip(np.floor(4 + np.log2(sides / 224)), 2, 5) - 2
    assert set(expected.ravel()) == {0, 1, 2, 3}
    np.testing.assert_array_equal(ops.convert_to_numpy(assign(boxes, _STRIDES)), expected)


def test_assign_other_strides_and_sides() -> None:
    """A level is taken from `cells` cells on, whatever the strides."""
    boxes = np.array([[[0, 0, side, side] for side in (1, 59, 60, 99, 100, 5000)]], np.float32)
    found = ops.convert_to_numpy(assign(boxes, (3, 6, 10), 10.0))
    assert found.tolist() == [[0, 0, 1, 1, 2, 2]]
    assert ops.convert_to_numpy(assign(boxes, (8,))).tolist() == [[0] * 6]


def test_a_ramp_is_read_at_the_bins_middles() -> None:
    """On each level the map says where its cells' centres are; a bin should say where it is."""
    maps = []
    for stride in _STRIDES:
        at = (np.arange(640 // stride) + 0.5) * stride
        maps.append(np.stack(np.meshgrid(at, at), axis=-1)[None].astype(np.float32))
    corners = [[20, 30, 50, 40], [100, 50, 300, 190], [33, 77, 333, 317], [16, 20, 600, 620]]
    boxes = np.array([corners], np.float32)
    assert ops.convert_to_numpy(assign(boxes, _STRIDES)).tolist() == [[0, 1, 2, 3]]
    for samples in (1, 2, 3):
        found = _read(maps, boxes, _STRIDES, (3, 5), samples)[0]
        for (x0, y0, x1, y1), values in zip(corners, found, strict=True):
            x = x0 + (np.arange(5) + 0.5) / 5 * (x1 - x0)
            y = y0 + (np.arange(3) + 0.5) / 3 * (y1 - y0)
            np.testing.assert_allclose(values, np.stack(np.meshgrid(x, y), axis=-1), rtol=1e-5)


def test_a_box_of_one_cell() -> None:
    """With one point it is that cell; with two, a quarter of a cell off its centre, 1 6 1 of 8."""
    row = [3.0, 5.0, 16.0, 7.0]
    assert _one(row, [2, 0, 3, 1], 1, 1) == [16]
    assert _one(row, [2, 0, 3, 1], 1, 2) == [(5 + 6 * 16 + 7) / 8]
    assert _one(row, [2, 0, 3, 1], 2, 1) == [(5 + 3 * 16) / 4, (7 + 3 * 16) / 4]


def test_a_box_half_outside() -> None:
    """One cell beyond the last centre is still that cell's, with that very point; then nothing."""
    row = [1.0, 2.0, 3.0, 4.0]
    assert _one(row, [-4, 0, 4, 1], 8, 1) == [0, 0, 0, 1, 1, 2, 3, 4]
    assert _one(row, [0, 0, 8, 1], 8, 1) == [1, 2, 3, 4, 4, 0, 0, 0]
    assert _one(row, [-1.5, 0, 2.5, 1], 4, 1) == [0, 1, 1.5, 2.5]
    assert _one(row, [-4, 0, 4, 1], 4, 2) == [0, 0.5, 1.5, 3.5]  # two points a bin
    assert _one(row, [0, -1, 4, 0], 4, 1) == row  # above the map, by one cell
    assert _one(row, [0, -1.125, 4, -0.125], 4, 1) == [0] * 4


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_boxes_wholly_outside_or_not_finite_are_nothing(value: float) -> None:
    maps = [np.full_like(level, 3) for level in _pyramid(0, 1, 64, 2)]
    boxes: list[list[float]] = [
        [-300, 10, -20, 40],
        [90, 10, 120, 40],
        [10, -90, 40, -9],
        [10, 400, 40, 900],
    ]
    boxes += [[value, 0, 50, 50], [0, 0, 50, value], [-value, -value, value, value]]
    found = _read(maps, np.array([boxes], np.float32), _STRIDES, (2, 2))
    assert (found[0, :4] == 0).all()
    assert np.isfinite(found).all()
    if not np.isfinite(value):
        assert (found[0, 4] == 0).all()


def test_padding_is_the_first_cell() -> None:
    maps = _pyramid(1, 2, 64, 3)
    found = _read(maps, np.zeros((2, 4, 4), np.float32), _STRIDES, (2, 3))
    expected = np.broadcast_to(maps[0][:, None, :1, :1], found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_each_box_is_read_from_its_own_picture_and_level() -> None:
    """Constant maps, whose value is 10 * picture + level; weights also sum to 1."""
    maps = _pyramid(0, 3, 640, 2)
    for number, level in enumerate(maps):
        level[:] = 10 * np.arange(3).reshape(3, 1, 1, 1) + number
    sides = np.array([448, 20, 224, 112])
    boxes = np.zeros((3, 4, 4), np.float32) + 50
    boxes[..., 2:] += sides[:, None]
    found = _read(maps, boxes, _STRIDES, (7, 7))
    expected = 10 * np.arange(3)[:, None] + [3, 0, 2, 1]
    np.testing.assert_allclose(
        found, np.broadcast_to(expected[..., None, None, None], found.shape), rtol=1e-6
    )
    # The same boxes need another level for sides of at least 28 cells.
    found = _read(maps, boxes, _STRIDES, (7, 7), 2, 28.0)
    np.testing.assert_allclose(found[..., 3, 3, 0], 10 * np.arange(3)[:, None] + [2, 0, 1, 0])


@pytest.mark.parametrize(("size", "samples"), [((7, 7), 2), ((3, 5), 1), ((2, 1), 3)])
def test_as_loops_find(size: tuple[int, int], samples: int) -> None:
    maps, boxes = _pyramid(2, 2, 320, 3), _boxes(3, (2, 12), 320)
    assert set(ops.convert_to_numpy(assign(boxes, _STRIDES)).ravel()) == {0, 1, 2, 3}
    found = _read(maps, boxes, _STRIDES, size, samples)
    assert found.dtype == np.float32
    assert (found != 0).any(axis=(2, 3, 4)).mean() > 0.7
    expected = _reference(maps, boxes, _STRIDES, size, samples)
    # At 300 pixels a float32 is right to 3e-5 of a pixel.
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-5)


# Quarters of pixels and powers of two: float32 is exact, and so is which points are outside.
_quarters = st.integers(-60, 260).map(lambda quarters: quarters / 4)
_powers = st.sampled_from([1, 2, 4])


@settings(max_examples=30, deadline=None)
@given(
    extents=st.tuples(*[st.integers(1, 9)] * 4),
    box=st.tuples(*[_quarters] * 4),
    size=st.tuples(_powers, _powers),
    samples=st.sampled_from([1, 2]),
    seed=st.integers(0, 9),
)
def test_as_loops_find_for_any_box(
    extents: tuple[int, ...],
    box: tuple[float, ...],
    size: tuple[int, int],
    samples: int,
    seed: int,
) -> None:
    """Maps of any size, boxes of any place; also those that are turned over."""
    generator = np.random.default_rng(seed)
    maps = [generator.normal(size=(1, *extents[i : i + 2], 2)).astype("float32") for i in (0, 2)]
    boxes = np.array([[box]], np.float32)
    found = _read(maps, boxes, (2, 4), size, samples)
    np.testing.assert_allclose(
        found, _reference(maps, boxes, (2, 4), size, samples), rtol=0, atol=1e-5
    )


def test_gradients_go_to_the_maps_alone() -> None:
    """RoIAlign is linear in the maps: a cell's gradient is what a map of that cell alone gives."""
    generator = np.random.default_rng(4)
    maps = [np.zeros((2, 3, 4, 1), np.float32), np.zeros((2, 2, 2, 1), np.float32)]
    boxes = np.array([[[0, 0, 9, 7], [-5, 2, 70, 60]], [[3, 1, 5, 90], [1, 2, 57, 60]]], np.float32)
    weights = generator.normal(size=(2, 2, 3, 2, 1)).astype(np.float32)

    def value(fine: Any, coarse: Any, boxes: Any) -> Any:
        found = roi_align([fine, coarse], boxes, (2, 4), (3, 2))
        return ops.sum(found * ops.convert_to_tensor(weights))

    shown = [generator.normal(size=level.shape).astype(np.float32) for level in maps]
    *found, of_boxes = _gradients(value, *shown, boxes)
    assert (of_boxes == 0).all()
    for number, gradient in enumerate(found):
        expected = np.zeros_like(gradient)
        for cell in np.ndindex(gradient.shape):
            maps[number][cell] = 1
            expected[cell] = (_reference(maps, boxes, (2, 4), (3, 2), 2) * weights).sum()
            maps[number][cell] = 0
        assert np.abs(expected).max() > 0.05
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-5)


def test_compiled_it_is_the_same(compiled: Callable[..., Any]) -> None:
    maps, boxes = _pyramid(5, 3, 96, 4), _boxes(6, (3, 5), 200)

    def read(boxes: Any, *maps: Any) -> Any:
        return roi_align(maps, boxes, _STRIDES, (7, 7))

    found = ops.convert_to_numpy(compiled(read, boxes, *maps))
    np.testing.assert_allclose(found, _read(maps, boxes, _STRIDES, (7, 7)), rtol=0, atol=1e-5)
    levels = compiled(lambda boxes: assign(boxes, _STRIDES), boxes)
    expected = ops.convert_to_numpy(assign(boxes, _STRIDES))
    np.testing.assert_array_equal(ops.convert_to_numpy(levels), expected)


class _Reading(keras.layers.Layer):
    def call(self, inputs: list[Any]) -> Any:
        *maps, boxes = inputs
        return roi_align(maps, boxes, _STRIDES, (7, 5))


def test_in_a_model_of_unknown_batch() -> None:
    maps, boxes = _pyramid(7, 3, 96, 4), _boxes(8, (3, 5), 200)
    inputs = [keras.Input(array.shape[1:]) for array in (*maps, boxes)]
    output = _Reading()(inputs)
    assert output.shape == (None, 5, 7, 5, 4)
    found = keras.Model(inputs, output)([*maps, boxes])
    expected = _read(maps, boxes, _STRIDES, (7, 5))
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=0, atol=1e-5)


def test_half_precision_is_reckoned_in_float32() -> None:
    maps, boxes = _pyramid(9, 1, 96, 4), _boxes(10, (1, 5), 200)
    halves = [level.astype(np.float16) for level in maps]
    tensors = [ops.convert_to_tensor(level, "float16") for level in halves]
    found = _read(tensors, boxes, _STRIDES, (7, 7))
    assert found.dtype == np.float32
    expected = _read([level.astype(np.float32) for level in halves], boxes, _STRIDES, (7, 7))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strides": (4, 8)}, "`strides` must be one a map"),
        ({"strides": (4, 16, 8, 32)}, "`strides` must rise"),
        ({"strides": (4, 8, 8, 32)}, "`strides` must rise"),
        ({"strides": (0, 8, 16, 32)}, "`strides` must rise"),
        ({"boxes": np.zeros((5, 4))}, r"`boxes` must be \[B, R, 4\]; received: shape=\(5, 4\)"),
        ({"boxes": np.zeros((1, 5, 5))}, "`boxes` must be"),
        ({"maps": [np.zeros((1, 8, 8))] * 4}, "`maps` must be"),
        ({"maps": [np.zeros((1, 8, 8, c)) for c in (3, 3, 3, 4)]}, "`maps` must be"),
        ({"size": (0, 7)}, r"must be positive; received: size=\(0, 7\), samples=2"),
        ({"samples": 0}, "`samples` must be positive"),
        ({"cells": 0.0}, "`cells` must be positive"),
    ],
)
def test_bad_arguments_are_named(changes: dict[str, Any], message: str) -> None:
    good = {"maps": _pyramid(0, 1, 64, 2), "boxes": np.zeros((1, 5, 4), np.float32)}
    arguments: dict[str, Any] = {**good, "strides": _STRIDES, "size": (7, 7), **changes}
    with pytest.raises(ValueError, match=message):
        roi_align(**arguments)


def test_no_strides_are_no_levels() -> None:
    with pytest.raises(ValueError, match="`strides` must rise"):
        assign(np.zeros((1, 2, 4), np.float32), ())

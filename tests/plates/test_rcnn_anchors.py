"""Anchors against those reckoned one by one; on any backend of Keras."""

from itertools import product

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from plates.detector.rcnn.anchors import anchors


def _numpy(*args: object) -> np.ndarray:
    return ops.convert_to_numpy(anchors(*args))  # type: ignore[arg-type]


def _one_by_one(
    height: int, width: int, strides: list[int], scales: list[float], ratios: list[float]
) -> list[list[float]]:
    boxes = []
    for stride in strides:
        for top in range(0, height, stride):
            for left in range(0, width, stride):
                x, y = left + stride / 2, top + stride / 2
                for scale, ratio in product(scales, ratios):
                    across = scale * stride * ratio**0.5
                    down = across / ratio
                    boxes.append([x - across / 2, y - down / 2, x + across / 2, y + down / 2])
    return boxes


def test_by_hand() -> None:
    """A canvas of 4 x 7: two columns at stride 4, one cell at stride 8; 1 : 1 and 4 : 1.

    Two scales at one cell: those of the first come first.
    """
    wanted = [
        [-2, -2, 6, 6],  # 8 x 8 about (2, 2)
        [-6, 0, 10, 4],  # 16 x 4
        [2, -2, 10, 6],
        [-2, 0, 14, 4],
        [-4, -4, 12, 12],  # 16 x 16 about (4, 4)
        [-12, 0, 20, 8],
    ]
    got = _numpy(4, 7, [4, 8], [2.0], [1.0, 4.0])
    np.testing.assert_allclose(got, wanted, atol=1e-5)
    assert got.dtype == np.float32
    two = _numpy(4, 4, [4], [2.0, 1.0], [1.0, 4.0])
    np.testing.assert_allclose(two, [*wanted[:2], [0, 0, 4, 4], [-2, 1, 6, 3]], atol=1e-5)


@settings(max_examples=30)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.lists(st.sampled_from([4, 8, 16, 32]), min_size=1, max_size=3),
    st.lists(st.floats(0.5, 8), min_size=1, max_size=2),
    st.lists(st.floats(0.2, 6), min_size=1, max_size=3),
)
def test_any_canvas(
    height: int, width: int, strides: list[int], scales: list[float], ratios: list[float]
) -> None:
    """In the order of the maps, whose sizes are rounded up."""
    got = _numpy(height, width, strides, scales, ratios)
    np.testing.assert_allclose(
        got, _one_by_one(height, width, strides, scales, ratios), rtol=1e-5, atol=1e-3
    )


def test_sizes_known_only_to_tensors() -> None:
    """What a traced function knows of a canvas of any size; a compiler knows it."""
    wanted = _numpy(33, 50, (4, 16), (3.0, 2.0), (1.0, 3.0))
    canvas = np.zeros((2, 33, 50, 3), np.uint8)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        def of(image: object) -> object:
            height, width = ops.shape(image)[1:3]
            return anchors(height, width, (4, 16), (3.0, 2.0), (1.0, 3.0))

        signature = [tf.TensorSpec((None, None, None, 3), tf.uint8)]
        traced = tf.function(of, input_signature=signature)
        assert traced.get_concrete_function().structured_outputs.shape.as_list() == [None, 4]
        got = traced(canvas)
    elif backend == "jax":
        import jax

        got = jax.jit(lambda x: anchors(x.shape[1], x.shape[2], (4, 16), (3.0, 2.0), (1.0, 3.0)))(
            canvas
        )
    else:
        height, width = (ops.convert_to_tensor(side, "int32") for side in (33, 50))
        got = anchors(height, width, (4, 16), (3.0, 2.0), (1.0, 3.0))
    np.testing.assert_allclose(ops.convert_to_numpy(got), wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("strides", "scales", "ratios", "message"),
    [
        ([], [4], [1], r"`strides` must be positive; received: strides=\[\]"),
        ([4, 0], [4], [1], "`strides` must be positive"),
        ([4], [3, 0], [1], r"`scales` must be positive; received: scales=\[3, 0\]"),
        ([4], [4], [1, -2], "`ratios` must be positive"),
        ([4], [4], [], "`ratios` must be positive"),
    ],
)
def test_bad_settings(
    strides: list[int], scales: list[float], ratios: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        anchors(8, 8, strides, scales, ratios)

"""Overlaps, deltas and clipping of boxes; on any backend of Keras."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import ops

from plates.detector.rcnn import boxes

COORDINATES = st.floats(-1500, 1500, width=32)
HEAD = (10.0, 10.0, 5.0, 5.0)  # the weights of a box head


def _numpy(tensor: Any) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


def _random(rng: np.random.Generator, *shape: int, least: float = 0.5) -> np.ndarray:
    """Boxes float32 [..., 4] about a canvas of 640 pixels, with sides from `least`."""
    low = rng.uniform(-40, 640, (*shape, 2))
    return np.concatenate([low, low + rng.uniform(least, 300, (*shape, 2))], -1).astype(np.float32)


def _iou(a: list[float], b: list[float]) -> float:
    """The plain formula in float64."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def test_iou_by_hand() -> None:
    a = np.array([[0, 0, 4, 2], [0, 0, 0, 0]], np.float32)
    b = np.array(
        [
            [0, 0, 4, 2],  # itself
            [2, 0, 6, 2],  # half of each: 4 of 12
            [1, 0, 3, 1],  # within: 2 of 8
            [4, 0, 8, 2],  # beside
            [2, 1, 2, 9],  # without area
            [3, 2, 1, 0],  # inside out
            [0, 0, 0, 0],  # padding
        ],
        np.float32,
    )
    wanted = [[1.0, 1 / 3, 1 / 4, 0.0, 0.0, 0.0, 0.0], [0.0] * 7]
    got = _numpy(boxes.iou(a, b))
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=0)
    assert got.dtype == np.float32


@given(
    arrays(np.float32, (3, 4), elements=COORDINATES),
    arrays(np.float32, (4, 4), elements=COORDINATES),
)
def test_iou_of_any_boxes(a: np.ndarray, b: np.ndarray) -> None:
    """0..1, the same both ways, and as the plain formula says."""
    got = _numpy(boxes.iou(a, b))
    assert (got >= 0).all()
    assert (got <= 1).all()
    np.testing.assert_array_equal(got, _numpy(boxes.iou(b, a)).T)
    wanted = np.array([[_iou(one, other) for other in b.tolist()] for one in a.tolist()])
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-5)


def test_iou_in_batches_compiled_and_of_half_precision(compiled: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    a, b = _random(rng, 3, 5), _random(rng, 3, 7)
    got = _numpy(compiled(boxes.iou, a, b))
    assert got.shape == (3, 5, 7)
    for i in range(3):
        np.testing.assert_allclose(got[i], _numpy(boxes.iou(a[i], b[i])), rtol=1e-5, atol=1e-7)
    # 300 x 300 is more than float16 can hold.
    whole = np.array([[0, 0, 300, 300]], np.float16)
    assert _numpy(boxes.iou(whole, whole)).tolist() == [[1.0]]


def test_areas_by_hand() -> None:
    values = [[1, 2, 4, 4.5], [0, 0, 0, 0], [3, 3, 1, 1], [0, 0, -1, 5]]
    assert _numpy(boxes.areas(np.array(values, np.float32))).tolist() == [7.5, 0, 0, 0]


def test_encode_by_hand() -> None:
    """An anchor of 4 x 2 about (2, 1); a box of 8 x 1 about (3, 1.5)."""
    anchor, box = np.array([[0.0, 0, 4, 2]]), np.array([[-1.0, 1, 7, 2]])
    wanted = [1 / 4, 0.5 / 2, math.log(2), math.log(0.5)]
    np.testing.assert_allclose(_numpy(boxes.encode(box, anchor)), [wanted], rtol=1e-6)
    weighted = np.multiply(wanted, HEAD)
    np.testing.assert_allclose(_numpy(boxes.encode(box, anchor, HEAD)), [weighted], rtol=1e-6)


def test_decode_by_hand() -> None:
    anchor = np.array([[0.0, 0, 4, 2]])
    deltas = np.array([[0.25, 0.25, math.log(2), math.log(0.5)]])
    wanted = [[-1, 1, 7, 2]]
    np.testing.assert_allclose(_numpy(boxes.decode(deltas, anchor)), wanted, rtol=1e-5)
    got = boxes.decode(deltas * HEAD, anchor, HEAD)
    np.testing.assert_allclose(_numpy(got), wanted, rtol=1e-5)


def test_a_round_trip_changes_nothing(compiled: Callable[..., Any]) -> None:
    rng = np.random.default_rng(1)
    anchors, wanted = _random(rng, 2, 500, least=8), _random(rng, 2, 500, least=8)

    def there_and_back(anchors: Any, wanted: Any) -> Any:
        return boxes.decode(boxes.encode(wanted, anchors, HEAD), anchors, HEAD)

    for call in (compiled, lambda function, *values: function(*values)):
        got = _numpy(call(there_and_back, anchors, wanted))
        # Positions up to 940 pixels, of which float32 knows 6e-5.
        np.testing.assert_allclose(got, wanted, atol=3e-4, rtol=0)
    near = _numpy(there_and_back(anchors / 16, wanted / 16))
    np.testing.assert_allclose(near, wanted / 16, atol=1e-4, rtol=0)


def test_wild_answers_stay_finite() -> None:
    """62.5 times the anchor at most, also where the weights make the answer smaller."""
    anchor = np.array([[10.0, 10, 20, 14]])
    for weights in ((1.0, 1.0, 1.0, 1.0), HEAD):
        got = _numpy(boxes.decode(np.array([[0.0, 0, 1e6, 1e6]]), anchor, weights))[0]
        np.testing.assert_allclose(got[2:] - got[:2], [625, 250], rtol=1e-5)
        np.testing.assert_allclose((got[2:] + got[:2]) / 2, [15, 12], rtol=1e-4)
    least = _numpy(boxes.decode(np.array([[0.0, 0, -1e6, -1e6]]), anchor))[0]
    assert least.tolist() == [15, 12, 15, 12]


def test_padding_stays_finite() -> None:
    anchor, nothing = np.array([[10.0, 10, 20, 14]]), np.zeros((1, 4))
    assert np.isfinite(_numpy(boxes.encode(nothing, anchor))).all()
    assert np.isfinite(_numpy(boxes.encode(anchor, nothing))).all()
    assert _numpy(boxes.encode(nothing, nothing)).tolist() == [[0] * 4]
    assert _numpy(boxes.decode(np.ones((1, 4)), nothing)).tolist() == [[0] * 4]


def test_clip_by_hand(compiled: Callable[..., Any]) -> None:
    values = np.array([[-3, -4, 5, 6], [90, 40, 120, 60], [130, 10, 140, 20], [1, 2, 3, 4]], "f4")
    wanted = [[0, 0, 5, 6], [90, 40, 100, 50], [100, 10, 100, 20], [1, 2, 3, 4]]
    assert _numpy(boxes.clip(values, 50, 100)).tolist() == wanted
    side = ops.convert_to_tensor(50, "int32")
    assert _numpy(boxes.clip(values, side, 2 * side)).tolist() == wanted
    assert _numpy(compiled(lambda v: boxes.clip(v, 50, 100), values)).tolist() == wanted

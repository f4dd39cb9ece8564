"""Which box an anchor learns, and which anchors are drawn; on any backend of Keras."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from plates.detector.rcnn import matching


def _numpy(tensors: Any) -> list[np.ndarray]:
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def _match_one_by_one(
    overlaps: np.ndarray, present: np.ndarray, low: float, high: float, force: bool
) -> tuple[list[int], list[int]]:
    """One picture, [N, G] and [G], with loops."""
    indices, kinds = [], []
    for row in overlaps.tolist():
        real = [(share, -g) for g, share in enumerate(row) if present[g]]
        most, g = max(real) if real else (-1.0, 0)
        index, kind = -g, 1 if most >= high else 0 if most < low else -1
        if force and kind != 1:
            claims = [
                (share, g)
                for share, g in real
                if share > 0 and share >= (1 - 1e-5) * float(overlaps[:, -g].max())
            ]
            if claims:
                index, kind = -max(claims)[1], 1
        indices.append(index)
        kinds.append(kind)
    return indices, kinds


def test_match_by_hand() -> None:
    """Four anchors, three boxes of which the last is padding; the other picture has none."""
    overlaps = np.array(
        [
            [[0.8, 0.1, 1.0], [0.4, 0.4, 0.9], [0.2, 0.29, 0.9], [0.0, 0.0, 0.9]],
            [[0.8, 0.1, 1.0], [0.4, 0.4, 0.9], [0.2, 0.29, 0.9], [0.0, 0.0, 0.9]],
        ],
        np.float32,
    )
    present = np.array([[True, True, False], [False, False, False]])
    for force, kinds in ((False, [1, -1, 0, 0]), (True, [1, 1, 0, 0])):
        index, kind = _numpy(matching.match(overlaps, present, 0.3, 0.7, force))
        # The second box's best anchor is the second, which overlaps the first as much.
        assert index[0].tolist()[:3] == [0, 1 if force else 0, 1]
        assert kind.tolist() == [kinds, [0, 0, 0, 0]]
        assert index.dtype == kind.dtype == np.int32


def test_levels_count_from_themselves() -> None:
    """IoU of exactly `high` is positive, of exactly `low` is neither."""
    overlaps = np.array([[[0.5], [0.25], [0.249], [0.499]]], np.float32)
    _, kind = _numpy(matching.match(overlaps, np.array([[True]]), 0.25, 0.5))
    assert kind.tolist() == [[1, -1, 0, -1]]


def test_a_box_claims_its_best_anchors() -> None:
    """All that tie, as compilers round; 0 is no overlap; no claim moves a positive anchor."""
    tie = np.nextafter(np.float32(0.2), np.float32(1))
    rows = [[0.2, 0, 0, 0], [tie, 0, 0, 0], [0.19, 0, 0, 0], [0, 0.9, 0.6, 0], [0, 0.95, 0.1, 0]]
    overlaps = np.array([rows], np.float32)
    index, kind = _numpy(matching.match(overlaps, np.ones((1, 4), bool), 0.3, 0.7, force=True))
    assert kind.tolist() == [[1, 1, 0, 1, 1]]
    assert index.tolist() == [[0, 0, 0, 1, 1]]


def test_a_claim_moves_an_anchor_that_is_nobodys() -> None:
    """The only anchor that the second box meets at all overlaps the first more, yet too little."""
    overlaps = np.array([[[0.6, 0.1], [0.5, 0.2]]], np.float32)
    index, kind = _numpy(matching.match(overlaps, np.ones((1, 2), bool), 0.3, 0.7, force=True))
    assert (index.tolist(), kind.tolist()) == ([[0, 1]], [[1, 1]])


@given(st.integers(0, 10**6), st.sampled_from([1, 6, 12]), st.sampled_from([1, 4]), st.booleans())
def test_match_one_by_one(seed: int, anchors: int, boxes: int, force: bool) -> None:
    """Overlaps from few values, so that many tie; compiled and not."""
    rng = np.random.default_rng(seed)
    overlaps = rng.choice([0, 0.1, 0.3, 0.45, 0.5, 0.7, 1], (2, anchors, boxes)).astype(np.float32)
    present = rng.random((2, boxes)) < 0.7
    low, high = sorted(rng.choice([0.1, 0.3, 0.5, 0.7], 2).astype(np.float32).tolist())
    index, kind = _numpy(matching.match(overlaps, present, low, high, force))
    for i in range(2):
        wanted = _match_one_by_one(overlaps[i], present[i], low, high, force)
        assert (index[i].tolist(), kind[i].tolist()) == wanted
    assert present[np.arange(2)[:, None], index][kind == 1].all()


def test_match_compiled(compiled: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    overlaps, present = rng.random((3, 40, 5), np.float32), rng.random((3, 5)) < 0.5
    wanted = _numpy(matching.match(overlaps, present, 0.3, 0.9, True))
    got = _numpy(compiled(lambda a, b: matching.match(a, b, 0.3, 0.9, True), overlaps, present))
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_bad_levels_and_no_boxes() -> None:
    overlaps = np.zeros((1, 2, 1), np.float32)
    for low, high in ((0.5, 0.4), (-0.1, 0.5), (0.5, 1.1)):
        with pytest.raises(ValueError, match="0 <= low <= high <= 1; received: low="):
            matching.match(overlaps, np.ones((1, 1), bool), low, high)
    with pytest.raises(ValueError, match=r"with a box, be it padding; received: shape=\[1, 2, 0\]"):
        matching.match(overlaps[..., :0], np.ones((1, 0), bool), 0.3, 0.7)


def test_sample_by_hand() -> None:
    """Two of three positive ones by noise, then background by noise; neither is never drawn."""
    kind = np.array([[1, 0, -1, 1, 0, 1, 0], [0, 0, -1, -1, -1, 1, -1]])
    noise = np.array([[0.1, 0.2, 0.99, 0.9, 0.8, 0.5, 0.0]] * 2, np.float32)
    index, kept, positive = _numpy(matching.sample(kind, 2, 4, noise))
    assert index.tolist() == [[3, 5, 4, 1], [5, 1, 0, 0]]
    assert kept.tolist() == [[True] * 4, [True] * 3 + [False]]
    assert positive.tolist() == [[True, True, False, False], [True, False, False, False]]
    assert index.dtype == np.int32
    # Of noise 0 also the last background is drawn when there is room.
    index, kept, _ = _numpy(matching.sample(kind[:1], 2, 9, noise[:1]))
    assert index.tolist() == [[3, 5, 4, 1, 6, 0, 0, 0, 0]]
    assert kept.tolist() == [[True] * 5 + [False] * 4]


@given(
    st.integers(0, 10**6), st.sampled_from([1, 8, 30]), st.sampled_from([(1, 1), (3, 8), (8, 20)])
)
def test_sample_keeps_its_promises(seed: int, anchors: int, counts: tuple[int, int]) -> None:
    """Counts, kinds, none twice; noise with ties and with its ends 0 and 1."""
    rng, (positives, total) = np.random.default_rng(seed), counts
    kind = rng.integers(-1, 2, (3, anchors))
    noise = rng.choice([0, 0.25, 0.5, 1 - 2**-24, 1], (3, anchors)).astype(np.float32)
    index, kept, positive = _numpy(matching.sample(kind, positives, total, noise))
    assert index.shape == kept.shape == positive.shape == (3, total)
    for i in range(3):
        drawn = index[i][kept[i]]
        few = min(positives, (kind[i] == 1).sum())
        assert positive[i].sum() == few
        assert kept[i].sum() == min(total, few + (kind[i] == 0).sum())
        assert len(set(drawn.tolist())) == len(drawn)
        np.testing.assert_array_equal(kind[i][drawn], positive[i][kept[i]])
        assert not (index[i] * ~kept[i]).any()
        assert not (positive[i] & ~kept[i]).any()
        for one in (0, 1):
            left = np.setdiff1d(np.flatnonzero(kind[i] == one), drawn)
            least = noise[i][drawn][kind[i][drawn] == one].min(initial=2)
            assert noise[i][left].max(initial=-1) <= least or (one == 0 and least == 2)


def test_every_anchor_is_drawn_as_often() -> None:
    """4000 pictures with 3 of 6 positive ones and 2 of 4 of the background: each half the time."""
    kind = np.tile([1, 0, 1, 1, 0, 1, 0, 1, 0, 1, -1], (4000, 1))
    noise = np.random.default_rng(0).random(kind.shape, np.float32)
    index, kept, _ = _numpy(matching.sample(kind, 3, 5, noise))
    assert kept.all()
    shares = np.bincount(index.ravel(), minlength=11) / 4000
    np.testing.assert_allclose(shares, [0.5] * 10 + [0], atol=0.04)


def test_sample_compiled(compiled: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    kind, noise = rng.integers(-1, 2, (3, 20)), rng.random((3, 20), np.float32)
    wanted = _numpy(matching.sample(kind, 4, 12, noise))
    got = _numpy(compiled(lambda a, b: matching.sample(a, 4, 12, b), kind, noise))
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_bad_counts() -> None:
    for positives, total in ((0, 4), (5, 4)):
        with pytest.raises(ValueError, match=f"received: positives={positives}, total={total}"):
            matching.sample(np.zeros((1, 3), int), positives, total, np.zeros((1, 3), np.float32))

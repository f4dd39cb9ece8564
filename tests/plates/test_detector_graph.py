"""Plates from maps in a graph: those that numpy and cv2 find."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from plates import geometry
from plates.detector import decode, graph, graph_geometry, graph_quads, letterbox, targets

STRIDE, SIZE = 4, (128, 192)


def _masks(rng: np.random.Generator) -> np.ndarray:
    """Plates in pairs that touch, some cut off or hardly there, with noise; or hills."""
    if rng.random() < 0.3:
        noise = rng.normal(size=(32, 48, 2)).astype(np.float32)
        hills = cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.8, 4))
        return (rng.uniform(0, 0.5) + 0.3 * hills / hills.std()).clip(0, 1)
    quads = []
    for _ in range(2):
        width, angle = rng.uniform(12, 90), rng.normal(0, 0.2)
        sides = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        sides *= np.array([[width], [width / rng.uniform(1.2, 5)]])
        first = rng.uniform(-5, SIZE[::-1])
        step = sides[rng.integers(2)] * 1.03
        quads += [
            first + np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) @ sides + k * step for k in (0, 1)
        ]
    maps = cv2.GaussianBlur(targets.masks(np.stack(quads), SIZE, STRIDE), (0, 0), 0.6)
    maps = maps * rng.uniform(0.3, 1) + rng.normal(0, 0.01, maps.shape)
    return maps.clip(0, 1).astype(np.float32)


def _offsets(rng: np.random.Generator) -> np.ndarray:
    """Three plates that may cover each other, one of them told of twice, and one that is none."""
    x, y = np.array([[-0.5, 0.5, 0.5, -0.5], [-0.5, -0.5, 0.5, 0.5]]) * rng.uniform(20, 60)
    quads = rng.uniform(20, 110, (3, 1, 2)) + np.stack([x, y / 3], axis=1)
    maps = targets.corners(quads, SIZE, STRIDE)[..., :9]
    maps[..., 1:] += rng.normal(0, 0.2, maps[..., 1:].shape)
    middle = targets.corners(quads[:1], SIZE, STRIDE)[..., 0].argmax()
    maps.reshape(-1, 9)[middle + 2, 0] = 0.95
    maps[1, 1, 0], maps[1, 1, 4] = 0.9, np.nan
    return maps


@pytest.mark.parametrize("head", ["unet", "corners"])
def test_the_plates_of_numpy(head: str) -> None:
    """As many, as sure, and where they are: to 0.02 pixels, for cv2 has its boxes in float32."""
    channels, draw = (2, _masks) if head == "unet" else (9, _offsets)
    read = graph_quads.from_masks if head == "unet" else graph_quads.from_corners
    expected = decode.from_masks if head == "unet" else decode.from_corners
    signature = [tf.TensorSpec((None, None, channels)), tf.TensorSpec((), tf.float64)]
    found = tf.function(lambda m, least: read(m, STRIDE, least), signature, autograph=False)
    maps = [draw(np.random.default_rng(seed)) for seed in range(12)]
    told = 0
    for number, one in enumerate([*maps, np.zeros_like(maps[0]), np.ones_like(maps[0][:1])]):
        for least in (0.1, 0.4):
            plates = expected(one, STRIDE, least)
            corners, scores = found(one, least)
            assert len(corners) == len(plates), number
            told += len(plates)
            for plate, quad, score in zip(plates, corners.numpy(), scores.numpy(), strict=True):
                np.testing.assert_allclose(quad, plate.corners, rtol=0, atol=0.02, err_msg=number)
                assert score == pytest.approx(plate.score, abs=1e-6)
    assert told > 50


def test_parts_hang_together_by_corners() -> None:
    """A spiral, which is long, and noise, as cv2 has them, numbered in the same order."""
    spiral = np.zeros((21, 21), np.uint8)
    turns = np.concatenate([[0], np.cumsum(np.repeat(np.arange(18, 0, -2), 2))])
    at, way = np.array([1, 1]), np.array([0, 1])
    for length in np.diff(turns):
        for _ in range(length):
            spiral[tuple(at)] = 1
            at = at + way
        way = np.array([way[1], -way[0]])
    noise = np.pad(np.random.default_rng(0).random((40, 30)) < 0.35, 1)
    for shown in (spiral.astype(bool), noise):
        count, expected = cv2.connectedComponents(shown.astype(np.uint8), connectivity=8)
        parts = graph_quads._parts(shown).numpy()
        pairs = set(zip(expected.ravel().tolist(), parts.ravel().tolist(), strict=True))
        assert len(pairs) == count == len(np.unique(parts))
        assert (0, 0) in pairs


def test_distances_are_those_of_cv2() -> None:
    cells = np.random.default_rng(1).random((40, 30)) < 0.01
    expected = cv2.distanceTransform((~cells).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    np.testing.assert_allclose(graph_quads._distances(cells), expected, atol=1e-5)


def test_geometry_is_that_of_numpy() -> None:
    """On any four points, on plates, and on such as meet in corners and sides or are the same."""
    rng = np.random.default_rng(2)
    points = rng.uniform(0, 30, (400, 4, 2))
    ordered = graph_geometry.reading_order(points).numpy()
    np.testing.assert_array_equal(ordered, [geometry.reading_order(one) for one in points])
    points[::50, 1] = points[::50, 0] + 1
    points[0, 0, 0] = np.nan
    faultless = graph_geometry.faultless(points).numpy()
    np.testing.assert_array_equal(faultless, [not geometry.defect(one) for one in points])
    ordered = ordered[[geometry.is_convex(one) for one in ordered]]
    assert 50 < len(ordered) < 350
    unit = np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]])
    quads = np.concatenate([ordered, *[unit[None]] * 6])
    moves = [[0, 0], [5, 0], [10, 0], [10, 10], [20, 0]]
    others = np.concatenate([ordered[::-1], unit + np.array(moves)[:, None], unit[None] / 2 + 1])
    expected = [geometry.polygon_iou(a, b) for a, b in zip(quads, others, strict=True)]
    assert expected[-6:] == pytest.approx([1, 1 / 3, 0, 0, 0, 1 / 4])
    np.testing.assert_allclose(graph_geometry.overlaps(quads, others), expected, atol=1e-9)


def test_the_smallest_box_is_as_small_as_that_of_cv2() -> None:
    rng = np.random.default_rng(3)
    for count in (4, 9, 80):
        points = rng.normal(size=(count, 2)) * rng.uniform(1, 30, 2)
        box = graph_geometry.smallest_box(points).numpy()
        _, (width, height), _ = cv2.minAreaRect(points.astype(np.float32))
        assert geometry.area(box) == pytest.approx(width * height, rel=1e-5)
        sides = np.hypot(*(np.roll(box, -1, axis=0) - box).T)
        assert sides[0] * sides[1] == pytest.approx(geometry.area(box))
        outside = [cv2.pointPolygonTest(box.astype(np.float32), one, True) for one in points]
        assert min(outside) > -1e-4


@pytest.mark.parametrize("shape", [(90, 130), (130, 90), (1, 1), (7, 300)])
@pytest.mark.parametrize("square", [True, False])
def test_the_same_canvas(shape: tuple[int, int], square: bool) -> None:
    image = np.random.default_rng(4).integers(0, 256, (*shape, 3), dtype=np.uint8)
    expected = letterbox.fit(*shape, 64, square=square)
    inner, canvas, scale = graph._frame(tf.constant(image), 64, square)
    assert scale.numpy().tolist() == list(expected.scale[::-1])
    found = graph._laid(tf.constant(image), inner, canvas)
    np.testing.assert_array_equal(found, expected.apply(image))

"""The mirror permutation: the 68-point table, any N, dense faces, and what must be refused."""

import time

import numpy as np
import pytest

from landmarks import geometry
from landmarks.mirror import _involution, find

# The 68 points of iBUG (Sagonas et al. 2013), numbered from 0; the others lie on the midline.
TABLE = (
    [(i, 16 - i) for i in range(8)]
    + [(17 + i, 26 - i) for i in range(5)]
    + [(31, 35), (32, 34), (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]
    + [(48, 54), (49, 53), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67)]
)


def permutation(pairs: list[tuple[int, int]], count: int) -> np.ndarray:
    partners = np.arange(count)
    for one, other in pairs:
        partners[one], partners[other] = other, one
    return partners


def arc(x: float, y: float, rx: float, ry: float, degrees: np.ndarray, z: float) -> np.ndarray:
    """Points on an ellipse, from the right (0) downwards (90), at depth `z`."""
    angle = np.deg2rad(degrees)
    x_all, y_all = x + rx * np.cos(angle), y + ry * np.sin(angle)
    return np.stack([x_all, y_all, np.full_like(x_all, z)], axis=1)


def face68() -> np.ndarray:
    """A face's 68 points in the order of iBUG, [68, 3]; towards the viewer is +z."""
    jaw = arc(0, -0.1, 1, 1.2, np.linspace(180, 0, 17), -0.3)
    jaw[:, 2] += 0.4 * np.sin(np.linspace(0, np.pi, 17))
    brow = arc(-0.45, -0.45, 0.33, 0.15, np.linspace(190, 345, 5), 0.15)
    eye = arc(-0.43, -0.25, 0.17, 0.07, np.array([180, 240, 300, 0, 60, 120]), 0.1)
    bridge = np.stack([np.zeros(4), np.linspace(-0.3, 0.1, 4), np.linspace(0.2, 0.5, 4)], axis=1)
    nostrils = arc(0, 0.2, 0.2, 0.05, np.linspace(180, 0, 5), 0.3)
    outer = arc(0, 0.55, 0.35, 0.15, np.linspace(180, 510, 12), 0.25)
    inner = arc(0, 0.55, 0.27, 0.05, np.linspace(180, 495, 8), 0.2)
    flip = np.array([-1.0, 1, 1])
    right_brow, right_eye = brow[::-1] * flip, eye[[3, 2, 1, 0, 5, 4]] * flip
    return np.concatenate([jaw, brow, right_brow, bridge, nostrils, eye, right_eye, outer, inner])


def dense(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(points [count, 3] all over half an egg, in no order; their permutation)."""
    half, middle = (count - 31) // 2, 31 + (count - 31) % 2
    grid = (np.arange(half) + 0.5) / half
    angle = np.pi * (3 - 5**0.5) * np.arange(half)
    x, y = np.abs(np.sqrt(grid) * np.cos(angle)), 1.3 * np.sqrt(grid) * np.sin(angle)
    x = 0.02 + 0.98 * x
    left = np.stack([-x, y], axis=1)
    line = np.stack([np.zeros(middle), np.linspace(-1.2, 1.2, middle)], axis=1)
    flat = np.concatenate([left, left * [-1, 1], line])
    depth = 0.6 * np.sqrt(np.maximum(1.1 - flat[:, 0] ** 2 - (flat[:, 1] / 1.3) ** 2, 0))
    order = rng.permutation(count)
    place = np.argsort(order)
    pairs = [(int(place[i]), int(place[i + half])) for i in range(half)]
    return np.column_stack([flat, depth])[order], permutation(pairs, count)


def seen(
    face: np.ndarray,
    rows: int,
    rng: np.random.Generator,
    yaw: tuple[float, float] = (0, 20),
    jitter: float = 0.02,
    roll: float = 8,
    pixels: float = 60,
) -> np.ndarray:
    """Shapes [rows, N, 2], int16: turned by yaw (mean, deviation in degrees), pitch and roll,
    each with its own lasting asymmetry and noise, at its own place and size."""
    shapes = np.empty((rows, len(face), 2))
    for row in range(rows):
        a, b, c = np.deg2rad(rng.normal([yaw[0], 0, 0], [yaw[1], 8, roll]))
        own = face * rng.normal(1, 0.05, 3) + rng.normal(0, jitter, face.shape)
        x = own[:, 0] * np.cos(a) + own[:, 2] * np.sin(a)
        z = own[:, 2] * np.cos(a) - own[:, 0] * np.sin(a)
        y = own[:, 1] * np.cos(b) + z * np.sin(b)
        turned = geometry.turn(np.rad2deg(c), pixels * rng.uniform(0.6, 1.6), (0, 0))
        shapes[row] = turned(np.stack([x, y], axis=1)) + rng.uniform(90, 150, 2)
    return np.rint(shapes).astype(np.int16)


def test_the_known_table() -> None:
    shapes = seen(face68(), 300, np.random.default_rng(0))
    np.testing.assert_array_equal(find(shapes), permutation(TABLE, 68))


def test_few_shapes_do() -> None:
    shapes = seen(face68(), 20, np.random.default_rng(1), yaw=(0, 12))
    np.testing.assert_array_equal(find(shapes), permutation(TABLE, 68))
    ahead = seen(face68(), 1, np.random.default_rng(1), yaw=(0, 0), jitter=0, roll=10)
    np.testing.assert_array_equal(find(ahead), permutation(TABLE, 68))


def test_mirrored_shapes_have_the_same_form() -> None:
    """What the permutation is for: a mirrored face's points are in the order of any face's."""
    shape = seen(face68(), 1, np.random.default_rng(0), yaw=(0, 0), jitter=0, roll=0)
    width = 300
    mirrored = geometry.mirror(width)(shape[0])[find(shape)]
    moved = mirrored - mirrored.mean(axis=0) + shape[0].mean(axis=0)
    assert np.abs(moved - shape[0]).max() < 2


@pytest.mark.parametrize("lean", [-15, 15])
def test_a_leaning_mean_and_faces_to_one_side(lean: float) -> None:
    rng = np.random.default_rng(2)
    shapes = seen(face68(), 200, rng, yaw=(8, 12))
    leaning = geometry.turn(lean, 1, (100, 100))(shapes)
    np.testing.assert_array_equal(find(leaning), permutation(TABLE, 68))


def test_outliers_do_not_decide() -> None:
    rng = np.random.default_rng(3)
    shapes = seen(face68(), 200, rng).astype(np.float32)
    shapes[:20] = rng.uniform(0, 200, (20, 68, 2))
    shapes[20:40] = seen(face68(), 20, rng, yaw=(80, 5))
    shapes[40] = np.nan
    shapes[41] = 7
    np.testing.assert_array_equal(find(shapes), permutation(TABLE, 68))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 10, 25])
def test_any_number_of_points(count: int) -> None:
    """Pairs and midline points of the table, in any order."""
    rng = np.random.default_rng(count)
    shapes, table = seen(face68(), 100, rng), permutation(TABLE, 68)
    kept = [30] if count % 2 else []
    for one, other in rng.permutation(TABLE)[: count // 2]:
        kept += [int(one), int(other)]
    kept = [kept[i] for i in rng.permutation(count)]
    expected = [kept.index(table[point]) for point in kept]
    assert find(shapes[:, kept]).tolist() == expected


def test_dense_faces() -> None:
    """971 points, fewer than four pixels apart; well under the 20 s that are asked for."""
    rng = np.random.default_rng(4)
    face, expected = dense(971, rng)
    shapes = seen(face, 300, rng, yaw=(1, 15), jitter=0.01)
    start = time.process_time()
    found = find(shapes)
    assert time.process_time() - start < 20
    np.testing.assert_array_equal(found, expected)


def test_many_shapes_are_sampled() -> None:
    shapes = np.tile(seen(face68(), 30, np.random.default_rng(5)), (100, 1, 1))
    np.testing.assert_array_equal(find(shapes, seed=1), permutation(TABLE, 68))


@pytest.mark.parametrize("count", [3, 4, 5, 8])
def test_the_assignment_is_its_own_inverse(count: int) -> None:
    """Among costs without any order, where the best assignment goes round in longer cycles."""
    rng = np.random.default_rng(count)
    for _ in range(100):
        pairs = _involution(rng.random((count, count)) + 3 * np.eye(count))
        np.testing.assert_array_equal(pairs[pairs], np.arange(count))


def test_an_odd_cycle_by_hand() -> None:
    """Round the circle of three costs 0.6 + 0.2 + 0.4; b with c, and a alone, is the best pair."""
    cost = np.array([[9, 0.6, 0.4], [0.6, 9.5, 0.2], [0.4, 0.2, 9]])
    assert _involution(cost).tolist() == [0, 2, 1]


def test_refusals() -> None:
    rng = np.random.default_rng(6)
    shapes = seen(face68(), 60, rng)
    for count in (5, 20, 68):
        scatter = rng.normal(size=(count, 2)) + 0.05 * rng.normal(size=(60, count, 2))
        with pytest.raises(ValueError, match=r"no left-right symmetry: .* is off by \d"):
            find(scatter)
    # Left brow, left eye and nose alone: a form, but half of one.
    with pytest.raises(ValueError, match="no left-right symmetry"):
        find(shapes[:, [17, 18, 19, 20, 21, 27, 28, 29, 30, 36, 37, 38, 39, 40, 41]])
    with pytest.raises(ValueError, match="no common form"):
        find(rng.normal(size=(60, 20, 2)))
    with pytest.raises(ValueError, match="almost a line"):
        find(np.tile(np.stack([np.arange(7), 2 * np.arange(7)], axis=1), (5, 1, 1)))
    with pytest.raises(ValueError, match=r"no left-right symmetry|leans by"):
        find(geometry.turn(90, 1, (0, 0))(shapes))
    with pytest.raises(ValueError, match=r"leans by 4\d degrees \(bound 30\)"):
        find(np.array([[[0, 0], [10, 10]], [[5, 5], [20, 20]]]))
    with pytest.raises(ValueError, match="none of 3 shapes has finite points with any extent"):
        find(np.full((3, 4, 2), np.nan))
    with pytest.raises(ValueError, match=r"must be \[R, N, 2\]; received: shape=\(68, 2\)"):
        find(shapes[0])

"""Augmentation: points stay on what they mark, inside, and the same from the same seed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landmarks import geometry
from landmarks.augmenter import Augmenter, Reach, Strength, cover, lighting, place
from landmarks.geometry import centre_crop

STRENGTHS = get_args(Strength)
SIDE = 64
# The red and the green point change places in the mirror, the blue one stays.
MIRROR = np.array([1, 0, 2])
POINTS = np.array([[30.0, 40.0], [62.0, 38.0], [47.0, 66.0]])


def dots(points: np.ndarray, size: tuple[int, int], sigma: float = 3.0) -> np.ndarray:
    """Black [H, W, 3] with a soft dot at point i in channel i."""
    y, x = np.mgrid[: size[0], : size[1]]
    squares = (x[..., None] - points[:, 0]) ** 2 + (y[..., None] - points[:, 1]) ** 2
    return np.rint(250 * np.exp(-squares / (2 * sigma**2))).astype(np.uint8)


def centres(image: np.ndarray) -> np.ndarray:
    """[3, 2] x, y: the middle of each channel's brightest spot."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    weights = np.clip(image.astype(float) - 0.3 * image.max((0, 1)), 0, None)
    return (
        np.stack([(weights * a[..., None]).sum((0, 1)) for a in (x, y)], -1)
        / (weights.sum((0, 1))[:, None])
    )


IMAGE = dots(POINTS, (100, 90))
TO_CROP = centre_crop(100, 90, SIDE)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_depends_on_picture_and_seed_alone(strength: Strength) -> None:
    """Neither on what was asked before nor on the thread."""
    jobs = [(IMAGE, POINTS, TO_CROP, (7, i % 3, i)) for i in range(16)]
    one = Augmenter(SIDE, strength, MIRROR)
    want = [one(*job) for job in jobs]
    again = Augmenter(SIDE, strength, MIRROR)
    backwards = [again(*job) for job in reversed(jobs)]
    with ThreadPoolExecutor(4) as pool:
        threads = list(pool.map(lambda job: one(*job), jobs))
    for a, b, c in zip(want, reversed(backwards), threads, strict=True):
        for other in (b, c):
            np.testing.assert_array_equal(a[0], other[0])
            np.testing.assert_array_equal(a[1], other[1])
            np.testing.assert_array_equal(a[2].matrix, other[2].matrix)
    assert all(image.shape == (SIDE, SIDE, 3) and image.dtype == np.uint8 for image, *_ in want)
    assert len({image.tobytes() for image, *_ in want}) == (1 if strength == "none" else 16)


def test_none_is_the_crop_itself() -> None:
    image, points, affine = Augmenter(SIDE, "none", MIRROR)(IMAGE, POINTS, TO_CROP, (0,))
    np.testing.assert_array_equal(affine.matrix, TO_CROP.matrix)
    np.testing.assert_array_equal(points, TO_CROP(POINTS))
    np.testing.assert_allclose(centres(image), points, atol=0.1)


def test_points_follow_the_picture_and_swap_in_the_mirror() -> None:
    augmenter = Augmenter(SIDE, "light", MIRROR)
    flipped = []
    for seed in range(30):
        image, points, affine = augmenter(IMAGE, POINTS, TO_CROP, (seed,))
        mirrored = bool(np.linalg.det(affine.matrix[:, :2]) < 0)
        flipped.append(mirrored)
        # In a mirrored picture the left point, number 0, is the one that was on the right.
        assert points[0, 0] < points[1, 0]
        found = centres(image)
        np.testing.assert_allclose(points, found[MIRROR] if mirrored else found, atol=0.15)
        np.testing.assert_allclose(affine(POINTS), found, atol=0.15)
    assert 5 < sum(flipped) < 25


def test_without_a_permutation_nothing_is_mirrored() -> None:
    augmenter = Augmenter(16, "light", None)
    affines = [augmenter(IMAGE, POINTS, centre_crop(100, 90, 16), (i,))[2] for i in range(20)]
    assert all(np.linalg.det(affine.matrix[:, :2]) > 0 for affine in affines)


@pytest.mark.parametrize("strength", STRENGTHS[1:])
def test_what_was_inside_stays_inside_and_the_rest_does_not_matter(strength: Strength) -> None:
    side = 16
    to_crop = centre_crop(100, 90, side)
    corners = to_crop.inverse()(np.array([[-0.5, -0.5], [15.5, -0.5], [15.5, 15.5], [-0.5, 15.5]]))
    outside = to_crop.inverse()(np.array([[-3.0, 4.0], [40.0, 8.0]]))
    augmenter = Augmenter(side, strength, np.arange(6))
    for seed in range(12):
        _, points, affine = augmenter(IMAGE, np.vstack([corners, outside]), to_crop, (seed,))
        assert points.shape == (6, 2)
        assert (points[:4] >= -0.5 - 1e-5).all()
        assert (points[:4] <= side - 0.5 + 1e-5).all()
        few = Augmenter(side, strength, np.arange(4))(IMAGE, corners, to_crop, (seed,))
        np.testing.assert_array_equal(few[2].matrix, affine.matrix)


@settings(max_examples=40)
@given(
    st.integers(0, 2**31),
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(0, 5),
    st.floats(0, 180),
    st.floats(0.5, 1),
    st.floats(1, 2),
    st.floats(0, 0.5),
)
def test_place_keeps_points_inside_and_to_its_reach(
    seed: int, height: int, width: int, count: int, turn: float, low: float, up: float, far: float
) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-0.5, np.array([width, height]) - 0.5, (count, 2))
    affine = place(rng, points, (height, width), Reach(turn, (low, up), far))
    moved = affine(points)
    assert (moved >= -0.5).all()
    assert (moved <= np.array([width, height]) - 0.5).all()
    assert affine.scale <= up * (1 + 1e-9)
    cos = affine.matrix[0, 0] / affine.scale
    assert cos >= np.cos(np.deg2rad(turn)) - 1e-9
    if count == 0:
        assert affine.scale >= low * (1 - 1e-9)
        centre = np.array([width - 1, height - 1]) / 2
        step = np.abs(affine(centre) - centre)
        assert (step <= far * np.array([width, height]) + 1e-6).all()


def test_place_uses_its_whole_reach() -> None:
    reach, middle = Reach(30, (0.8, 1.25), 0.1), np.array([[49.5, 99.5]])
    made = [place(np.random.default_rng(i), middle, (200, 100), reach) for i in range(300)]
    angles = [np.rad2deg(np.arctan2(a.matrix[0, 1], a.matrix[0, 0])) for a in made]
    assert -30 <= min(angles) < -28
    assert 28 < max(angles) <= 30
    scales = [a.scale for a in made]
    assert min(scales) < 0.82
    assert max(scales) > 1.22
    steps = np.array([a(middle[0]) - middle[0] for a in made])
    # A share of each side: 10 pixels across, 20 down.
    np.testing.assert_allclose(np.abs(steps).max(0), [10, 20], rtol=0.06)


def test_no_reach_is_no_move() -> None:
    still = place(np.random.default_rng(0), POINTS, (100, 90), Reach(0, (1, 1), 0))
    np.testing.assert_allclose(still.matrix, geometry.identity().matrix, atol=1e-9)


def test_blurs_move_nothing() -> None:
    """Their defaults do: nearest pixels by halves of them, motion to one side."""
    import albumentations as A

    (blurs,) = (step for step in lighting("strong").transforms if isinstance(step, A.OneOf))
    image = dots(np.array([[31.0, 33.0]] * 3), (64, 64), sigma=5)
    for step in blurs.transforms:
        step.p = 1.0
        blur = A.Compose([step])
        blur.set_random_seed(0)
        moves = [centres(blur(image=image)["image"])[0] - (31, 33) for _ in range(30)]
        assert np.abs(moves).mean() < 0.35, step


def test_cover_changes_one_rectangle_of_a_copy() -> None:
    image = np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8)
    before = image.copy()
    for seed in range(30):
        made = cover(image, np.random.default_rng(seed), 0.4)
        np.testing.assert_array_equal(image, before)
        rows, columns = np.nonzero((made != image).any(-1))
        assert 2 <= np.ptp(rows) + 1 <= 20
        assert 2 <= np.ptp(columns) + 1 <= 16


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Augmenter(0, "light", None), "side"),
        (lambda: Augmenter(8, "mild", None), "strength"),  # type: ignore[arg-type]
        (lambda: Reach(-1, (1, 1), 0), "rotation"),
        (lambda: Reach(0, (1.1, 0.9), 0), "scale"),
        (lambda: Reach(0, (0, 1), 0), "scale"),
        (lambda: Reach(0, (1, 1), 1), "shift"),
    ],
)
def test_bad_values_are_refused(make: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        make()

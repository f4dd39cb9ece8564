"""Streets, cars and what is no plate: plates stay visible, everything stays in the picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plates.drawing import scene as scenes
from plates.drawing.car import aside, car
from plates.drawing.things import badge, bars, ellipse, fill, leaves, panes, wheel

SQUARE = np.array([(4, 3), (12, 3), (12, 9), (4, 9)])


def _blank() -> np.ndarray:
    return np.zeros((16, 20, 3), np.uint8)


def test_fills_a_square_by_hand() -> None:
    """Edges are soft: they are left out, but for what lies a pixel beyond them."""
    image = _blank()
    fill(image, SQUARE, np.array((10.0, 300, -5)))
    assert image[4:9, 5:12].tolist() == [[[10, 255, 0]] * 7] * 5
    image[2:11, 3:14] = 0
    assert not image.any()


def test_a_texture_covers_the_polygon_alone_and_is_cut_at_the_edge() -> None:
    image = _blank()
    sizes: list[tuple[int, int]] = []

    def texture(size: tuple[int, int]) -> np.ndarray:
        sizes.append(size)
        return np.full((*size, 3), 200.0)

    fill(image, SQUARE - (8, 6), texture)  # to x -4..4, y -3..3
    assert sizes == [(4, 5)]
    assert (abs(image[:3, :4].astype(int) - 200) <= 1).all()
    image[:5, :6] = 0
    assert not image.any()
    fill(image, SQUARE + 40, texture)
    assert len(sizes) == 1
    assert not image.any()


def test_large_textures_are_enlarged() -> None:
    image = np.zeros((1000, 500, 3), np.uint8)
    sizes: list[tuple[int, int]] = []

    def texture(size: tuple[int, int]) -> np.ndarray:
        sizes.append(size)
        return np.full((*size, 3), 100.0)

    fill(image, [(0, 0), (499, 0), (499, 999), (0, 999)], texture)
    assert sizes == [(400, 200)]
    assert (abs(image[2:-2, 2:-2].astype(int) - 100) <= 1).all()


def test_points_of_an_ellipse_lie_on_it() -> None:
    points = ellipse((5, 7), (4, 2), np.pi / 2, 4)
    np.testing.assert_allclose(points, [(5, 11), (3, 7), (5, 3), (7, 7)], atol=1e-12)


@given(
    seed=st.integers(0, 2**32 - 1),
    middle=st.tuples(*[st.floats(-200, 300)] * 2),
    radius=st.floats(0.1, 200),
)
def test_things_anywhere_and_of_any_size(
    seed: int, middle: tuple[float, float], radius: float
) -> None:
    """Partly or wholly outside, tiny or larger than the picture."""
    rng = np.random.default_rng(seed)
    image = np.full((60, 90, 3), 128, np.uint8)
    badge(rng, image, middle, radius)
    wheel(rng, image, middle, radius)
    panes(rng, image, middle, np.array((radius, radius / 2)))
    bars(rng, image, (*middle, middle[0] + radius, middle[1] + radius), max(radius / 8, 1))
    leaves(rng, image, 5)
    aside(rng, image, *middle, radius)
    at = car(rng, image, *middle, radius, (radius / 4, radius / 16))
    assert np.isfinite(at).all()
    assert abs(at[0] - middle[0]) < radius / 2
    assert middle[1] - radius < at[1] < middle[1]


@pytest.mark.parametrize("seed", range(6))
def test_no_car_stands_before_a_plate(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cars that blacken the whole picture leave every plate visible."""

    def black(
        rng: object, image: np.ndarray, x: float, foot: float, wide: float, plate: object
    ) -> tuple[float, float]:
        image[:] = 0
        return x, foot - wide / 5

    monkeypatch.setattr(scenes, "car", black)
    monkeypatch.setattr(scenes, "_CARS", (0, 0, 0, 1))
    monkeypatch.setattr(scenes, "develop", lambda rng, image, *_: image)
    image, plates = scenes.scene(np.random.default_rng(seed), (300, 400))
    assert len(plates) == 3
    for corners, _ in plates:
        (x0, y0), (x1, y1) = corners.min(0).round().astype(int), corners.max(0).round().astype(int)
        assert image[y0:y1, x0:x1].max() > 60

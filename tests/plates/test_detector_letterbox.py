"""Photographs in their canvas: numbers worked by hand, exact ways back, odd sizes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates.detector import letterbox


def test_by_hand() -> None:
    box = letterbox.fit(300, 400, 64, square=False)
    assert box == letterbox.Letterbox((0.16, 0.16), (48, 64), (64, 64))
    assert letterbox.fit(200, 400, 64, square=False).canvas == (32, 64)
    assert letterbox.fit(200, 400, 64, square=True).canvas == (64, 64)
    # The picture's outer corners, half a pixel beyond the centres, are those of its place.
    corners = [[-0.5, -0.5], [399.5, -0.5], [399.5, 299.5], [-0.5, 299.5]]
    expected = [[-0.5, -0.5], [63.5, -0.5], [63.5, 47.5], [-0.5, 47.5]]
    np.testing.assert_allclose(box.to_canvas(corners), expected)
    np.testing.assert_allclose(box.to_canvas([12, 37]), [1.5, 5.5])


@pytest.mark.parametrize(
    ("size", "inner", "canvas"),
    [
        ((500, 12_000), (21, 512), (32, 512)),
        ((60, 45), (512, 384), (512, 384)),
        ((2, 9000), (1, 512), (32, 512)),
        ((333, 517), (330, 512), (352, 512)),
    ],
)
def test_panoramas_and_thumbnails(
    size: tuple[int, int], inner: tuple[int, int], canvas: tuple[int, int]
) -> None:
    box = letterbox.fit(*size, 512, square=False)
    assert (box.inner, box.canvas) == (inner, canvas)
    picture = np.full((*size, 3), 200, np.uint8)
    laid = box.apply(picture)
    assert laid.shape == (*canvas, 3)
    assert (laid[: inner[0], : inner[1]] == 200).all()
    assert (laid[inner[0] :] == letterbox.GREY).all()
    assert (laid[:, inner[1] :] == letterbox.GREY).all()


@settings(max_examples=50)
@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 40), st.booleans())
def test_the_way_back_is_exact(height: int, width: int, sides: int, square: bool) -> None:
    box = letterbox.fit(height, width, 32 * sides, square=square)
    assert max(box.inner) == 32 * sides
    assert all(inner <= canvas for inner, canvas in zip(box.inner, box.canvas, strict=True))
    assert not any(canvas % 32 for canvas in box.canvas)
    points = np.array([[[-0.5, -0.5], [width / 3, height / 7]], [[-90, 0], [width, height]]])
    np.testing.assert_allclose(box.to_picture(box.to_canvas(points)), points, rtol=0, atol=1e-9)


@pytest.mark.parametrize("side", [32, 160])
def test_points_go_where_the_pixels_go(side: int) -> None:
    picture = np.zeros((72, 96, 3), np.uint8)
    picture[18:30, 60:84] = 240
    box = letterbox.fit(72, 96, side, square=True)
    light = box.apply(picture)[..., 0].astype(float)
    light[box.inner[0] :] = 0
    rows, columns = np.indices(light.shape)
    middle = (light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()
    np.testing.assert_allclose(middle, box.to_canvas([71.5, 23.5]), atol=0.02)


def test_errors() -> None:
    with pytest.raises(ValueError, match="`side` must be positive; received: side=-1"):
        letterbox.fit(3, 4, -1, square=True)
    with pytest.raises(ValueError, match="`width` must be positive; received: width=0"):
        letterbox.fit(3, 0, 32, square=False)
    with pytest.raises(ValueError, match=r"must be uint8 \[3, 4, 3\]; received: uint8 \[4, 3, 3\]"):
        letterbox.fit(3, 4, 32, square=True).apply(np.zeros((4, 3, 3), np.uint8))

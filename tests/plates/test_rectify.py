"""Plates cut from pictures: straight, exact, and over the border."""

import cv2
import numpy as np
import pytest

from plates import geometry
from plates.rectify import CUTS, box, rectify, turned


def checker(height: int = 40, width: int = 120, field: int = 20) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width] // field
    return np.repeat(((rows + columns) % 2 * 200 + 20).astype(np.uint8)[..., None], 3, axis=2)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def rectangle(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def test_a_drawn_quad_comes_back_straight() -> None:
    flat = checker()
    quad = np.array([[60.0, 50], [230, 80], [225, 140], [55, 105]])
    matrix = geometry.homography(rectangle(0, 0, 119, 39), quad)
    picture = cv2.warpPerspective(flat, matrix, (300, 200))
    crop = rectify(picture, quad)
    width, height = geometry.sides(quad)
    assert crop.shape == (round(height) + 1, round(width) + 1, 3)
    again = cv2.resize(crop, (120, 40), interpolation=cv2.INTER_AREA)
    inner = (np.mgrid[:40, :120] % 20 - 9.5).__abs__().max(axis=0) < 7
    assert np.abs(again.astype(int) - flat)[inner].max() < 12


def test_an_upright_rectangle_is_a_plain_cut() -> None:
    picture = noise(60, 90)
    for cut in CUTS.values():
        np.testing.assert_array_equal(
            cut(picture, rectangle(10, 20, 59, 39)), picture[20:40, 10:60]
        )
        grown = cut(picture, rectangle(20, 20, 60, 40), 0.25)
        np.testing.assert_array_equal(grown, picture[15:46, 10:71])
        np.testing.assert_array_equal(cut(picture, rectangle(0, 0, 89, 59)), picture)


def test_box_of_a_tilted_plate() -> None:
    picture = noise(60, 90)
    quad = np.array([[10.0, 20], [60, 25], [58, 45], [8, 40]])
    np.testing.assert_array_equal(box(picture, quad), picture[20:46, 8:61])


def test_the_rectangle_around_a_quad_by_hand() -> None:
    """Level but for one corner: it grows to hold that one; turned, it turns as a whole."""
    quad = np.array([[10.0, 20], [50, 20], [50, 30], [10, 30]])
    np.testing.assert_allclose(geometry.rectangle(quad), quad)
    slipped = np.add(quad, [[0, 0], [0, 0], [4, 0], [0, 0]])
    np.testing.assert_allclose(geometry.rectangle(slipped), rectangle(10, 20, 54, 30))
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    np.testing.assert_allclose(geometry.rectangle(quad @ turn), quad @ turn)
    np.testing.assert_allclose(geometry.rectangle(slipped @ turn), rectangle(10, 20, 54, 30) @ turn)


def test_turned_level_no_corner_that_slipped_inward_cuts_more_than_its_share() -> None:
    """A corner 12 pixels too far in: the crop still holds the whole plate, level."""
    flat = checker()
    quad = np.array([[60.0, 50], [177.0, 66], [172, 105], [55, 89]])
    matrix = geometry.homography(rectangle(0, 0, 119, 39), quad)
    picture = cv2.warpPerspective(flat, matrix, (300, 200))
    whole = turned(picture, quad)
    assert abs(whole.shape[1] - 119) <= 2
    slipped = np.add(quad, [[12, 2], [0, 0], [0, 0], [0, 0]])
    assert turned(picture, slipped).shape[1] >= 118
    assert rectify(picture, slipped).shape[1] <= 114


def test_outside_the_border_is_repeated() -> None:
    picture = noise(40, 50)
    padded = cv2.copyMakeBorder(picture, 9, 9, 9, 9, cv2.BORDER_REPLICATE)
    quad = rectangle(-6, -5, 40, 30)
    for cut in (rectify, box):
        np.testing.assert_array_equal(cut(picture, quad), padded[4:40, 3:50])
        np.testing.assert_array_equal(cut(picture, rectangle(0, 0, 49, 39), 0.1).shape, (48, 60, 3))


def test_turned_and_huge_ones() -> None:
    picture = noise(30, 40)
    turned = np.roll(rectangle(5, 5, 30, 20), 1, axis=0)
    np.testing.assert_array_equal(rectify(picture, turned), np.rot90(picture[5:21, 5:31], -1))
    wide = np.zeros((4, 40_000, 3), np.uint8)
    wide[:, 39_000:] = 9
    assert (rectify(wide, rectangle(39_100, 0, 39_200, 3)) == 9).all()


def test_what_cannot_be_cut() -> None:
    picture = noise(40, 50)
    for cut in (rectify, box):
        with pytest.raises(ValueError, match=r"at \[\[0\.0, .*: it lies outside the picture of 50"):
            cut(picture, rectangle(0, 50, 40, 90))
        with pytest.raises(ValueError, match="a side is 0 pixels long"):
            cut(picture, rectangle(3, 3, 3, 20))
        with pytest.raises(ValueError, match=r"must be uint8 \[H, W, 3\]; received: float64"):
            cut(picture / 255, rectangle(3, 3, 20, 20))

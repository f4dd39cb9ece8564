"""Views of a picture: which ones, and which pixels they show."""

import numpy as np
import pytest

from triptych.tta import Kind, View, render, views


@pytest.mark.parametrize(
    ("kinds", "count"),
    [
        ((), 1),
        (("flip",), 2),
        (("zoom",), 2),
        (("corners",), 5),
        (("scales",), 3),
        (("flip", "zoom"), 4),
        (("flip", "zoom", "corners", "scales"), 16),
    ],
)
def test_number_of_views(kinds: tuple[Kind, ...], count: int) -> None:
    chosen = views(kinds)
    assert len(set(chosen)) == len(chosen) == count
    assert chosen[0] == View()
    assert sum(view.mirror for view in chosen) == (count // 2 if "flip" in kinds else 0)
    for view in chosen:
        top, left, bottom, right = view.box
        assert 0 <= top < bottom <= 1
        assert 0 <= left < right <= 1


def test_the_order_of_kinds_does_not_matter() -> None:
    assert views(["zoom", "flip"]) == views(["flip", "zoom"])


# Every pixel tells its row and its column.
IMAGE = np.stack(
    [*np.meshgrid(np.arange(40), np.arange(60), indexing="ij"), np.zeros((40, 60))], axis=2
).astype(np.uint8)


def test_whole_picture_and_mirror_image() -> None:
    np.testing.assert_array_equal(render(IMAGE, View(), (40, 60)), IMAGE)
    mirrored = render(IMAGE, View(mirror=True), (40, 60))
    np.testing.assert_array_equal(mirrored, IMAGE[:, ::-1])
    assert mirrored.flags.c_contiguous


def test_zoom_shows_the_middle() -> None:
    """0.05 of 40 rows and 60 columns cut away on each side: rows 2..37, columns 3..56."""
    view = views(["zoom"])[1]
    np.testing.assert_array_equal(render(IMAGE, view, (36, 54)), IMAGE[2:38, 3:57])


def test_corners() -> None:
    """0.85 of 40 x 60 is 34 x 51 pixels; each view touches two sides of the picture."""
    shown = [render(IMAGE, view, (34, 51)) for view in views(["corners"])[1:]]
    expected = [IMAGE[t : t + 34, s : s + 51] for t in (0, 6) for s in (0, 9)]
    for got, want in zip(shown, expected, strict=True):
        np.testing.assert_array_equal(got, want)


def test_mirror_of_a_corner_shows_that_corner() -> None:
    corner, mirrored = views(["corners", "flip"])[2], views(["corners", "flip"])[7]
    assert mirrored == View(corner.box, mirror=True)
    np.testing.assert_array_equal(
        render(IMAGE, mirrored, (34, 51)), render(IMAGE, corner, (34, 51))[:, ::-1]
    )


def test_scales_are_multiples_of_32() -> None:
    smaller, larger = views(["scales"])[1:]
    assert render(IMAGE, smaller, (192, 256)).shape == (160, 224, 3)
    assert render(IMAGE, larger, (192, 256)).shape == (224, 288, 3)
    assert render(IMAGE, smaller, (32, 32)).shape == (32, 32, 3)
    assert render(IMAGE, View(), (50, 70)).shape == (50, 70, 3)


def test_a_picture_of_one_pixel() -> None:
    image = np.full((1, 1, 3), 9, np.uint8)
    for view in views(["flip", "zoom", "corners", "scales"]):
        assert (render(image, view, (32, 32)) == 9).all()

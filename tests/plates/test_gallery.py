"""`plates.gallery`: what is shown of a photograph, and where the quads are drawn."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from plates import gallery

LINES = (("missed", gallery.RED), ("a.jpg", gallery.GREY))


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def test_quads_lie_on_the_plates() -> None:
    """A white plate on black: its middle is in the middle, the line runs along its border."""
    image = np.zeros((400, 600, 3), np.uint8)
    image[190:211, 250:351] = 255
    quad = box(249.5, 189.5, 350.5, 210.5)
    shown = gallery.part(image, quad, [quad], [], (200, 300)).astype(int)
    assert shown.shape == (200, pytest.approx(300, abs=3), 3)
    # 101 pixels of the plate's width are two of five parts of what is shown.
    assert (shown[100] > 200).all(axis=1).sum() == pytest.approx(120, abs=8)
    green = (shown[:, :, 1] > 180) & (shown[:, :, 0] < 120)
    rows, columns = np.nonzero(green)
    assert (columns.min(), columns.max()) == pytest.approx((90, 209), abs=3)
    assert (rows.min(), rows.max()) == pytest.approx((87, 112), abs=3)
    found = gallery.part(image, quad, [], [quad + 3], (200, 300)).astype(int)
    assert ((found[:, :, 0] > 200) & (found[:, :, 2] < 60)).any()


@pytest.mark.parametrize(
    ("height", "width", "where"),
    [
        (500, 12000, box(11950, 400, 12040, 430)),  # reaches out of the picture
        (60, 60, box(-5, 10, 70, 30)),
        (60, 60, box(100, 100, 120, 110)),  # outside
        (4000, 3000, np.array([[10.0, 10.0]])),
    ],
)
def test_at_every_border(height: int, width: int, where: np.ndarray) -> None:
    image = np.full((height, width, 3), 90, np.uint8)
    shown = gallery.part(image, where, [], [where])
    assert shown.dtype == np.uint8
    assert max(shown.shape[0] / 200, shown.shape[1] / 300) == 1


def test_a_sheet(tmp_path: Path) -> None:
    """Only the photographs that are shown are read; without a case an older sheet goes."""
    asked: list[int] = []

    def read(index: int) -> np.ndarray:
        asked.append(index)
        return np.full((100, 100 * (1 + index), 3), 90, np.uint8)

    quads = [[box(10, 10, 60, 20)] for _ in range(3)]
    cases = [gallery.Case(i, quads[i][0], LINES) for i in (2, 0)]
    to = tmp_path / "missed.png"
    gallery.sheet(cases, read, quads, [[]] * 3, "2 of 3", to)
    assert asked == [2, 0]
    with Image.open(to) as picture:
        assert picture.width > 2 * 300
    gallery.sheet([], read, quads, [[]] * 3, "", to)
    assert not to.exists()

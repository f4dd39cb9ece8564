"""Drawn plates: seen on light and dark, in place, nothing of the picture lost."""

import numpy as np
import pytest

from plates import draw
from plates.reader.decode import Reading


def box(left: float, top: float, width: float, height: float) -> np.ndarray:
    x, y = left + width, top + height
    return np.array([[left, top], [x, top], [x, y], [left, y]], np.float64)


def boxes_of_labels(picture: np.ndarray) -> np.ndarray:
    """Where there is the labels' ground, which nothing else has."""
    return (picture == 16).all(axis=2)


@pytest.mark.parametrize("ground", [0, 120, 255])
def test_seen_on_any_ground(ground: int) -> None:
    image = np.full((500, 700, 3), ground, np.uint8)
    quad = box(200.5, 250, 160, 40)
    drawn = draw.draw(image, [quad], ["AB123C  0.97  0.99"])
    assert drawn.shape == image.shape
    assert (image == ground).all()
    # The upper side is bright, the line's casing dark, and inside nothing has changed.
    assert drawn[250, 280].tolist() == [60, 235, 75]
    assert drawn[248, 280].max() < 140
    assert (drawn[256:284, 207:354] == ground).all()
    # White letters on black just above it.
    rows, columns = np.nonzero(boxes_of_labels(drawn)[:250])
    assert 220 <= rows.min() < rows.max() < 250
    assert abs(columns.min() - 200) <= 1
    assert drawn[rows.min() : rows.max(), columns.min() : columns.max()].max() == 255


def test_a_thumbnail_is_enlarged_and_its_label_kept_inside() -> None:
    drawn = draw.draw(np.full((40, 60, 3), 200, np.uint8), [box(20, 2, 20, 6)], ["A" * 90])
    assert drawn.shape == (320, 480, 3)
    # A pixel's centre (20, 2) of 8 times the size is (163.5, 19.5).
    assert drawn[19, 240].tolist() == [60, 235, 75]
    rows, columns = np.nonzero(boxes_of_labels(drawn))
    assert rows.min() > 19 + 8 * 6  # no room above
    assert (columns.min(), columns.max()) == (0, 479)


def test_labels_make_room_for_each_other() -> None:
    image = np.full((600, 600, 3), 255, np.uint8)
    quads = [box(100, 300, 60, 15), box(170, 300, 60, 15), box(240, 300, 60, 15)]
    alone = [boxes_of_labels(draw.draw(image, [quad], ["AB123C  0.97"])).sum() for quad in quads]
    together = boxes_of_labels(draw.draw(image, quads, ["AB123C  0.97"] * 3)).sum()
    assert together > 0.95 * sum(alone)


def test_a_panorama_and_plates_partly_outside() -> None:
    image = np.zeros((100, 12000, 3), np.uint8)
    quads = [box(-30, 40, 60, 15), box(11980, -5, 60, 15)]
    drawn = draw.draw(image, quads, ["A", "B"])
    assert drawn.shape == image.shape
    assert boxes_of_labels(drawn)[:, 11900:].any()
    assert draw.draw(image, [], []).shape == image.shape


def test_label() -> None:
    assert draw.label(Reading("AB1", (0.9, 0.812, 1.0), 0.7), 0.956) == "AB1  0.81  0.96"
    assert draw.label(Reading("", (), 0.5), 1) == "-  1.00"

"""Faces in photographs: where they are cut, and the way back to the photograph's pixels."""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landmarks import detect
from landmarks.detect import Face, crop_square, cut, points_box
from landmarks.predictor import Answers, Predictor

MEAN = np.array([[0.2, 0.3], [0.8, 0.3], [0.5, 0.6], [0.5, 0.9]])
# A pixel's colour for each of the points.
COLOURS = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0]], np.uint8)


class Reader:
    """A model that finds one pixel of each of `COLOURS`; without one, the mean shape's point."""

    mean, mirror, shift, points, side = MEAN, None, 0.0, 4, 64

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def predict(
        self, count: int, read: Callable[[int], np.ndarray], tta: Sequence[str] = ()
    ) -> Answers:
        points = np.zeros((count, 4, 2))
        for row in range(count):
            image = read(row)
            self.seen.append(image)
            for k, colour in enumerate(COLOURS):
                at = np.argwhere((image == colour).all(axis=-1))[:, ::-1]
                expected = MEAN[k] * len(image) - 0.5
                # Near the photograph's edge its mirror image has the pixel once more.
                off = np.linalg.norm(at - expected, axis=1)
                points[row, k] = at[off.argmin()] if len(at) else expected
        return Answers(points, np.full((count, 4), 1.5))


def photo(height: int, width: int, points: np.ndarray) -> np.ndarray:
    """A black photograph with a pixel of its colour at every point [4, 2], whole numbers."""
    image = np.zeros((height, width, 3), np.uint8)
    image[points[:, 1], points[:, 0]] = COLOURS
    return image


def face(left: float, top: float, right: float, bottom: float) -> Face:
    return Face((left, top, right, bottom), 0.9, np.zeros((5, 2)))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Face]:
    """The faces that `detect.faces` answers with, to be filled by the test."""
    answer: list[Face] = []
    monkeypatch.setattr(detect, "faces", lambda image: answer)
    return answer


def test_square_by_hand() -> None:
    # A square of 100 whose first pixel is (40, 20): share u is the pixel coordinate u * 100 - 0.5.
    points = MEAN * 100 + [39.5, 19.5]
    assert crop_square(MEAN, points) == (40, 20, 100)


@given(st.integers(-500, 500), st.integers(-500, 500), st.integers(10, 3000))
def test_square_that_made_the_points_is_found(left: int, top: int, side: int) -> None:
    points = MEAN * side + [left - 0.5, top - 0.5]
    assert crop_square(MEAN, points) == (left, top, side)
    # The corners of the box say the same as the points.
    box = np.stack([points.min(axis=0), points.max(axis=0)])
    assert crop_square(MEAN, box) == (left, top, side)


def test_narrow_face_keeps_its_middle() -> None:
    # A box of 48 x 60 under one of 60 x 60 shares: (60 * 48 + 60 * 60) / (60 * 60 + 60 * 60) = 0.9.
    points = np.array([[100, 100], [148, 160]])
    left, top, side = crop_square(MEAN, points)
    assert side == 90
    # The mean's box has its middle at (0.5, 0.6): 9 px below the square's, here at (124, 130).
    assert (left, top) == (80, 77)


@pytest.mark.parametrize(
    ("mean", "points"),
    [(MEAN[:1], MEAN * 9), (MEAN, np.ones((4, 2))), (MEAN, np.full((4, 2), np.nan))],
)
def test_points_without_extent_are_refused(mean: np.ndarray, points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="not all in one place"):
        crop_square(mean, points)


@given(st.integers(-30, 50), st.integers(-30, 40), st.integers(1, 70))
def test_cut_keeps_pixels_and_reflects_outside(left: int, top: int, side: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    made, affine = cut(image, (left, top, side))
    assert made.shape == (side, side, 3)
    around = np.pad(image, ((100, 100), (100, 100), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(
        made, around[100 + top : 100 + top + side, 100 + left : 100 + left + side]
    )
    np.testing.assert_allclose(affine.inverse()([0, 0]), [left, top], rtol=0, atol=1e-6)


def test_points_box_is_a_share_of_the_finders() -> None:
    expected = detect._POINTS_BOX * [200, 100] + [10, 20]
    np.testing.assert_allclose(points_box(face(10, 20, 210, 120)), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("corner", [(100, 60), (-16, 5), (250, 150)])
def test_points_come_back_in_photo_pixels(corner: tuple[int, int], found: list[Face]) -> None:
    points = np.rint(MEAN * 80 - 0.5).astype(int) + corner
    points = points.clip(0, (299, 199))
    # Only roughly where the finder's box should be: the answer may not depend on it.
    left, top = points.min(axis=0) - np.array([4, 20])
    right, bottom = points.max(axis=0) + np.array([9, 6])
    found.append(face(left, top, right, bottom))
    model = Reader()
    (answer,) = detect.predict(cast(list[Predictor], [model]), photo(200, 300, points))
    assert answer[0] is found[0]
    np.testing.assert_allclose(answer[1], points, rtol=0, atol=1e-6)
    assert answer[2] is not None
    np.testing.assert_array_equal(answer[2], [1.5] * 4)


def test_second_square_has_the_points_where_a_training_crop_has_them(found: list[Face]) -> None:
    points = (MEAN * 100 + [39.5, 19.5]).astype(int)
    found.append(face(50, 20, 130, 120))
    model = Reader()
    detect.predict(cast(list[Predictor], [model]), photo(200, 300, points))
    first, second = model.seen
    assert len(first) != 100
    assert len(second) == 100
    for colour, share in zip(COLOURS, MEAN, strict=True):
        ((y, x),) = np.argwhere((second == colour).all(axis=-1))
        np.testing.assert_allclose([x, y], share * 100 - 0.5, rtol=0, atol=1)


def test_ensembles_are_averaged(found: list[Face]) -> None:
    found += [face(20, 20, 90, 90), face(120, 20, 200, 100)]
    image = np.zeros((200, 300, 3), np.uint8)
    one = detect.predict(cast(list[Predictor], [Reader()]), image)
    two = detect.predict(cast(list[Predictor], [Reader(), Reader()]), image)
    assert len(one) == len(two) == 2
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a[1], b[1], rtol=0, atol=1e-6)


def test_wild_points_do_not_move_the_square() -> None:
    first = (10, 20, 100)
    assert detect._again(MEAN, MEAN * 1000, first) == first
    assert detect._again(MEAN, np.ones((4, 2)), first) == first
    assert detect._again(MEAN, MEAN * 120, first)[2] == 120


def test_no_face_no_answer(found: list[Face]) -> None:
    image = np.zeros((90, 90, 3), np.uint8)
    assert detect.predict(cast(list[Predictor], [Reader()]), image) == []


class Finder:
    """mtcnn's answer, whatever the picture: two faces, the right one first."""

    def detect_faces(self, image: np.ndarray, box_format: str) -> list[dict[str, object]]:
        self.shape = image.shape
        names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
        return [
            {
                "box": [x, 10, x + 40, 60],
                "confidence": 0.9,
                "keypoints": {name: [x + i, 20] for i, name in enumerate(names)},
            }
            for x in (200, 100)
        ]


def test_faces_of_a_large_photo_are_in_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    finder = Finder()
    monkeypatch.setattr(detect, "_finder", lambda: finder)
    left, right = detect.faces(np.zeros((960, 1280, 3), np.uint8))
    assert finder.shape == (480, 640, 3)
    # Twice as large: x' = (x + 0.5) * 2 - 0.5.
    np.testing.assert_allclose(left.box, (200.5, 20.5, 280.5, 120.5), rtol=0, atol=1e-6)
    np.testing.assert_allclose(left.parts[:2], [[200.5, 40.5], [202.5, 40.5]], rtol=0, atol=1e-6)
    assert right.box[0] == 400.5
    assert [left.score, right.score] == [0.9, 0.9]


def test_small_photo_is_padded_for_the_finder(monkeypatch: pytest.MonkeyPatch) -> None:
    finder = Finder()
    monkeypatch.setattr(detect, "_finder", lambda: finder)
    assert detect.faces(np.zeros((8, 300, 3), np.uint8))[0].box == (100, 10, 140, 60)
    assert finder.shape == (detect._SHORTEST, 300, 3)


def test_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mtcnn", None)
    detect._finder.cache_clear()
    with pytest.raises(ModuleNotFoundError, match="pip install 'mtcnn"):
        detect.faces(np.zeros((60, 60, 3), np.uint8))


@pytest.mark.skipif(importlib.util.find_spec("mtcnn") is None, reason="mtcnn is not installed")
@pytest.mark.parametrize("size", [(1, 1), (70, 70)])
def test_the_real_finder_bears_pictures_without_a_face(size: tuple[int, int]) -> None:
    detect._finder.cache_clear()
    assert detect.faces(np.full((*size, 3), 90, np.uint8)) == []

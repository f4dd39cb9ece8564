"""Faces in whole photographs: find them, cut them as the training crops were, and answer.

The finder is MTCNN (Zhang et al. 2016, arXiv:1604.02878) from the package `mtcnn`, whose weights
are inside its wheel.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from landmarks import ensemble
from landmarks.geometry import Affine, resized, shift
from landmarks.warp import warp
from triptych.ensemble import How

if TYPE_CHECKING:
    from landmarks.predictor import Predictor

# The finder's time grows with the picture's area; so the smallest face is 1/32 of the longer side.
_LONGEST = 640
# mtcnn's pyramid has a level below its smallest window, and fails, where a side is under this.
_SHORTEST = 48
# The points' box, brows to chin, as shares of the finder's box: left, top; right, bottom. Means of
# 110 faces with 68 points; their standard deviations are 0.03 to 0.07.
_POINTS_BOX = np.array([[-0.02, 0.24], [1.08, 1.03]])


@dataclass(frozen=True, eq=False)
class Face:
    """A face of a photograph, in its pixels (a whole number is a pixel's centre).

    `box` is (left, top, right, bottom), `score` 0..1, and `parts` [5, 2] float64 are the eye on
    the picture's left and the other one, the nose, and the mouth's corners from left to right.
    """

    box: tuple[float, float, float, float]
    score: float
    parts: np.ndarray


def faces(image: np.ndarray) -> list[Face]:
    """The faces of a photograph [H, W, 3] uint8 RGB, left to right by their middles.

    A face smaller than 20 px, or than 1/32 of the picture's longer side, is not found.

    Raises:
        ModuleNotFoundError: `mtcnn` is not installed; the message has the command.
    """
    finder = _finder()
    height, width = image.shape[:2]
    scale = min(1, _LONGEST / max(height, width))
    small = max(1, round(height * scale)), max(1, round(width * scale))
    if scale < 1:
        image = cv2.resize(image, small[::-1], interpolation=cv2.INTER_AREA)
    rows, columns = (max(0, _SHORTEST - side) for side in small)
    image = np.pad(image, ((0, rows), (0, columns), (0, 0)))
    back = resized((height, width), small).inverse()
    found = [_face(answer, back) for answer in finder.detect_faces(image, box_format="xyxy")]
    return sorted(found, key=lambda face: (face.box[0] + face.box[2], face.box[1]))


def points_box(face: Face) -> np.ndarray:
    """Where the points of `face` are expected: [[left, top], [right, bottom]] in photo pixels.

    Right for points that span a face from the brows to the chin.
    """
    box = np.reshape(face.box, (2, 2))
    return box[0] + _POINTS_BOX * (box[1] - box[0])


def crop_square(mean: np.ndarray, points: np.ndarray) -> tuple[int, int, int]:
    """(left, top, side) of the square that has `points` where a training crop has `mean`.

    `mean` [N, 2] are shares of the crop's side, `points` [K, 2] photo pixels, or two corners of
    their box. Box is laid on box, middle on middle and the size by least squares: the boxes of
    training faces vary less in their crops than what all points together give. All is in
    whole pixels, left .. left + side - 1, so that the cut changes no pixel.

    Raises:
        ValueError: the box of `mean` or `points` is a single point, or has numbers not finite.
    """
    (low, high), (first, last) = _box(mean), _box(points)
    size = high - low
    scale = size @ (last - first) / (size @ size) if (size > 0).any() else 0
    if not (scale > 0 and np.isfinite(scale)):
        raise ValueError(
            "a square around a face needs points that are not all in one place; received: boxes "
            f"{[low.tolist(), high.tolist()]} and {[first.tolist(), last.tolist()]}"
        )
    side = max(1, round(scale))
    middle = (first + last) / 2 + scale * (0.5 - (low + high) / 2)
    # Pixels left .. left + side - 1 have their middle at left + (side - 1) / 2; rounded half up.
    x, y = np.floor(middle - (side - 1) / 2 + 0.5).astype(int).tolist()
    return x, y, side


def cut(image: np.ndarray, square: tuple[int, int, int]) -> tuple[np.ndarray, Affine]:
    """The square (left, top, side) of a photograph and the way there from photo pixels.

    [side, side, 3] uint8, each pixel as it was; outside of the photograph is its mirror image.
    """
    left, top, side = square
    affine = shift(-left, -top)
    return warp(image, affine, side), affine


def predict(
    models: "Sequence[Predictor]",
    image: np.ndarray,
    tta: Sequence[ensemble.View] = (),
    how: How = "mean",
) -> list[tuple[Face, np.ndarray, np.ndarray | None]]:
    """(face, points [N, 2], spread [N] or None) of every face of `faces`, in photo pixels.

    The first square comes from the finder's box, a second one from the points found there; the
    points found in the second are the answer.

    Raises:
        ValueError: the models have one point, or all points in one place; "flip" in `tta` without
            a mirror symmetry.
        ModuleNotFoundError: `mtcnn` is not installed.
    """
    mean = np.mean([model.mean for model in models], axis=0)
    found = faces(image)
    squares = [crop_square(mean, points_box(face)) for face in found]
    points, _ = _answer(models, image, squares, tta, how)
    squares = [_again(mean, p, first) for p, first in zip(points, squares, strict=True)]
    points, spread = _answer(models, image, squares, tta, how)
    spreads = [None] * len(found) if spread is None else list(spread)
    return list(zip(found, points, spreads, strict=True))


def _answer(
    models: "Sequence[Predictor]",
    image: np.ndarray,
    squares: Sequence[tuple[int, int, int]],
    tta: Sequence[ensemble.View],
    how: How,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Points [F, N, 2] and spread [F, N] of what is in the squares, in photo pixels."""
    crops = [cut(image, square) for square in squares]
    answers = ensemble.answers(models, len(crops), lambda i: crops[i][0], tta, how)
    # The data set's own shift is no business of another photograph.
    marked = answers.points - [np.mean([model.shift for model in models]), 0.0]
    points = [affine.inverse()(row) for (_, affine), row in zip(crops, marked, strict=True)]
    return np.array(points).reshape(answers.points.shape), answers.spread


def _again(
    mean: np.ndarray, points: np.ndarray, first: tuple[int, int, int]
) -> tuple[int, int, int]:
    """The square by the points found in `first`, or `first` where they make no face of its size."""
    try:
        square = crop_square(mean, points)
    except ValueError:
        return first
    return square if 0.5 < square[2] / first[2] < 2 else first


def _face(answer: dict[str, Any], back: Affine) -> Face:
    """mtcnn's answer, moved by `back` to photo pixels."""
    box = back(np.reshape(answer["box"], (2, 2))).ravel().tolist()
    names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
    parts = back([answer["keypoints"][name] for name in names])
    return Face((box[0], box[1], box[2], box[3]), float(answer["confidence"]), parts)


def _box(points: np.ndarray) -> np.ndarray:
    """[[left, top], [right, bottom]] of points [N, 2]."""
    return np.stack([points.min(axis=0), points.max(axis=0)])


@cache
def _finder() -> Any:
    """The networks; they are read once."""
    try:
        module = importlib.import_module("mtcnn")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "faces are found by a package that is not installed; run: pip install 'mtcnn>=1,<2'"
        ) from error
    return module.MTCNN()

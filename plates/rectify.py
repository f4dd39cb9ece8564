"""A plate cut from a photograph: straightened by its corners, turned level, or as it stands."""

import cv2
import numpy as np

from plates import geometry


def rectify(image: np.ndarray, corners: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """The plate as if seen from the front, uint8 [h, w, 3].

    The quad's corners (reading order, pixels), moved outward by `margin` of its sides, become the
    centres of the crop's corner pixels; h and w are its mean sides, so nothing is enlarged. What
    lies outside the picture repeats its border.

    Raises:
        ValueError: not uint8 [H, W, 3], or what `geometry.problem` says of the corners.
    """
    return _straightened(image, _checked(image, corners), margin)


def box(image: np.ndarray, corners: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """The upright box around the plate, uint8 [h, w, 3], its pixels as they are.

    The box grows by `margin` of its sides on each; what lies outside the picture repeats its
    border.

    Raises:
        ValueError: not uint8 [H, W, 3], or what `geometry.problem` says of the corners.
    """
    left, top, right, bottom = geometry.bounds(_checked(image, corners))
    wide, high = margin * (right - left), margin * (bottom - top)
    rows = np.arange(round(top - high), round(bottom + high) + 1).clip(0, image.shape[0] - 1)
    columns = np.arange(round(left - wide), round(right + wide) + 1).clip(0, image.shape[1] - 1)
    return image[rows[:, None], columns]


def turned(image: np.ndarray, corners: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """The rectangle around the plate along its text, turned level, uint8 [h, w, 3].

    As `rectify` of `geometry.rectangle`: perspective stays, and no slip of one corner cuts off a
    character.

    Raises:
        ValueError: not uint8 [H, W, 3], or what `geometry.problem` says of the corners.
    """
    return _straightened(image, geometry.rectangle(_checked(image, corners)), margin)


CUTS = {"homography": rectify, "rectangle": turned, "box": box}
"""How a reader may want its plates, by the name in its config."""


def _straightened(image: np.ndarray, corners: np.ndarray, margin: float) -> np.ndarray:
    outer = geometry.expand(corners, margin)
    width, height = (round(side) + 1 for side in geometry.sides(outer))
    # Only the part that is needed: cv2 refuses pictures of more than 32767 pixels.
    left, top, right, bottom = geometry.bounds(outer)
    x0, x1 = _span(left - 1, right + 1, image.shape[1])
    y0, y1 = _span(top - 1, bottom + 1, image.shape[0])
    straight = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
    matrix = geometry.homography(outer - (x0, y0), straight)
    part = np.ascontiguousarray(image[y0:y1, x0:x1])
    return cv2.warpPerspective(
        part, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _checked(image: np.ndarray, corners: np.ndarray) -> np.ndarray:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(
            f"`image` must be uint8 [H, W, 3]; received: {image.dtype} {list(image.shape)}"
        )
    array = geometry.quad(corners)
    if reason := geometry.problem(array, image.shape[0], image.shape[1]):
        raise ValueError(f"no plate can be cut at {array.round(1).tolist()}: {reason}")
    return array


def _span(first: float, last: float, size: int) -> tuple[int, int]:
    """Whole pixels from `first` to `last`, those inside; at least the one at the border."""
    start = min(max(int(np.floor(first)), 0), size - 1)
    return start, min(max(int(np.ceil(last)) + 1, start + 1), size)

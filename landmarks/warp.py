"""What `landmarks.geometry` does to points, done to a picture [H, W, 3] uint8."""

import cv2
import numpy as np
from PIL import Image

from landmarks.geometry import Affine, crop_box, resized

# Linear interpolation reads 2 x 2 pixels, so from here on it would skip some.
_SHRINK_BELOW = 0.6


def crop(image: np.ndarray, side: int) -> np.ndarray:
    """The centred square of the shortest side, as [side, side, 3]: exactly `centre_crop`.

    Shrinking averages over the source's area (triangle filter).

    Raises:
        ValueError: not a uint8 picture, or `side` is not positive.
    """
    _check(image, side)
    box = crop_box(*image.shape[:2])
    made = Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR, box=box)
    return np.asarray(made)


def warp(
    image: np.ndarray, affine: Affine, side: int, border: int = cv2.BORDER_REFLECT_101
) -> np.ndarray:
    """The picture where `affine` takes it, as [side, side, 3], in linear interpolation.

    `affine`: pixels of `image` -> pixels of the result. What lies outside the picture is filled
    by cv2's `border` rule. Where the map shrinks, the picture is first averaged over areas.

    Raises:
        ValueError: not a uint8 picture, `side` is not positive, or `affine` has no inverse.
    """
    _check(image, side)
    # cv2 would answer a map without inverse with one grey picture.
    affine.inverse()
    if affine.scale < _SHRINK_BELOW:
        height, width = image.shape[:2]
        small = max(1, round(height * affine.scale)), max(1, round(width * affine.scale))
        image = cv2.resize(image, small[::-1], interpolation=cv2.INTER_AREA)
        affine = resized((height, width), small).inverse().then(affine)
    return cv2.warpAffine(image, affine.matrix, (side, side), borderMode=border)


def _check(image: np.ndarray, side: int) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(
            f"`image` must be uint8 [H, W, 3]; received: {image.dtype} {list(image.shape)}"
        )
    if side <= 0:
        raise ValueError(f"`side` must be positive; received: side={side}")

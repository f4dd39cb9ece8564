"""Augmentation on the fly: picture and points together, deterministic by its seeds."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from landmarks import geometry
from landmarks.config import Strength
from landmarks.geometry import Affine
from landmarks.warp import warp

if TYPE_CHECKING:
    import albumentations as A

__all__ = ["Augmenter", "Reach", "Strength", "cover", "lighting", "place"]

# A point is kept this far, in pixels, from the edge, so that rounding errors do not carry it over.
_EDGE = 1e-6


@dataclass(frozen=True)
class Reach:
    """How far `place` goes: degrees either way, least and most scale, shift as a share of a side.

    Raises:
        ValueError: a value out of its range.
    """

    rotation: float
    scale: tuple[float, float]
    shift: float

    def __post_init__(self) -> None:
        for name, holds, wanted in (
            ("rotation", 0 <= self.rotation <= 180, "in [0, 180] degrees"),
            ("scale", 0 < self.scale[0] <= self.scale[1] < np.inf, "positive, least and most"),
            ("shift", 0 <= self.shift < 1, "in [0, 1)"),
        ):
            if not holds:
                value = getattr(self, name)
                raise ValueError(f"`{name}` must be {wanted}; received: {name}={value}")


_REACH = {
    "none": Reach(0, (1, 1), 0),
    "light": Reach(10, (0.9, 1.1), 0.04),
    "medium": Reach(25, (0.8, 1.2), 0.08),
    "strong": Reach(40, (0.7, 1.3), 0.12),
}
# How often a rectangle is covered, and the most of a side that it takes.
_COVER = {"none": (0.0, 0.0), "light": (0.0, 0.0), "medium": (0.25, 0.4), "strong": (0.5, 0.5)}


class Augmenter:
    """Picture of any size -> training picture of `side` x `side` pixels, its points with it.

    Args:
        side: of the square training picture, in pixels.
        strength: "none" only crops; "light" flips and moves a little; "medium" and "strong" move
            more, change the light and cover a rectangle.
        mirror: [N] int, the point that each point of a mirrored picture was (`mirror.find`); None:
            never flip.

    The result depends on the picture, its points and the seed alone, whichever thread asks.
    """

    def __init__(self, side: int, strength: Strength, mirror: np.ndarray | None) -> None:
        if side < 1:
            raise ValueError(f"`side` must be positive; received: side={side}")
        if strength not in _REACH:
            raise ValueError(f"`strength` must be in {[*_REACH]}; received: strength={strength}")
        self.side = side
        self.strength = strength
        self.mirror = mirror
        # A Compose keeps its random state in itself, so each thread needs its own.
        self._local = threading.local()

    def __call__(
        self, image: np.ndarray, points: np.ndarray, to_crop: Affine, seed: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray, Affine]:
        """Crop, move, perhaps flip, and change the light.

        Args:
            image: uint8 [H, W, 3].
            points: [N, 2], x and y in the image's pixels.
            to_crop: from the image's pixels to those of the crop as evaluation has it.
            seed: of everything random here.

        Returns:
            image uint8 [side, side, 3]; points float64 [N, 2] in its pixels, swapped where it is
            mirrored; the map from the image's pixels to its own. Points inside the crop as
            evaluation has it are inside this one.
        """
        side = self.side
        if self.strength == "none":
            return warp(image, to_crop, side), to_crop(points), to_crop
        rng = np.random.default_rng(seed)
        inside = to_crop(points)
        inside = inside[((inside >= -0.5) & (inside <= side - 0.5)).all(-1)]
        affine = to_crop.then(place(rng, inside, (side, side), _REACH[self.strength]))
        flipped = self.mirror is not None and rng.random() < 0.5
        if flipped:
            affine = affine.then(geometry.mirror(side))
        moved = affine(points)
        # One warp from the source to the end: what is resampled twice gets soft.
        made = warp(image, affine, side)
        if self.strength != "light":
            if not hasattr(self._local, "lighting"):
                self._local.lighting = lighting(self.strength)
            self._local.lighting.set_random_seed(int(rng.integers(2**31)))
            made = self._local.lighting(image=made)["image"]
            often, most = _COVER[self.strength]
            if rng.random() < often:
                made = cover(made, rng, most)
        return made, moved[self.mirror] if flipped else moved, affine


def place(
    rng: np.random.Generator, points: np.ndarray, size: tuple[int, int], reach: Reach
) -> Affine:
    """A random turn and scale about the centre of a picture of `size` = (height, width), a shift.

    The points [M, 2], x and y in pixels, are inside the picture afterwards (-0.5 to side - 0.5):
    where they would not fit, the scale is less than drawn, and the shift is drawn from what is
    left to it.
    """
    sides = np.array(size[::-1], float)
    centre = (sides - 1) / 2
    degrees = rng.uniform(-reach.rotation, reach.rotation)
    scale = float(np.exp(rng.uniform(*np.log(reach.scale))))
    low, high = -reach.shift * sides, reach.shift * sides
    if len(points):
        turned = geometry.turn(degrees, 1.0, tuple(centre))(points) - centre
        room = (sides - 2 * _EDGE) / np.maximum(np.ptp(turned, axis=0), _EDGE)
        scale = min(scale, *room.tolist())
        least = -sides / 2 + _EDGE - scale * turned.min(0)
        most = np.maximum(sides / 2 - _EDGE - scale * turned.max(0), least)
        low, high = np.clip(low, least, most), np.clip(high, least, most)
    dx, dy = rng.uniform(low, high)
    return geometry.turn(degrees, scale, tuple(centre)).then(geometry.shift(dx, dy))


def lighting(strength: Strength) -> "A.Compose":
    """What changes pixels and moves none: light, colour, then now and then blur, noise, JPEG."""
    # It takes seconds to import, and the offline generator's workers have no use for it.
    import albumentations as A

    much = strength == "strong"
    # The defaults of both would move the picture: nearest pixels by halves, blur to one side.
    smooth = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_LINEAR}
    centred: dict[str, Any] = {"allow_shifted": False, "direction_range": (0.0, 0.0)}
    return A.Compose(
        [
            A.RandomBrightnessContrast(*[(-0.35, 0.35) if much else (-0.2, 0.2)] * 2, p=0.5),
            A.RandomGamma((50, 200) if much else (70, 140), p=0.3),
            A.HueSaturationValue(20 if much else 10, 60 if much else 30, 0, p=0.3),
            A.ToGray(p=0.1),
            A.OneOf(
                [
                    A.GaussianBlur((3, 7) if much else (3, 5)),
                    A.MotionBlur((3, 9) if much else (3, 5), **centred),
                    A.Downscale((0.3, 0.7) if much else (0.5, 0.8), smooth),
                ],
                p=0.3 if much else 0.15,
            ),
            A.GaussNoise((0.02, 0.12) if much else (0.01, 0.05), p=0.2 if much else 0.1),
            A.ImageCompression(quality_range=(20, 90) if much else (40, 95), p=0.2),
        ]
    )


def cover(image: np.ndarray, rng: np.random.Generator, most: float) -> np.ndarray:
    """A copy with a rectangle under noise, under one grey, or under another part of the picture.

    The rectangle takes a tenth to `most` of each side. Points below it stay: the network shall
    learn to tell them from the rest of the face (DeVries & Taylor 2017; Zhong et al. 2017).
    """
    sides = np.array(image.shape[:2])
    height, width = np.maximum(1, (sides * rng.uniform(0.1, most, 2)).astype(int))
    top, left = rng.integers(sides - (height, width) + 1)
    kind = rng.integers(3)
    fill: np.ndarray
    if kind == 0:
        fill = rng.integers(0, 256, (height, width, 3), np.uint8)
    elif kind == 1:
        fill = rng.integers(0, 256, 1, np.uint8)
    else:
        down, right = rng.integers(sides - (height, width) + 1)
        fill = image[down : down + height, right : right + width]
    made = image.copy()
    made[top : top + height, left : left + width] = fill
    return made

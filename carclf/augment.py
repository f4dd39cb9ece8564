"""Augmentation on the fly, deterministic by its seeds."""

import threading
from collections.abc import Callable

import albumentations as A
import cv2
import numpy as np

from carclf.config import Strength
from triptych.images import resize

_SMALLEST_CROP = {"light": 0.7, "medium": 0.5, "strong": 0.35}


class Augmenter:
    """Picture of any size -> training picture of `size` = (height, width).

    The result depends on the picture and the seed alone, whichever thread asks.
    """

    def __init__(self, size: tuple[int, int], strength: Strength) -> None:
        self.size = size
        self.strength = strength
        # A Compose keeps its random state in itself, so each thread needs its own.
        self._local = threading.local()

    def __call__(self, image: np.ndarray, seed: tuple[int, ...]) -> np.ndarray:
        """[H, W, 3] uint8 -> [height, width, 3] uint8."""
        if self.strength == "none":
            return resize(image, self.size)
        if not hasattr(self._local, "transform"):
            self._local.transform = transform(self.strength)
        rng = np.random.default_rng(seed)
        crop = random_crop(image, rng, _SMALLEST_CROP[self.strength])
        self._local.transform.set_random_seed(int(rng.integers(2**31)))
        return self._local.transform(image=resize(crop, self.size))["image"]


def random_crop(image: np.ndarray, rng: np.random.Generator, smallest: float) -> np.ndarray:
    """A part of the picture: `smallest` to all of its area, its shape up to a quarter off.

    The shape varies around the picture's own, since evaluation stretches whole pictures to the
    model's size (torchvision's RandomResizedCrop would vary it around a square).
    """
    height, width = image.shape[:2]
    area = rng.uniform(smallest, 1.0)
    stretch = np.exp(rng.uniform(-0.22, 0.22))
    crop_h = max(1, min(height, round(height * np.sqrt(area / stretch))))
    crop_w = max(1, min(width, round(width * np.sqrt(area * stretch))))
    top, left = rng.integers(height - crop_h + 1), rng.integers(width - crop_w + 1)
    return np.ascontiguousarray(image[top : top + crop_h, left : left + crop_w])


def transform(strength: Strength) -> A.Compose:
    """What comes after the crop: flip, then by strength turning, light, blur, noise, cut-outs."""
    steps: list[A.BasicTransform | A.BaseCompose] = [A.HorizontalFlip(p=0.5)]
    if strength in ("medium", "strong"):
        steps += [
            A.Affine(rotate=(-8, 8), shear=(-6, 6), border_mode=cv2.BORDER_REFLECT_101, p=0.5),
            A.ColorJitter((0.7, 1.3), (0.7, 1.3), (0.5, 1.5), (-0.05, 0.05), p=0.8),
            A.ToGray(p=0.1),
            A.OneOf(
                [
                    A.GaussianBlur((3, 5)),
                    A.GaussNoise((0.02, 0.08)),
                    A.ImageCompression(quality_range=(50, 90)),
                ],
                p=0.2,
            ),
        ]
    if strength == "strong":
        steps += [
            A.HueSaturationValue(90, 40, 20, p=0.3),
            A.CoarseDropout((1, 4), (0.1, 0.3), (0.1, 0.3), fill="random_uniform", p=0.5),
        ]
    return A.Compose(steps)


def mixer(
    mixup: float, cutmix: float
) -> Callable[[np.random.Generator, tuple[np.ndarray, ...]], tuple[np.ndarray, ...]] | None:
    """A function that mixes a batch (images, one-hot targets, weights), or None when both are 0.

    `mixup` and `cutmix` are the Beta distribution's alpha (Zhang et al. 2018; Yun et al. 2019);
    with both, each batch draws one of them. Targets and weights are mixed by the same share.
    """
    kinds = [(f, a) for f, a in ((_mixup, mixup), (_cutmix, cutmix)) if a > 0]
    if not kinds:
        return None

    def mix(rng: np.random.Generator, batch: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        images, targets, weights = batch
        function, alpha = kinds[rng.integers(len(kinds))]
        partner = rng.permutation(len(images))
        images, share = function(images, images[partner], rng.beta(alpha, alpha), rng)
        blend = [share * a + (1 - share) * a[partner] for a in (targets, weights)]
        return images, blend[0].astype(np.float32), blend[1].astype(np.float32)

    return mix


def _mixup(
    a: np.ndarray, b: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    mixed = share * a.astype(np.float32) + (1 - share) * b.astype(np.float32)
    return np.rint(mixed).astype(np.uint8), share


def _cutmix(
    a: np.ndarray, b: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    height, width = a.shape[1:3]
    side = np.sqrt(1 - share)
    box_h, box_w = round(height * side), round(width * side)
    top, left = rng.integers(height - box_h + 1), rng.integers(width - box_w + 1)
    mixed = a.copy()
    mixed[:, top : top + box_h, left : left + box_w] = b[:, top : top + box_h, left : left + box_w]
    return mixed, 1 - box_h * box_w / (height * width)

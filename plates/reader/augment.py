"""Augmentation on the fly of plate crops, deterministic by its seeds."""

import threading

import albumentations as A
import cv2
import numpy as np

from plates.reader.config import Strength
from triptych.images import resize

# How far each corner may leave its place, as a share of the sides; of turning, degrees either way;
# the least scale of either side; and of the whole crop's move, as a share of the sides, beyond the
# room that the scale leaves. Crops are cut tightly: what goes much further takes characters away.
_CORNER = {"light": 0.02, "medium": 0.03, "strong": 0.05}
_TURN = {"light": 1.0, "medium": 3.0, "strong": 5.0}
_LEAST = {"light": 0.93, "medium": 0.82, "strong": 0.72}
_MOVE = {"light": 0.01, "medium": 0.015, "strong": 0.02}
_MOST = 1.03


class Augmenter:
    """Crop of any size -> training picture of `size` = (height, width), stretched to it.

    "light" moves the corners a little; "medium" and "strong" move them more, and change light,
    colour, sharpness and noise. Never a flip. The result depends on the picture and the seed
    alone, whichever thread asks.
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
            self._local.transform = light(self.strength)
        rng = np.random.default_rng(seed)
        moved = move(image, self.size, self.strength, rng)
        self._local.transform.set_random_seed(int(rng.integers(2**31)))
        return self._local.transform(image=moved)["image"]


def move(
    image: np.ndarray, size: tuple[int, int], strength: Strength, rng: np.random.Generator
) -> np.ndarray:
    """The crop [H, W, 3] seen a little otherwise, [height, width, 3]: turned, nearer, by the side.

    Where it ends its edge is repeated.
    """
    height, width = size
    # Shrunk by averaging first: the warp looks at four neighbours only.
    image = resize(image, (min(image.shape[0], height), min(image.shape[1], width)))
    turn = np.deg2rad(rng.uniform(-1, 1) * _TURN[strength])
    scale = rng.uniform(_LEAST[strength], _MOST, 2)
    shift = rng.uniform(-1, 1, 2) * (np.maximum(1 - scale, 0) / 2 + _MOVE[strength])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    # Turned in pixels of the training picture, which is wider than high.
    pixels = corners * scale * [width, height]
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    pixels = pixels @ rotation.T
    pixels += rng.uniform(-1, 1, (4, 2)) * _CORNER[strength] * [width, height]
    pixels += (np.array([0.5, 0.5]) + shift) * [width, height]
    source = (corners + 0.5) * [image.shape[1], image.shape[0]]
    matrix = cv2.getPerspectiveTransform(
        (source - 0.5).astype(np.float32), (pixels - 0.5).astype(np.float32)
    )
    return cv2.warpPerspective(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def light(strength: Strength) -> A.Compose:
    """What comes after the move: light and colour, blur, coarser pixels, noise, cut-outs."""
    if strength == "light":
        return A.Compose([A.ColorJitter((0.8, 1.2), (0.8, 1.2), (0.7, 1.3), (-0.02, 0.02), p=0.5)])
    steps: list[A.BasicTransform | A.BaseCompose] = [
        A.ColorJitter((0.7, 1.3), (0.6, 1.4), (0.3, 1.5), (-0.1, 0.1), p=0.8),
        A.RandomGamma((60, 160), p=0.3),
        A.ToGray(p=0.15),
        A.InvertImg(p=0.03),
        A.OneOf(
            [
                A.GaussianBlur((3, 5)),
                A.MotionBlur((3, 7)),
                A.Downscale((0.4, 0.8)),
            ],
            p=0.3,
        ),
        A.OneOf([A.GaussNoise((0.02, 0.06)), A.ISONoise()], p=0.2),
        A.ImageCompression(quality_range=(30, 90), p=0.2),
    ]
    if strength == "strong":
        steps += [
            A.RandomShadow(p=0.2),
            A.CoarseDropout((1, 3), (0.05, 0.25), (0.02, 0.06), fill="random_uniform", p=0.3),
        ]
    return A.Compose(steps)

"""Augmentation on the fly of photographs and their plates' corners, deterministic by its seeds."""

import threading
from dataclasses import dataclass

import albumentations as A
import cv2
import numpy as np

from plates import geometry
from plates.detector.config import Strength
from plates.detector.letterbox import GREY, fit
from triptych.images import resize

LEAST_WIDTH = 6.0
"""Pixels of the canvas: a plate of less is no object for the detector."""
_LEAST_INSIDE = 0.5  # of a plate's area
_AIMED = 0.9  # share of pictures whose place is chosen so that one of their plates is in the canvas
_BORDER = 0.1  # of a plate's sides, painted over with it


@dataclass(frozen=True)
class Reach:
    """How far `move` goes.

    Scale of the letterbox's fit, least and most; degrees of turning either way; how much wider or
    narrower, as a natural logarithm; and how far a corner leaves its place, as a share of the
    sides.
    """

    scale: tuple[float, float]
    turn: float
    stretch: float
    corner: float


REACH = {
    "light": Reach((0.8, 1.25), 3.0, 0.05, 0.01),
    "medium": Reach((0.5, 1.6), 8.0, 0.15, 0.03),
    "strong": Reach((0.4, 2.0), 12.0, 0.2, 0.05),
}


class Augmenter:
    """Photograph of any size -> training canvas of `side` x `side` pixels, its plates with it.

    Args:
        side: of the canvas, in pixels.
        strength: "none" is the letterbox alone; "light" moves a little and changes the light;
            "medium" and "strong" move more, and change colour, sharpness and noise. Never a flip:
            text would be mirrored.

    Plates of which less than half is left in the canvas, and those under `LEAST_WIDTH`, are painted
    over, since nobody could say whether half a plate is one. The result depends on the picture, its
    quads and the seed alone, whichever thread asks.
    """

    def __init__(self, side: int, strength: Strength) -> None:
        if side < 1:
            raise ValueError(f"`side` must be positive; received: side={side}")
        if strength not in ("none", *REACH):
            raise ValueError(
                f"`strength` must be in {['none', *REACH]}; received: strength={strength}"
            )
        self.side = side
        self.strength = strength
        # A Compose keeps its random state in itself, so each thread needs its own.
        self._local = threading.local()

    def __call__(
        self, image: np.ndarray, quads: np.ndarray, seed: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 [H, W, 3], quads [N, 4, 2] in its pixels -> canvas and quads [M, 4, 2]."""
        if self.strength == "none":
            height, width = image.shape[:2]
            box = fit(height, width, self.side, square=True)
            return settle(box.apply(image), box.to_canvas(quads))
        rng = np.random.default_rng(seed)
        canvas, kept = settle(*move(image, quads, self.side, REACH[self.strength], rng))
        if not hasattr(self._local, "lighting"):
            self._local.lighting = lighting(self.strength)
        self._local.lighting.set_random_seed(int(rng.integers(2**31)))
        return self._local.lighting(image=canvas)["image"], kept


def move(
    image: np.ndarray, quads: np.ndarray, side: int, reach: Reach, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The photograph [H, W, 3] nearer or farther, turned, leaning, anywhere in a grey canvas.

    Returns the canvas uint8 [side, side, 3] and all quads [N, 4, 2] in its pixels, those outside
    too.
    """
    height, width = image.shape[:2]
    zoom = side / max(height, width) * np.exp(rng.uniform(*np.log(reach.scale)))
    wider = np.exp(rng.uniform(-1, 1) * reach.stretch)
    size = zoom * np.array([width * wider, height])
    # Shrunk by averaging first: the warp looks at four neighbours only.
    across, down = (int(max(1, np.ceil(s))) for s in size)
    small = resize(image, (min(height, down), min(width, across)))
    shrunk = np.array([small.shape[1], small.shape[0]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    turn = np.deg2rad(rng.uniform(-1, 1) * reach.turn)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    seen = (corners * size + rng.uniform(-1, 1, (4, 2)) * reach.corner * size) @ rotation.T
    matrix = geometry.homography((corners + 0.5) * shrunk - 0.5, seen - 0.5)
    moved = geometry.apply(matrix, (quads + 0.5) * shrunk / [width, height] - 0.5)
    shift = _shift(seen, moved, side, rng)
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]]) @ matrix
    canvas = cv2.warpPerspective(
        small,
        matrix,
        (side, side),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(GREY, GREY, GREY),
    )
    return canvas, moved + shift


def _shift(seen: np.ndarray, quads: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Where to lay a picture with corners `seen` [4, 2]: whole in the canvas, or filling it."""
    ends = np.stack([-seen.min(axis=0), side - seen.max(axis=0)])
    low, high = ends.min(axis=0), ends.max(axis=0)
    if len(quads) and rng.random() < _AIMED:
        quad = quads[rng.integers(len(quads))]
        least = np.maximum(low, -quad.min(axis=0))
        most = np.minimum(high, side - 1 - quad.max(axis=0))
        # A plate larger than the canvas, or one that reaches out of the picture, stays where it is.
        low, high = np.where(least <= most, [least, most], [low, high])
    return rng.uniform(low, high)


def settle(canvas: np.ndarray, quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The canvas [H, W, 3] with plates painted over that are too small or less than half there.

    Returns it, and the other quads [M, 4, 2], float64.
    """
    height, width = canvas.shape[:2]
    kept = np.array(
        [
            geometry.sides(quad)[0] >= LEAST_WIDTH
            and geometry.inside(quad, height, width) >= _LEAST_INSIDE
            for quad in quads
        ],
        bool,
    )
    if not kept.all():
        mask = np.zeros((height, width), np.uint8)
        for quad in quads[~kept]:
            _fill(mask, geometry.expand(quad, _BORDER), 1)
        for quad in quads[kept]:  # what is beside a plate must not lie on it
            _fill(mask, quad, 0)
        canvas = np.where(mask[..., None] > 0, np.uint8(GREY), canvas)
    return canvas, np.asarray(quads, np.float64)[kept].reshape(-1, 4, 2)


def _fill(mask: np.ndarray, quad: np.ndarray, value: int) -> None:
    # Far outside, cv2's whole numbers would overflow.
    corners = geometry.intersection(quad, _frame(mask.shape))
    if len(corners):
        cv2.fillConvexPoly(mask, corners.round().astype(np.int32), value)


def _frame(shape: tuple[int, ...]) -> np.ndarray:
    """The canvas's corners [4, 2], a pixel outside of it."""
    height, width = shape[:2]
    return np.array([[-1, -1], [width, -1], [width, height], [-1, height]])


def lighting(strength: Strength) -> A.Compose:
    """What comes after the move: light and colour, blur, coarser pixels, noise."""
    if strength == "light":
        return A.Compose([A.ColorJitter((0.8, 1.2), (0.8, 1.2), (0.7, 1.3), (-0.02, 0.02), p=0.5)])
    steps: list[A.BasicTransform | A.BaseCompose] = [
        A.ColorJitter((0.6, 1.4), (0.6, 1.4), (0.3, 1.6), (-0.1, 0.1), p=0.8),
        A.RandomGamma((50, 200), p=0.3),
        A.ToGray(p=0.1),
        A.OneOf(
            [
                A.GaussianBlur((3, 5)),
                A.MotionBlur((3, 7)),
                A.Downscale((0.5, 0.9)),
            ],
            p=0.2,
        ),
        A.GaussNoise((0.02, 0.08), p=0.15),
        A.ImageCompression(quality_range=(30, 90), p=0.3),
    ]
    if strength == "strong":
        steps += [A.RandomShadow(p=0.2), A.RGBShift(40, 40, 40, p=0.3)]
    return A.Compose(steps)

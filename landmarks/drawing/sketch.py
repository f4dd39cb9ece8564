"""A canvas, a face and its camera: fills and lines given in pixels or on the head."""

import cv2
import numpy as np

from landmarks.drawing.head import COLUMNS, Face
from landmarks.drawing.look import Look
from landmarks.drawing.view import Camera, normals

SMOOTH = cv2.LINE_AA
Colour = tuple[float, float, float]
_TURN = np.linspace(0, 2 * np.pi, 28, endpoint=False)
CIRCLE = np.column_stack([np.cos(_TURN), np.sin(_TURN)])
_A, _B = np.meshgrid(np.linspace(0, 2 * np.pi, 24, endpoint=False), np.linspace(-1.4, 1.4, 9))
UNIT = np.stack([np.cos(_A) * np.cos(_B), np.sin(_B), np.sin(_A) * np.cos(_B)], -1).reshape(-1, 3)


def rgb(values: np.ndarray) -> Colour:
    """Three numbers as a colour OpenCV takes, clipped to 0..255."""
    r, g, b = (min(255.0, max(0.0, float(v))) for v in values)
    return r, g, b


def fixed(pixels: np.ndarray) -> np.ndarray:
    """Pixels in OpenCV's fixed point with 4 bits of fraction, int32."""
    return np.round(np.clip(pixels, -4000, 4000) * 16).astype(np.int32)


class Sketch:
    """What is drawn on, and all that drawing needs to know; computed once a picture.

    `canvas` uint8 [H, W, 3] RGB is drawn on in place; `marks` [68, 3] are those the camera sees.
    """

    def __init__(
        self, canvas: np.ndarray, camera: Camera, face: Face, marks: np.ndarray, look: Look
    ) -> None:
        self.canvas, self.camera, self.face, self.look = canvas, camera, face, look
        self.turned = camera.turn(face.mask)
        self.screen = camera.project(self.turned)
        self.normal = normals(self.turned)
        self.marks = camera.pixels(marks)
        self.skin = canvas  # set once the skin is on it
        # Eyes, brows and lips are lit as the side of the face that they lie on.
        level = look.lit(np.full(3, 200.0), self.normal[16:-8]).mean(-1).mean(0) / 200
        third = COLUMNS // 3
        self.sides = (float(level[:third].mean()), float(level[-third:].mean()))

    @property
    def level(self) -> float:
        """Brightness of a white surface on the face, about 1."""
        return sum(self.sides) / 2

    def fill(self, pixels: np.ndarray, colour: np.ndarray) -> None:
        """A polygon [N, 2] in pixels."""
        cv2.fillPoly(self.canvas, [fixed(pixels)], rgb(colour), SMOOTH, 4)

    def line(
        self, pixels: np.ndarray, colour: np.ndarray, width: float, closed: bool = False
    ) -> None:
        """A line through [N, 2] pixels, `width` in the face's unit."""
        thick = max(1, round(width * self.camera.scale))
        cv2.polylines(self.canvas, [fixed(pixels)], closed, rgb(colour), thick, SMOOTH, 4)

    def hull(self, points: np.ndarray, colour: np.ndarray) -> None:
        """The outline of a solid through `points` [N, 3] on the head."""
        pixels = self.camera.pixels(points).astype(np.float32)
        self.fill(cv2.convexHull(pixels)[:, 0], colour)

    def blend(self, pixels: np.ndarray, colour: np.ndarray, share: float) -> None:
        """A polygon [N, 2] mixed into what is there, `share` 0..1."""
        box = self.box(pixels)
        if box is None:
            return
        x, y, patch = box
        over = patch.copy()
        cv2.fillPoly(over, [fixed(pixels - (x, y))], rgb(colour), SMOOTH, 4)
        cv2.addWeighted(over, share, patch, 1 - share, 0, patch)

    def box(self, pixels: np.ndarray) -> tuple[int, int, np.ndarray] | None:
        """Left, top and the canvas's part around pixels [N, 2]; None outside the canvas."""
        high, wide = self.canvas.shape[:2]
        x0, y0 = (max(0, int(v) - 2) for v in pixels.min(0))
        x1, y1 = (min(s, int(v) + 3) for s, v in zip((wide, high), pixels.max(0), strict=True))
        return (x0, y0, self.canvas[y0:y1, x0:x1]) if x0 < x1 and y0 < y1 else None


def ball(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
    """Points [N, 3] all over an ellipsoid."""
    return UNIT * radii + centre

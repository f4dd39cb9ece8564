"""One picture: a person, somewhere, in some light, and the exact points of the face."""

import cv2
import numpy as np

from landmarks.drawing import features, outfit
from landmarks.drawing.head import Face, traits
from landmarks.drawing.look import look
from landmarks.drawing.points import FIRST_ROW, layout
from landmarks.drawing.scenery import scene
from landmarks.drawing.sketch import Sketch
from landmarks.drawing.view import Camera

OVERSAMPLE = 2
# How often something covers a part of the face.
COVERS = ((0.2, outfit.glasses), (0.06, outfit.hand), (0.06, outfit.microphone))


def draw(
    rng: np.random.Generator, points: int = 68, size: tuple[int, int] = (160, 160)
) -> tuple[np.ndarray, np.ndarray]:
    """A drawn face, uint8 [H, W, 3] RGB, and its points, float [points, 2] pixels (x, y).

    Raises ValueError for a number of points outside 1..971 or a side under 32 pixels.
    """
    chosen = layout(points)
    if min(size) < 32:
        raise ValueError(f"`size` must be at least 32 x 32; received: size={size}")
    face, person = Face(traits(rng)), look(rng)
    camera = frame(face, rng, size)
    height, width = size
    canvas = cv2.resize(scene(rng, size), (width * OVERSAMPLE, height * OVERSAMPLE))
    marks = camera.marks(face)
    paint(Sketch(canvas, finer(camera), face, marks, person), rng)
    small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    where = camera.pixels(chosen.place(marks, face.mask))
    return develop(small, rng), where


def finer(camera: Camera) -> Camera:
    """The same view on a canvas OVERSAMPLE times as fine: whole numbers are pixels' centres."""
    x, y = ((v + 0.5) * OVERSAMPLE - 0.5 for v in camera.shift)
    return Camera(
        camera.yaw, camera.pitch, camera.roll, camera.distance, camera.scale * OVERSAMPLE, (x, y)
    )


def frame(face: Face, rng: np.random.Generator, size: tuple[int, int]) -> Camera:
    """A camera that has the face near the middle of a picture of `size` (height, width)."""
    limit = np.radians(45)
    camera = Camera(
        yaw=float(np.clip(rng.normal(0, 0.36), -limit, limit)),
        pitch=float(np.clip(rng.normal(0, 0.15), -0.4, 0.4)),
        roll=float(np.clip(rng.normal(0, 0.15), -limit * 5 / 9, limit * 5 / 9)),
        distance=rng.uniform(5, 14),
        scale=1.0,
    )
    spots, all_spots = camera.pixels(face.marks), camera.pixels(face.mask[FIRST_ROW:])
    low, high = spots.min(0), spots.max(0)
    whole = np.array(size[::-1])
    share = np.clip(rng.normal(0.64, 0.06), 0.5, 0.8)
    reach = np.ptp(all_spots, (0, 1))
    camera.scale = float(min(share * min(size) / (high - low).max(), *((whole - 4) / reach)))
    place = whole * (0.5 + np.clip(rng.normal(0, 0.03, 2), -0.05, 0.05)) - 0.5
    shift = place - (low + high) / 2 * camera.scale
    # Whatever points are asked for, they lie inside.
    first, last = all_spots.min((0, 1)) * camera.scale, all_spots.max((0, 1)) * camera.scale
    x, y = np.clip(shift, 1 - first, whole - 2 - last)
    camera.shift = (float(x), float(y))
    return camera


def paint(sketch: Sketch, rng: np.random.Generator) -> None:
    """Everything on the canvas, from the back to the front."""
    outfit.behind(sketch, rng)
    features.skin(sketch, rng)
    for first in (36, 42):
        features.eye(sketch, first)
    for first in (17, 22):
        features.brow(sketch, first)
    features.mouth(sketch)
    features.nose(sketch)
    for share, part in COVERS:
        if rng.random() < share:
            part(sketch, rng)


def develop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What the photographer's camera adds: blur, exposure, colour cast, noise, sometimes grey."""
    height, width = image.shape[:2]
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.2) * min(height, width) / 130)
    gain = (rng.uniform(0.7, 1.15) * rng.normal(1, 0.04, 3)).astype(np.float32)
    grain = rng.standard_normal((height, width, 1), dtype=np.float32)
    grain = grain * np.float32(rng.uniform(0.5, 5)) + np.float32(rng.uniform(-12, 16))
    image = np.clip(image * gain + grain, 0, 255).astype(np.uint8)
    if rng.random() < 0.1:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return image

"""One picture: a car of a given style, somewhere, in some light."""

from dataclasses import replace

import cv2
import numpy as np

from carclf.drawing.bodies import BODIES, STYLES, Body
from carclf.drawing.panels import paint_car
from carclf.drawing.scenery import LIGHT_SHARES, LIGHTS, rgb, scene
from carclf.drawing.shell import Camera, Car, Sketch

PAINTS = (
    (236, 236, 232),
    (176, 180, 184),
    (96, 100, 106),
    (30, 31, 34),
    (178, 24, 28),
    (24, 62, 140),
    (58, 120, 190),
    (26, 78, 52),
    (236, 190, 40),
    (222, 106, 30),
    (104, 66, 44),
    (206, 192, 160),
    (40, 132, 136),
    (122, 28, 54),
    (128, 160, 96),
)
OVERSAMPLE = 2


def draw(style: int, rng: np.random.Generator, size: tuple[int, int] = (240, 320)) -> np.ndarray:
    """A drawn car of body style `style` (index into STYLES): uint8 [H, W, 3] RGB.

    Raises ValueError for a style out of range or a side under 32 pixels.
    """
    if not 0 <= style < len(STYLES):
        raise ValueError(f"`style` must be in [0, {len(STYLES)}); received: style={style}")
    if min(size) < 32:
        raise ValueError(f"`size` must be at least 32 x 32; received: size={size}")
    height, width = size
    light = LIGHTS[rng.choice(len(LIGHTS), p=LIGHT_SHARES)]
    car = Car(vary(BODIES[STYLES[style]], rng))
    camera = frame(car, rng, (height * OVERSAMPLE, width * OVERSAMPLE))
    tall = car.body.height * camera.scale / OVERSAMPLE
    road = camera.shift[1] / OVERSAMPLE
    horizon = int(np.clip(road - tall * rng.uniform(0.15, 0.5), 0.3 * height, 0.8 * height))
    back = scene(rng, size, light, horizon)
    canvas = cv2.resize(back, (width * OVERSAMPLE, height * OVERSAMPLE))
    paint = np.clip(np.array(PAINTS[rng.integers(len(PAINTS))]) + rng.normal(0, 9, 3), 12, 250)
    paint_car(Sketch(canvas, camera, car), rng, light, rgb(paint))
    small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return develop(small, rng)


def vary(body: Body, rng: np.random.Generator) -> Body:
    """A car of the same style with its own proportions."""
    sx, sy = rng.normal(1, 0.03), rng.normal(1, 0.025)

    def x(value: float, spread: float = 0.035) -> float:
        return float(value * sx + rng.normal(0, spread))

    def y(value: float, spread: float = 0.015) -> float:
        return float(value * sy + rng.normal(0, spread))

    front, rear = body.axles
    return replace(
        body,
        length=x(body.length, 0.02),
        height=y(body.height),
        axles=(x(front, 0.02), x(rear, 0.02)),
        wheel=body.wheel * rng.uniform(0.96, 1.1),
        clearance=body.clearance * rng.uniform(0.85, 1.15),
        nose=y(body.nose, 0.03),
        cowl=(x(body.cowl[0]), y(body.cowl[1])),
        roof=body.roof and (x(body.roof[0]), x(body.roof[1]), y(body.roof[2], 0.012)),
        tail=(x(body.tail[0], 0.03), y(body.tail[1])),
        deck=y(body.deck, 0.02),
        doors=tuple(v * sx for v in body.doors),
        pillars=tuple(v * sx for v in body.pillars),
        glass_end=body.glass_end and body.glass_end * sx,
    )


def frame(car: Car, rng: np.random.Generator, size: tuple[int, int]) -> Camera:
    """A camera that has the whole car in a picture of `size` (height, width)."""
    height, width = size
    camera = Camera(
        side=1 if rng.random() < 0.5 else -1,
        yaw=float(np.clip(rng.normal(0, 0.45), -0.8, 0.8)),
        pitch=rng.uniform(0.02, 0.22),
        roll=rng.normal(0, 0.022),
        distance=car.body.length * rng.uniform(2.2, 5.0),
    )
    o = car.outline
    ends = np.concatenate([car.at(o[:, 0], o[:, 1], f) for f in (-1.0, 1.0)])
    grounded = ends * (1, 0, 1)
    p, _ = camera.view(np.concatenate([ends, grounded]))
    low, high = p.min(0), p.max(0)
    share = rng.uniform(0.62, 0.93)
    camera.scale = float(min(share * width / (high - low)[0], 0.78 * height / (high - low)[1]))
    low, high = low * camera.scale, high * camera.scale
    spare = np.array([width, height]) - (high - low)
    lift = np.clip(rng.uniform(0.55, 0.85), 0, 1)
    place = spare * (rng.uniform(0.15, 0.85), lift)
    camera.shift = (float(place[0] - low[0]), float(place[1] - low[1]))
    return camera


def develop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What the photographer's camera adds: exposure, colour cast, vignette, blur, noise."""
    height, width = image.shape[:2]
    if rng.random() < 0.45:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.1) * height / 240)
    gain = rng.uniform(0.88, 1.14) * rng.normal(1, 0.03, 3)
    x, y = np.linspace(-1, 1, width) ** 2, np.linspace(-1, 1, height) ** 2
    vignette = (1 - rng.uniform(0, 0.2) * (x[None, :] + y[:, None])).astype(np.float32)
    grain = rng.standard_normal((height, width), dtype=np.float32) * np.float32(rng.uniform(0.5, 4))
    planes = [
        np.clip(plane * (vignette * np.float32(g)) + grain, 0, 255).astype(np.uint8)
        for plane, g in zip(cv2.split(image), gain, strict=True)
    ]
    return cv2.merge(planes)

"""Backgrounds and light of the generated data set: sky, ground and what stands in between."""

from dataclasses import dataclass

import cv2
import numpy as np

Colour = tuple[float, float, float]
SMOOTH = cv2.LINE_AA


@dataclass(frozen=True)
class Light:
    """One time of day. Colours are RGB 0..255; `ambient` and `sun` multiply surface colours."""

    name: str
    top: Colour
    bottom: Colour
    ambient: Colour
    sun: Colour
    direction: tuple[float, float, float]  # towards the sun: forward, up, to the camera
    lamps: bool


LIGHTS = (
    Light(
        "noon",
        (70, 130, 205),
        (190, 215, 238),
        (0.70, 0.72, 0.76),
        (0.50, 0.48, 0.44),
        (0.3, 0.85, 0.42),
        False,
    ),
    Light(
        "overcast",
        (150, 158, 168),
        (214, 218, 222),
        (0.84, 0.85, 0.88),
        (0.16, 0.16, 0.16),
        (0.0, 1.0, 0.2),
        False,
    ),
    Light(
        "evening",
        (84, 96, 150),
        (252, 186, 120),
        (0.62, 0.57, 0.58),
        (0.62, 0.44, 0.24),
        (0.7, 0.35, 0.6),
        False,
    ),
    Light(
        "dusk",
        (34, 42, 92),
        (196, 120, 124),
        (0.50, 0.47, 0.56),
        (0.34, 0.24, 0.20),
        (-0.8, 0.3, 0.4),
        True,
    ),
    Light(
        "night",
        (8, 10, 24),
        (36, 38, 62),
        (0.34, 0.35, 0.42),
        (0.34, 0.30, 0.20),
        (0.1, 0.9, 0.4),
        True,
    ),
)
LIGHT_SHARES = (0.34, 0.24, 0.2, 0.12, 0.1)
SCENES = ("city", "hills", "suburb", "coast", "wood", "hall")


def rgb(values: np.ndarray) -> Colour:
    """Three numbers as a colour OpenCV takes, clipped to 0..255."""
    r, g, b = (float(v) for v in np.clip(values, 0, 255))
    return r, g, b


def tint(colour: Colour, light: Light, gain: float = 1.0) -> Colour:
    """The colour of a matt surface under the light."""
    r, g, b = (
        min(255.0, c * (a + 0.6 * s) * gain)
        for c, a, s in zip(colour, light.ambient, light.sun, strict=True)
    )
    return r, g, b


def ramp(top: Colour, bottom: Colour, height: int) -> np.ndarray:
    """A vertical gradient [height, 1, 3], uint8."""
    t = np.linspace(0, 1, max(height, 1))[:, None]
    return (np.array(top) * (1 - t) + np.array(bottom) * t).astype(np.uint8)[:, None]


def scene(
    rng: np.random.Generator, size: tuple[int, int], light: Light, horizon: int
) -> np.ndarray:
    """A picture without a car, uint8 [H, W, 3] RGB, `horizon` rows of sky above the ground."""
    height, width = size
    canvas = np.empty((height, width, 3), np.uint8)
    kind = SCENES[rng.integers(len(SCENES))]
    shift = rng.uniform(-14, 14, 3)
    top, bottom = (rgb(np.array(c) + shift) for c in (light.top, light.bottom))
    canvas[:horizon] = ramp(top, bottom, horizon)
    if kind == "hall":
        _hall(canvas, rng, light, horizon)
    else:
        _clouds(canvas, rng, light, horizon)
        {"city": _city, "hills": _hills, "suburb": _suburb, "coast": _coast, "wood": _wood}[kind](
            canvas, rng, light, horizon
        )
        _ground(canvas, rng, light, horizon)
    return cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.3, 1.8) * height / 240)


def _clouds(canvas: np.ndarray, rng: np.random.Generator, light: Light, horizon: int) -> None:
    small = rng.random((5, 9), dtype=np.float32)
    wide = cv2.resize(small, (canvas.shape[1], horizon), interpolation=cv2.INTER_CUBIC)
    fine = rng.random((12, 20), dtype=np.float32)
    wide = 0.7 * wide + 0.3 * cv2.resize(fine, wide.shape[::-1], interpolation=cv2.INTER_CUBIC)
    alpha = np.clip((wide - np.float32(rng.uniform(0.4, 0.75))) * 2.5, 0, 0.8)
    white = np.full((*alpha.shape, 3), tint((250, 250, 252), light, 0.95), np.uint8)
    canvas[:horizon] = cv2.blendLinear(canvas[:horizon].copy(), white, 1 - alpha, alpha)


def _city(canvas: np.ndarray, rng: np.random.Generator, light: Light, horizon: int) -> None:
    height, width = canvas.shape[:2]
    x = -int(rng.integers(0, 40))
    while x < width:
        wide = int(rng.uniform(0.1, 0.26) * width)
        top = int(horizon * rng.uniform(0.02, 0.75))
        grey = rng.uniform(90, 205)
        wall = tint((grey + rng.uniform(-15, 25), grey, grey + rng.uniform(-30, 12)), light, 0.85)
        cv2.rectangle(canvas, (x, top), (x + wide, horizon), wall, -1)
        step_x, step_y = (int(s * height / 240) + 3 for s in rng.uniform(7, 16, 2))
        for wy in range(top + 4, horizon - step_y // 2, step_y):
            for wx in range(x + 3, x + wide - step_x // 2, step_x):
                lit = light.lamps and rng.random() < 0.4
                pane = (245.0, 214.0, 140.0) if lit else tint((70, 84, 104), light)
                cv2.rectangle(
                    canvas, (wx, wy), (wx + step_x * 3 // 5, wy + step_y * 3 // 5), pane, -1
                )
        x += wide + int(rng.integers(0, 8))


def _ridge(
    canvas: np.ndarray, rng: np.random.Generator, base: int, tall: float, colour: Colour
) -> None:
    width = canvas.shape[1]
    t = np.linspace(0, 1, 40)
    waves = sum(np.sin(2 * np.pi * (f * t + rng.random())) / f for f in (1, 2.3, 5.1, 11.0))
    ys = base - tall * (0.5 + 0.25 * waves)
    points = np.stack([t * width, np.minimum(ys, base)], 1)
    cv2.fillPoly(canvas, [np.vstack([points, [[width, base], [0, base]]]).astype(np.int32)], colour)


def _hills(canvas: np.ndarray, rng: np.random.Generator, light: Light, horizon: int) -> None:
    greens = [(126, 150, 160), (104, 136, 104), (78, 112, 62)]
    if rng.random() < 0.3:
        greens = [(170, 150, 150), (178, 140, 104), (160, 122, 78)]
    for colour, tall in zip(greens, (0.55, 0.36, 0.18), strict=True):
        _ridge(canvas, rng, horizon, tall * horizon * rng.uniform(0.6, 1.2), tint(colour, light))
    for _ in range(int(rng.integers(0, 9))):
        _tree(canvas, rng, light, horizon, rng.uniform(0.1, 0.35))


def _tree(
    canvas: np.ndarray, rng: np.random.Generator, light: Light, horizon: int, tall: float
) -> None:
    height, width = canvas.shape[:2]
    x, size = int(rng.uniform(0, width)), tall * height
    trunk = tint((84, 66, 50), light, 0.8)
    cv2.line(canvas, (x, horizon), (x, int(horizon - size * 0.6)), trunk, max(1, int(size * 0.07)))
    hue = np.array([rng.uniform(45, 130), rng.uniform(85, 135), rng.uniform(30, 70)])
    for step in range(7):
        dx, dy = rng.normal(0, 0.16, 2) * size
        centre = (int(x + dx), int(horizon - size * 0.68 + dy))
        leaves = tint(rgb(hue * (0.7 + 0.08 * step)), light)
        cv2.circle(canvas, centre, int(size * rng.uniform(0.12, 0.24)), leaves, -1)


def _wood(canvas: np.ndarray, rng: np.random.Generator, light: Light, horizon: int) -> None:
    _ridge(canvas, rng, horizon, horizon * rng.uniform(0.5, 1.3), tint((58, 84, 52), light))
    for _ in range(int(rng.integers(10, 22))):
        _tree(canvas, rng, light, horizon, rng.uniform(0.25, 0.7))


def _suburb(canvas: np.ndarray, rng: np.random.Generator, light: Light, horizon: int) -> None:
    height, width = canvas.shape[:2]
    for _ in range(4):
        _tree(canvas, rng, light, horizon, rng.uniform(0.25, 0.5))
    x = -int(rng.integers(0, width // 4))
    while x < width:
        wide = int(rng.uniform(0.25, 0.42) * width)
        wall_top = int(horizon * rng.uniform(0.45, 0.65))
        peak = int(wall_top - horizon * rng.uniform(0.2, 0.4))
        grey = rng.uniform(150, 235)
        wall = tint((grey, grey - rng.uniform(0, 22), grey - rng.uniform(0, 60)), light, 0.95)
        roof = tint((rng.uniform(90, 170), rng.uniform(60, 90), rng.uniform(50, 80)), light, 0.9)
        cv2.rectangle(canvas, (x, wall_top), (x + wide, horizon), wall, -1)
        gable = np.array(
            [
                [x - 6, wall_top],
                [x + wide // 4, peak],
                [x + wide * 3 // 4, peak],
                [x + wide + 6, wall_top],
            ]
        )
        cv2.fillPoly(canvas, [gable], roof)
        for k in range(3):
            lit = light.lamps and rng.random() < 0.5
            pane = (250.0, 220.0, 150.0) if lit else tint((80, 96, 116), light)
            left = x + wide // 8 + k * wide // 3
            cv2.rectangle(
                canvas,
                (left, wall_top + height // 30),
                (left + wide // 7, wall_top + height // 9),
                pane,
                -1,
            )
        x += wide + int(rng.uniform(0.03, 0.2) * width)
    if rng.random() < 0.6:
        hedge = int(horizon - rng.uniform(0.04, 0.12) * height)
        canvas[hedge:horizon] = ramp(
            tint((88, 122, 62), light), tint((44, 70, 36), light), horizon - hedge
        )


def _coast(canvas: np.ndarray, rng: np.random.Generator, light: Light, horizon: int) -> None:
    height = canvas.shape[0]
    sea = int(horizon - rng.uniform(0.06, 0.2) * height)
    canvas[sea:horizon] = ramp(
        tint((96, 150, 178), light), tint((48, 106, 140), light), horizon - sea
    )
    if rng.random() < 0.5:
        _ridge(canvas, rng, sea, rng.uniform(0.1, 0.3) * height, tint((120, 134, 140), light))
    for k in range(0, canvas.shape[1], max(12, int(rng.uniform(0.06, 0.15) * canvas.shape[1]))):
        cv2.line(canvas, (k, horizon - height // 14), (k, horizon), tint((214, 214, 208), light), 2)
    cv2.line(
        canvas,
        (0, horizon - height // 14),
        (canvas.shape[1], horizon - height // 14),
        tint((220, 220, 214), light),
        2,
    )


def _hall(canvas: np.ndarray, rng: np.random.Generator, light: Light, horizon: int) -> None:
    height, width = canvas.shape[:2]
    grey = rng.uniform(120, 220)
    cast = rng.uniform(-18, 18, 3)
    wall = np.clip(grey + cast, 0, 255)
    upper = rgb(wall * rng.uniform(0.6, 0.95))
    canvas[:horizon] = ramp(tint(upper, light), tint(rgb(wall), light, 1.1), horizon)
    floor = wall * rng.uniform(0.55, 0.95)
    canvas[horizon:] = ramp(
        tint(rgb(floor), light), tint(rgb(floor * 0.6), light), height - horizon
    )
    seam = tint(rgb(wall * 0.72), light)
    if rng.random() < 0.5:
        pitch = int(rng.uniform(0.08, 0.3) * width)
        for x in range(int(rng.integers(pitch)), width, pitch):
            cv2.line(canvas, (x, 0), (x, horizon), seam, 1)
    if rng.random() < 0.5:
        pitch = int(rng.uniform(0.05, 0.2) * height)
        for y in range(int(rng.integers(pitch)), horizon, pitch):
            cv2.line(canvas, (0, y), (width, y), seam, 1)
    if rng.random() < 0.5:
        band = int(rng.uniform(0.3, 0.8) * horizon)
        stripe = tint(rgb(rng.uniform(30, 230, 3)), light)
        cv2.rectangle(canvas, (0, band), (width, band + height // 16), stripe, -1)
    if rng.random() < 0.6:
        for x in range(-width, 2 * width, width // int(rng.integers(4, 9))):
            far = (width // 2 + (x - width // 2) // 2, horizon)
            cv2.line(canvas, far, (x, height), tint(rgb(floor * 0.7), light), 1, SMOOTH)


def _ground(canvas: np.ndarray, rng: np.random.Generator, light: Light, horizon: int) -> None:
    height, width = canvas.shape[:2]
    grey = rng.uniform(78, 140)
    surfaces = [
        (grey, grey, grey + 4),
        (grey + 50, grey + 44, grey + 30),
        (96, 118, 62),
        (206, 186, 144),
    ]
    near = np.array(surfaces[rng.choice(4, p=(0.62, 0.18, 0.1, 0.1))])
    canvas[horizon:] = ramp(tint(rgb(near), light), tint(rgb(near * 0.82), light), height - horizon)
    kerb = horizon + int(rng.uniform(0.01, 0.08) * height)
    if rng.random() < 0.6:
        canvas[horizon:kerb] = tint((172, 168, 160), light)
        cv2.line(canvas, (0, kerb), (width, kerb), tint((112, 110, 106), light), 2)
    if rng.random() < 0.6:
        y = int(rng.uniform(0.88, 0.98) * height)
        dash = int(rng.uniform(0.1, 0.4) * width)
        slope = int(rng.uniform(-0.03, 0.03) * height)
        paint = tint((230, 228, 216), light)
        gap = dash if rng.random() < 0.6 else 0
        for x in range(-int(rng.integers(dash)), width, dash + gap):
            cv2.line(canvas, (x, y), (x + dash, y + slope * dash // width), paint, 3, SMOOTH)
    for _ in range(int(rng.integers(0, 3))):
        x = int(rng.uniform(0, width))
        steel = tint((110, 112, 116), light, 0.8)
        top = int(horizon * rng.uniform(0.0, 0.5))
        cv2.line(canvas, (x, kerb), (x, top), steel, max(2, width // 120), SMOOTH)
        if light.lamps:
            cv2.circle(canvas, (x, top), width // 60, (255, 236, 190), -1, SMOOTH)
    grain = rng.normal(0, 9, ((height - horizon) // 2 + 1, width // 2)).astype(np.float32)
    wide = cv2.resize(grain, (width, height - horizon), interpolation=cv2.INTER_LINEAR)
    canvas[horizon:] = np.clip(canvas[horizon:] + wide[..., None], 0, 255)

"""A face in three dimensions: a mask of horizontal slices, and the 68 iBUG points on it.

x runs to the picture's right, y down, z towards the camera; the unit is the distance between the
outer corners of the eyes, and the origin lies between them.
"""

from dataclasses import dataclass, fields, replace

import numpy as np

# Slices from the crown to the chin: y, half width, z at the sides, z in the middle (without the
# nose). The sides of the last nine are the jaw's points 16, 15 ... 8.
SLICES = np.array(
    [
        (-1.12, 0.05, -0.45, -0.30),
        (-1.02, 0.42, -0.55, -0.02),
        (-0.82, 0.66, -0.62, 0.14),
        (-0.55, 0.80, -0.65, 0.23),
        (-0.26, 0.85, -0.66, 0.27),
        (0.03, 0.86, -0.65, 0.22),
        (0.25, 0.85, -0.62, 0.25),
        (0.46, 0.82, -0.55, 0.29),
        (0.67, 0.78, -0.45, 0.32),
        (0.88, 0.70, -0.31, 0.33),
        (1.06, 0.57, -0.16, 0.32),
        (1.19, 0.43, -0.02, 0.29),
        (1.30, 0.26, 0.09, 0.24),
        (1.36, 0.02, 0.16, 0.18),
    ]
)
STEP = 4  # rows of the mask a slice
FIRST_JAW = 5 * STEP  # the mask's row of points 0 and 16
COLUMNS = 33  # odd: the middle one is the line of symmetry
_S = np.linspace(-1, 1, COLUMNS)
ANGLES = np.pi / 2 * (0.6 * _S + 0.4 * _S**3)  # denser at the nose
NOSE_Y = np.array([-0.1, 0.0, 0.15, 0.3, 0.43, 0.5, 0.57, 0.64])
NOSE_HIGH = np.array([0.0, 0.03, 0.1, 0.19, 0.26, 0.19, 0.05, 0.0])
NOSE_HALF = np.array([0.08, 0.07, 0.08, 0.1, 0.13, 0.15, 0.16, 0.16])

# Points with x >= 0, in the plane; those with x < 0 are their mirror images.
BROW = {
    22: (0.19, -0.21), 23: (0.3, -0.265), 24: (0.42, -0.275), 25: (0.55, -0.24), 26: (0.66, -0.16),
}  # fmt: skip
NOSE = {
    27: (0, 0.02), 28: (0, 0.16), 29: (0, 0.3), 30: (0, 0.43),
    33: (0, 0.56), 34: (0.08, 0.545), 35: (0.155, 0.52),
}  # fmt: skip
EYE = {
    42: (-0.14, 0.015), 43: (-0.05, -0.05), 44: (0.05, -0.05),
    45: (0.14, 0.0), 46: (0.05, 0.04), 47: (-0.05, 0.042),
}  # fmt: skip
LIPS = {
    51: (0, 0.72), 52: (0.085, 0.705), 53: (0.2, 0.745), 54: (0.29, 0.8),
    55: (0.2, 0.885), 56: (0.1, 0.94), 57: (0, 0.955),
}  # fmt: skip
INNER = {62: (0, 0.787), 63: (0.1, 0.785), 64: (0.26, 0.8), 65: (0.1, 0.8), 66: (0, 0.804)}
MOUTH = 0.8  # height of the closed mouth

MIRROR = np.array([
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
])  # fmt: skip
"""The iBUG table: point i of a mirrored picture is the picture's point MIRROR[i]."""


@dataclass(frozen=True)
class Traits:
    """Proportions and expression; the defaults are the neutral, symmetric face.

    Factors are 1 when neutral, shifts (in the face's unit) 0. Pairs: picture's left, right side.
    """

    width: float = 1.0
    jaw: float = 1.0
    chin: float = 1.0
    eye_gap: float = 0.0
    eye_size: float = 1.0
    eye_high: float = 1.0
    eye_slant: float = 0.0
    nose_long: float = 0.0
    nose_wide: float = 1.0
    nose_high: float = 1.0
    mouth_wide: float = 1.0
    mouth_low: float = 0.0
    lips: float = 1.0
    brow_high: float = 0.0
    brow_arch: float = 1.0
    brow_up: tuple[float, float] = (0.0, 0.0)
    eyes_open: tuple[float, float] = (1.0, 1.0)
    mouth_open: float = 0.0
    smile: float = 0.0


_SPREAD = {"width": 0.04, "jaw": 0.07, "chin": 0.06, "eye_gap": 0.015, "eye_size": 0.06}
_SPREAD |= {"eye_high": 0.15, "eye_slant": 0.012, "nose_long": 0.03, "nose_wide": 0.12}
_SPREAD |= {"nose_high": 0.15, "mouth_wide": 0.08, "mouth_low": 0.025, "lips": 0.2}
_SPREAD |= {"brow_high": 0.025, "brow_arch": 0.25}


def traits(rng: np.random.Generator) -> Traits:
    """A random person with a random expression."""
    neutral = Traits()
    normal = {f.name: float(np.clip(rng.normal(), -2.2, 2.2)) for f in fields(Traits)}
    spread = {k: getattr(neutral, k) + normal[k] * s for k, s in _SPREAD.items()}
    wide = rng.uniform(0.75, 1.25)
    if rng.random() < 0.12:
        wide = rng.uniform(0.0, 0.4)
    up, uneven = rng.normal(0, 0.03) + 0.06 * (rng.random() < 0.15), rng.normal(0, 0.008, 2)
    return replace(
        neutral,
        **spread,
        brow_up=(float(up + uneven[0]), float(up + uneven[1])),
        eyes_open=(float(wide), float(wide * rng.uniform(0.92, 1.08))),
        mouth_open=float(rng.uniform(0, 0.1) + (rng.random() < 0.3) * rng.uniform(0.0, 0.3)),
        smile=float(rng.choice([0.0, rng.uniform(-0.4, 1.0)])),
    )


def spline(points: np.ndarray, t: np.ndarray, closed: bool = False) -> np.ndarray:
    """Points [T, D] of the Catmull-Rom curve through `points` [K, D]; t = k is the k-th of them."""
    count = len(points)
    k = np.floor(t).astype(int)
    if not closed:
        k = np.clip(k, 0, count - 2)
    f = (t - k)[:, None]
    around = k[:, None] + np.arange(-1, 3)
    if closed:
        p = points[around % count]
    else:
        ends = [2 * points[0] - points[1], 2 * points[-1] - points[-2]]
        p = np.concatenate([ends[:1], points, ends[1:]])[around + 1]
    a, b, c, d = p[:, 0], p[:, 1], p[:, 2], p[:, 3]
    bend = (2 * a - 5 * b + 4 * c - d) * f**2 + (3 * b - a - 3 * c + d) * f**3
    return b + 0.5 * ((c - a) * f + bend)


class Face:
    """One face, not yet turned: `mask` [rows, COLUMNS, 3] and `marks` [68, 3].

    The jaw's marks are the mask's edge; `view.Camera` slides them to the visible outline.
    """

    def __init__(self, t: Traits) -> None:
        self.traits = t
        control = SLICES.copy()
        below = np.clip((control[:, 0] - 0.25) / 1.1, 0, 1)
        control[:, 1] *= t.width * (1 + (t.jaw - 1) * np.sin(np.pi * below**0.8))
        control[:, 0] += (t.chin - 1) * 1.1 * below**1.5 + self._drop(control[:, 0])
        self.rows = spline(control, np.arange((len(control) - 1) * STEP + 1) / STEP)
        y, w = self.rows[:, :1], self.rows[:, 1:2]
        x = w * np.sin(ANGLES)
        self.mask = np.stack([x, np.broadcast_to(y, x.shape), self.depth(x, y)], -1)
        self.marks = self._marks()

    def _drop(self, y: np.ndarray) -> np.ndarray:
        """How far an open mouth lowers the skin at rest height `y`."""
        s = np.clip((y - MOUTH) / 0.2, 0, 1)
        return np.asarray(self.traits.mouth_open * s * s * (3 - 2 * s) * 0.85)

    def depth(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """z of the skin at (x, y), broadcast; x beyond the edge counts as the edge."""
        t = self.traits
        w, side, middle = (np.interp(y, self.rows[:, 0], self.rows[:, k]) for k in (1, 2, 3))
        cosine = np.sqrt(np.clip(1 - (x / w) ** 2, 0, 1))
        z = side + (middle - side) * cosine**1.15
        up = y - t.nose_long * np.clip(y / 0.5, 0, 1)
        half = np.interp(up, NOSE_Y, NOSE_HALF) * t.nose_wide
        z = z + np.interp(up, NOSE_Y, NOSE_HIGH) * t.nose_high * np.exp(-(np.abs(x / half) ** 2.4))
        ax = np.abs(x)
        for high, cx, cy, sx, sy in (
            (-0.09, 0.34 + t.eye_gap, 0.02, 0.17, 0.11),  # eye sockets
            (0.05, 0.38, -0.2, 0.26, 0.07),  # ridge of the brows
            (0.05, 0.52, 0.42, 0.2, 0.16),  # cheek bones
            (0.05, 0.0, 0.82 + t.mouth_low, 0.2, 0.1),  # lips
            (-0.03, 0.0, 1.02 + t.mouth_open * 0.85, 0.22, 0.05),
            (0.05, 0.0, 1.2 * t.chin + t.mouth_open * 0.85, 0.18, 0.1),  # chin
        ):
            z = z + high * np.exp(-(((ax - cx) / sx) ** 2) - ((y - cy) / sy) ** 2)
        return np.asarray(z)

    def _marks(self) -> np.ndarray:
        t = self.traits
        flat = np.zeros((68, 2))
        for side in (0, 1):
            half = self._half(side)
            for k, (x, y) in half.items():
                flat[k if side else MIRROR[k]] = (x if side else -x, y)
        # A smile lifts what it widens; done here, after both halves, for all parts of the mouth.
        mouth = flat[48:]
        lift = t.smile * (np.abs(mouth[:, 0]) / 0.29) ** 2
        mouth[:, 1] -= 0.05 * lift
        mouth[:, 0] *= t.mouth_wide * (1 + 0.13 * t.smile)
        mouth[:, 1] += t.mouth_low
        marks = np.empty((68, 3))
        marks[:, :2] = flat
        marks[:, 2] = self.depth(flat[:, 0], flat[:, 1])
        edge = self.mask[FIRST_JAW::STEP]
        marks[:9], marks[16:7:-1] = edge[:, 0], edge[:, -1]
        marks[8] = self.mask[-1, COLUMNS // 2]
        return marks

    def _half(self, side: int) -> dict[int, tuple[float, float]]:
        """Brow, nose, eye and mouth with x >= 0, in the plane, of the left (0) or right side."""
        t = self.traits
        up = t.brow_high + t.brow_up[side]
        half = {k: (x, -0.21 + (y + 0.21) * t.brow_arch - up) for k, (x, y) in BROW.items()}
        for k, (x, y) in NOSE.items():
            half[k] = (x * t.nose_wide, y + t.nose_long * y / 0.5)
        for k, (x, y) in EYE.items():
            lid = 0.03 + (y - 0.03) * t.eyes_open[side] if k in (43, 44) else y
            slant = -t.eye_slant * x / 0.14
            half[k] = (0.36 + t.eye_gap + x * t.eye_size, lid * t.eye_size * t.eye_high + slant)
        for k, (x, y) in (LIPS | INNER).items():
            y = MOUTH + (y - MOUTH) * (t.lips if k < 60 else 1.0)
            if k in (55, 56, 57, 65, 66):
                y += t.mouth_open * (1 - (x / 0.31) ** 2)
            half[k] = (x, y)
        return half

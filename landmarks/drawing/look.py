"""Colours of a person and of the light: what a face looks like, apart from its shape."""

from dataclasses import dataclass

import numpy as np

SKINS = (
    (255, 224, 200), (244, 208, 180), (228, 184, 148), (204, 152, 112), (160, 108, 76),
    (112, 72, 50), (78, 50, 38),
)  # fmt: skip
HAIRS = (
    (22, 18, 18), (52, 34, 26), (92, 60, 36), (148, 104, 58), (206, 172, 112), (150, 150, 152),
    (216, 214, 210), (120, 48, 24),
)  # fmt: skip
EYES = ((70, 44, 28), (52, 32, 24), (92, 116, 142), (88, 110, 78), (110, 84, 44))


@dataclass(frozen=True)
class Look:
    """Colours are RGB 0..255 under full light; heights and widths are in the face's unit."""

    skin: np.ndarray
    hair: np.ndarray
    brow: np.ndarray
    lip: np.ndarray
    iris: np.ndarray
    cloth: np.ndarray
    hairline: float  # height of the middle of the hairline; under -1.1: bald
    parting: float  # how much lower the hairline is on the right side
    temple: float  # height down to which hair covers the temples
    long: float  # how far the hair falls, 0: short
    beard: float  # 0..1 how dense
    brow_thick: float
    lash: float  # 0..1 how dark the lids' edge
    iris_size: float
    gaze: tuple[float, float]
    light: np.ndarray  # unit vector towards the lamp, in the camera's frame
    ambient: np.ndarray
    lamp: np.ndarray
    gloss: float

    def lit(self, colour: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """Colours [..., 3] of matt surfaces `colour` [..., 3] with unit normals [..., 3]."""
        facing = np.clip(normal @ self.light, 0, 1)[..., None]
        shine = 255 * self.gloss * facing**18
        return np.asarray(np.clip(colour * (self.ambient + facing * self.lamp) + shine, 0, 255))


def look(rng: np.random.Generator) -> Look:
    """A random person in random light."""
    skin = _pick(rng, SKINS, 8)
    dark = skin.mean() < 130
    hair = _pick(rng, HAIRS[:2] if dark and rng.random() < 0.8 else HAIRS, 8)
    brow = np.minimum(hair, 150) * rng.uniform(0.5, 0.85)
    rouge = np.array((178, 40, 54)) if rng.random() < 0.3 else skin * (0.84, 0.58, 0.56)
    long = rng.uniform(0.5, 1.5) if rng.random() < 0.45 else 0.0
    bald = not long and rng.random() < 0.12
    direction = np.array([rng.normal(0, 0.7), rng.uniform(-1.1, 0.3), rng.uniform(0.5, 1.2)])
    strength, share = rng.uniform(0.7, 1.0), rng.uniform(0.4, 0.75)
    cast = np.clip(rng.normal(1, 0.04, 3), 0.9, 1.1)
    return Look(
        skin=skin,
        hair=hair,
        brow=np.minimum(brow, skin * 0.6),
        lip=np.clip(rouge + rng.normal(0, 8, 3), 10, 250),
        iris=_pick(rng, EYES, 10),
        cloth=np.clip(rng.uniform(20, 235) + rng.normal(0, 35, 3), 5, 250),
        hairline=-2.0 if bald else rng.uniform(-0.85, -0.4),
        parting=rng.normal(0, 0.08),
        temple=rng.uniform(0.0, 0.3) if long else rng.uniform(-0.4, 0.15),
        long=long,
        beard=rng.uniform(0.2, 1.0) if not long and rng.random() < 0.3 else 0.0,
        brow_thick=rng.uniform(0.022, 0.05),
        lash=rng.uniform(0.3, 1.0),
        iris_size=rng.uniform(0.058, 0.072),
        gaze=(float(rng.normal(0, 0.025)), float(rng.normal(0, 0.008))),
        light=direction / np.linalg.norm(direction),
        ambient=strength * share * cast,
        lamp=strength * (1.1 - share) * cast[::-1],
        gloss=rng.uniform(0, 0.2),
    )


def _pick(
    rng: np.random.Generator, table: tuple[tuple[int, int, int], ...], spread: float
) -> np.ndarray:
    colour = np.array(table[rng.integers(len(table))]) + rng.normal(0, spread, 3)
    return np.clip(colour, 8, 255)

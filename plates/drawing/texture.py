"""Random textures that everything drawn around plates is made of: clouds, grain, paint, words."""

from functools import lru_cache

import cv2
import numpy as np

Size = tuple[int, int]
"""(height, width) in pixels."""

_TILE = 640  # side of the tile that grain is cut from

# fmt: off
_SYLLABLES = (
    "au", "to", "mo", "bil", "car", "ser", "vis", "ra", "no", "vo", "dan", "sko", "wag", "ford",
    "lan", "mer", "ci", "ta", "ni", "ki", "ho", "ma", "zo", "be", "ro", "vi", "lo", "pa", "re",
    "tu", "san", "del", "ost", "nor", "hal", "gar", "den", "tex", "ika", "ana", "sta", "tion",
)
# fmt: on
_ENDINGS = ("", "", " of", ".cz", ".com", ".hr", " s.r.o.", " & co", " ltd.", " tel. 01/61-61")


def clouds(rng: np.random.Generator, size: Size, cells: float) -> np.ndarray:
    """Smooth noise, float32 [H, W] in 0..1, about `cells` lumps along the height."""
    height, width = size
    rows = max(2, round(cells))
    columns = max(2, round(cells * width / height))
    coarse = rng.random((rows, columns), dtype=np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def rough(rng: np.random.Generator, size: Size, cells: float) -> np.ndarray:
    """Clouds of two scales, float32 [H, W] in 0..1: edges of what is above a value are ragged."""
    return 0.6 * clouds(rng, size, cells) + 0.4 * clouds(rng, size, 3.7 * cells)


def above(values: np.ndarray, share: float, soft: float = 0.06) -> np.ndarray:
    """1 where `values` [H, W] are among the highest `share` (0..1), 0 elsewhere, a soft edge."""
    some = np.sort(values[::3, ::3], axis=None)
    level = float(some[min(round((1 - share) * some.size), some.size - 1)])
    return np.clip((values - level) / soft, 0, 1)


def grain(rng: np.random.Generator, size: Size, channels: int = 3) -> np.ndarray:
    """Gaussian noise of standard deviation 1, float32 [H, W, `channels`].

    Cut from one fixed tile at a random place: drawing normal numbers would take longer than all
    else. Larger sizes repeat the tile.
    """
    tile = _tile()
    y, x = (int(v) for v in rng.integers(0, _TILE, 2))
    height, width = size
    if y + height > _TILE or x + width > _TILE:
        y, x = max(0, min(y, _TILE - height)), max(0, min(x, _TILE - width))
    if height <= _TILE and width <= _TILE:
        return tile[y : y + height, x : x + width, :channels]
    rows, columns = (y + np.arange(height)) % _TILE, (x + np.arange(width)) % _TILE
    return tile[rows[:, None], columns, :channels]


@lru_cache(1)
def _tile() -> np.ndarray:
    return np.random.default_rng(20).standard_normal((_TILE, _TILE, 3), dtype=np.float32)


def lerp(image: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`image` float32 [H, W, 3] under `colour` [3], which is opaque where `alpha` [H, W] is 1."""
    laid = np.subtract(colour, image, dtype=np.float32)
    laid *= alpha[..., None]
    laid += image
    return laid


def colour(rng: np.random.Generator, grey: float = 0.5) -> np.ndarray:
    """A car's paint, float32 [3] RGB 0..255: without hue with probability `grey`."""
    value = float(rng.choice([rng.uniform(8, 60), rng.uniform(60, 190), rng.uniform(190, 250)]))
    if rng.random() < grey:
        return (np.float32(value) * rng.uniform(0.94, 1.06, 3)).clip(0, 255).astype(np.float32)
    hue = rng.random(3)
    hue /= hue.max()
    return (value * hue ** rng.uniform(0.3, 2.5)).clip(0, 255).astype(np.float32)


def words(rng: np.random.Generator, least: int = 1, most: int = 3) -> str:
    """Words of no language, as dealers and shops write below plates and on signs."""
    found = [
        "".join(rng.choice(_SYLLABLES, int(rng.integers(2, 4))))
        for _ in range(int(rng.integers(least, most + 1)))
    ]
    text = " ".join(found) + str(rng.choice(_ENDINGS))
    return str(rng.choice([text, text.title(), text.title(), text.upper(), f"www.{text}"]))


def write(
    rng: np.random.Generator,
    image: np.ndarray,
    text: str,
    box: tuple[float, float, float, float],
    ink: np.ndarray,
) -> None:
    """Writes `text` into `box` (x0, y0, x1, y1) of `image` uint8 in place, as large as it fits."""
    x0, y0, x1, y1 = box
    face = int(rng.choice([0, 2, 3, 4, 6, 7])) | (16 if rng.random() < 0.2 else 0)
    (width, height), low = cv2.getTextSize(text, face, 1, 1)
    scale = min((x1 - x0) / max(width, 1), (y1 - y0) / (height + low))
    if scale * height < 2:
        return
    thick = max(1, round(scale * float(rng.uniform(1, 3.5))))
    x, y = x0 + (x1 - x0 - scale * width) / 2, y1 - low * scale
    at, rgb = (round(x), round(y)), [float(v) for v in ink]
    cv2.putText(image, text, at, face, scale, rgb, thick, cv2.LINE_AA)

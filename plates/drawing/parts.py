"""What a plate carries besides its characters: grounds, bands, inscriptions, stickers, screws.

Every part draws into a `Sheet` before the characters, and narrows the width left to them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from plates.drawing import fonts

__all__ = ["COLOURS", "PARTS", "Sheet", "colour", "framed", "ground", "paint", "write"]

COLOURS = {
    "white": (236, 237, 235), "black": (26, 26, 28), "navy": (28, 36, 92), "blue": (36, 72, 160),
    "red": (178, 34, 40), "green": (20, 100, 62), "yellow": (240, 196, 40), "sky": (166, 200, 232),
    "grey": (150, 152, 152), "silver": (196, 198, 200), "brown": (128, 62, 52),
    "cream": (240, 228, 196), "orange": (232, 122, 40), "teal": (40, 130, 140),
    "purple": (96, 52, 130), "pink": (230, 160, 180),
}  # fmt: skip

PLACES = (
    "Alabama", "ALASKA", "ARIZONA", "Arkansas", "California", "COLORADO", "Connecticut", "DELAWARE",
    "FLORIDA", "Georgia", "HAWAII", "IDAHO", "Illinois", "INDIANA", "IOWA", "KANSAS", "Kentucky",
    "Louisiana", "MAINE", "Maryland", "Massachusetts", "MICHIGAN", "Minnesota", "MISSISSIPPI",
    "MISSOURI", "MONTANA", "Nebraska", "NEVADA", "New Hampshire", "New Jersey", "NEW MEXICO",
    "NEW YORK", "NORTH CAROLINA", "OHIO", "OKLAHOMA", "Oregon", "PENNSYLVANIA", "Rhode Island",
    "Tennessee", "TEXAS", "UTAH", "Vermont", "VIRGINIA", "WASHINGTON", "West Virginia", "WISCONSIN",
    "WYOMING", "Ontario", "ALBERTA",
)  # fmt: skip
MOTTOS = (
    "Sunshine State", "THE EMPIRE STATE", "Garden State", "10,000 lakes", "Ocean State",
    "Vacationland", "LIVE FREE OR DIE", "GRAND CANYON STATE", "America's Dairyland",
    "Discover the Spirit",
    "www.state.us", "visit us.com", "The Spirit of America", "FAMOUS POTATOES", "Wild, Wonderful",
    "EVERGREEN STATE", "The Lone Star State", "First in Flight", "Great Faces. Great Places.",
    "CENTENNIAL", "Conserve Wildlife", "University", "CLARK", "Shelby", "KNOX", "Veteran", "DEALER",
)  # fmt: skip
TOWNS = (
    "BA-SALVADOR", "SP-SAO PAULO", "PR-CURITIBA", "PR-PARANAGUA", "MG-BELO HORIZONTE", "ES-VITORIA",
    "PR-COLOMBO", "DF-BRASILIA", "RJ-RIO DE JANEIRO", "SC-JOINVILLE", "RS-PORTO ALEGRE",
    "GO-GOIANIA",
)  # fmt: skip
DEALERS = (
    "AUTO CENTAR", "www.autohaus.de", "AUTOSERVIS", "Motors", "Tel. 01 6230 114", "CESKA REPUBLIKA",
    "AUTO KUCA 01/2345-678", "Porsche Centrum", "RENOCAR Brno", "TOYOTA", "Grupo Motor", "LEGENDS",
)  # fmt: skip
BANDS = ("D", "CZ", "SK", "HR", "F", "I", "PL", "E", "NL", "GB", "A", "H", "SLO", "B", "P", "RO")
HEADS = ("REPUBLICA ARGENTINA", "BRASIL", "MERCOSUR", "ARGENTINA", "URUGUAY", "PARAGUAY")
STICKERS = (
    "JAN",
    "FEB",
    "MAR",
    "APR",
    "MAY",
    "JUN",
    "JUL",
    "AUG",
    "SEP",
    "OCT",
    "05",
    "98",
    "2004",
)


@dataclass
class Sheet:
    """A plate while it is drawn."""

    image: np.ndarray
    """uint8 [H, W, 3] RGB, drawn into."""
    ink: np.ndarray
    """Colour of the characters, RGB 0..255."""
    left: float
    """The characters stand between these two columns, pixels."""
    right: float


def colour(rng: np.random.Generator, name: str, jitter: float = 10) -> np.ndarray:
    """A colour of `COLOURS`, or any for "", shifted at random: float [3] RGB 0..255."""
    base = COLOURS[name or str(rng.choice(list(COLOURS)))]
    return np.clip(np.array(base) + rng.normal(0, jitter) + rng.normal(0, jitter / 2, 3), 0, 255)


def paint(image: np.ndarray, mask: np.ndarray, x: float, y: float, tint: np.ndarray) -> None:
    """Lays `tint` through a mask uint8 [h, w] at column x, row y; what passes the edge is cut."""
    left, top = round(x), round(y)
    height, width = image.shape[:2]
    part = mask[max(-top, 0) : height - top, max(-left, 0) : width - left]
    if not part.size:
        return
    at = image[
        max(top, 0) : max(top, 0) + part.shape[0], max(left, 0) : max(left, 0) + part.shape[1]
    ]
    over = part * np.float32(1 / 255)
    under = 1 - over
    for k in range(3):  # twice as quick as all at once
        at[..., k] = at[..., k] * under + over * np.float32(tint[k])


def write(
    rng: np.random.Generator, image: np.ndarray, words: str, box: tuple[float, float, float, float],
    tint: np.ndarray, font: int = -1,
) -> None:  # fmt: skip
    """Small print in the middle of a box x0, y0, x1, y1: as high as it, unless that is too wide."""
    mask = fonts.writing(font if font >= 0 else int(rng.integers(len(fonts.WRITING))), words)
    x0, y0, x1, y1 = box
    scale = min((y1 - y0) / mask.shape[0], (x1 - x0) / mask.shape[1] * 1.3)
    high, wide = mask.shape[0] * scale, min(mask.shape[1] * scale, x1 - x0)
    if high < 3 or wide < 3:
        return
    small = cv2.resize(mask, (int(wide), int(high)), interpolation=cv2.INTER_AREA)
    paint(image, small, (x0 + x1 - wide) / 2, (y0 + y1 - high) / 2, tint)


def ground(rng: np.random.Generator, name: str, height: int, width: int) -> np.ndarray:
    """A plate's ground, uint8 [height, width, 3]: one colour, a soft gradient, or a scene."""
    if name == "scene":
        view = cv2.resize(
            _scene(int(rng.integers(64))), (width, height), interpolation=cv2.INTER_LINEAR
        )
        view = view[:, ::-1] if rng.random() < 0.5 else view
        return np.ascontiguousarray(view)
    base = colour(rng, name)
    if rng.random() < 0.4:
        return np.full((height, width, 3), base, np.uint8)
    other = base + rng.normal(0, 12, 3)
    ramp = np.linspace(base, other, height)[:, None]
    if rng.random() < 0.5:
        ramp = np.linspace(base, other, width)[None]
    return np.ascontiguousarray(
        np.broadcast_to(np.clip(ramp, 0, 255).astype(np.uint8), (height, width, 3))
    )


@cache
def _scene(number: int) -> np.ndarray:
    """A pale landscape, uint8 [80, 160, 3]: sky in up to three tones, hills, a sun, an emblem."""
    rng = np.random.default_rng([number, 80])
    stops = np.stack([colour(rng, "") for _ in range(3)])
    pale = rng.uniform(0.3, 0.85)
    stops[1] = stops[1] * 0.3 + 245 * 0.7
    knots, rows = (0, rng.uniform(0.3, 0.7), 1), np.linspace(0, 1, 80)
    sky = np.stack([np.interp(rows, knots, stops[:, k]) for k in range(3)], 1)
    image = np.ascontiguousarray(np.broadcast_to(sky[:, None], (80, 160, 3)).astype(np.uint8))
    over = image.copy()
    for _ in range(int(rng.integers(0, 4))):
        edge = rng.uniform(25, 75) + np.cumsum(rng.normal(0, 3, 21))
        hills = np.column_stack([np.linspace(0, 160, 21), np.clip(edge, 15, 80)])
        shape = np.concatenate([hills, [(160, 80), (0, 80)]]).astype(np.int32)
        cv2.fillPoly(over, [shape], colour(rng, "").tolist(), cv2.LINE_AA)
    if rng.random() < 0.5:
        at = (int(rng.integers(160)), int(rng.integers(80)))
        cv2.circle(over, at, int(rng.integers(5, 30)), colour(rng, "").tolist(), -1, cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 3))):
        blob = rng.uniform((40, 15), (120, 65)) + rng.normal(0, 12, (9, 2))
        cv2.fillPoly(over, [blob.astype(np.int32)], colour(rng, "").tolist(), cv2.LINE_AA)
    mixed = image * 0.35 + over * 0.65
    return np.asarray(mixed * (1 - pale) + 240 * pale, np.uint8)


def _band(rng: np.random.Generator, sheet: Sheet) -> None:
    """The blue band on the left, with stars and the country's letters."""
    _strip(rng, sheet, False, str(rng.choice(BANDS)))


def _band_right(rng: np.random.Generator, sheet: Sheet) -> None:
    """Its counterpart on the right, with a province or a year."""
    if rng.random() < 0.8:
        _strip(rng, sheet, True, str(rng.choice(["75", "13", "RE", "MI", "TO", "06", "2A", "RM"])))


def _strip(rng: np.random.Generator, sheet: Sheet, right: bool, words: str) -> None:
    height, width = sheet.image.shape[:2]
    wide = int(height * rng.uniform(0.3, 0.46))
    x = width - wide if right else 0
    tint = colour(rng, "blue" if rng.random() < 0.85 else "")
    sheet.image[:, x : x + wide] = tint.astype(np.uint8)
    if rng.random() < 0.8:
        gold = tuple(colour(rng, "yellow").tolist())
        angles = np.linspace(0, 2 * np.pi, 12, endpoint=False) + 0.1
        columns = np.rint(x + wide * (0.5 + 0.3 * np.cos(angles))).astype(int).tolist()
        rows = np.rint(height * 0.3 + wide * 0.3 * np.sin(angles)).astype(int).tolist()
        for star in zip(columns, rows, strict=True):
            cv2.circle(sheet.image, star, max(wide // 18, 1), gold, -1, cv2.LINE_AA)
    if rng.random() < 0.85:
        box = (x + wide * 0.12, height * 0.62, x + wide * 0.88, height * 0.88)
        write(rng, sheet.image, words, box, colour(rng, "white"), int(rng.integers(4)))
    if right:
        sheet.right = min(sheet.right, x - 0.02 * width)
    else:
        sheet.left = max(sheet.left, x + wide + 0.02 * width)


def _border(rng: np.random.Generator, sheet: Sheet) -> None:
    """A line round the plate."""
    if rng.random() < 0.3:
        return
    height, width = sheet.image.shape[:2]
    inset, thick = int(rng.integers(1, 7)), int(rng.integers(1, 5))
    tint = sheet.ink if rng.random() < 0.6 else colour(rng, "")
    corners = (inset, inset), (width - 1 - inset, height - 1 - inset)
    cv2.rectangle(sheet.image, *corners, tint.tolist(), thick, cv2.LINE_8)


def _holes(rng: np.random.Generator, sheet: Sheet) -> None:
    """Screws, or the holes and slots for them."""
    if rng.random() < 0.4:
        return
    height, width = sheet.image.shape[:2]
    tint = tuple(
        colour(rng, str(rng.choice(["black", "silver", "grey", "brown", "white"]))).tolist()
    )
    dx, size = rng.uniform(0.03, 0.3) * width, max(int(height * rng.uniform(0.012, 0.035)), 2)
    low = width / height < 3.3  # a long, narrow plate has its holes at half height
    rows = [0.07, 0.93] if low else [0.5, 0.5] if rng.random() < 0.3 else [0.08, 0.08]
    slot = int(rng.integers(0, 3)) * size
    for row in rows[: int(rng.integers(1, 3))]:
        dx = min(dx, sheet.left / 2 if row == 0.5 else dx)
        for x in (dx, width - dx):
            start = (round(x - slot), round(row * height))
            cv2.line(
                sheet.image, start, (start[0] + 2 * slot, start[1]), tint, 2 * size, cv2.LINE_AA
            )


def _state(rng: np.random.Generator, sheet: Sheet) -> None:
    """A state's name above, a motto below, sometimes on a strip of another colour."""
    height, width = sheet.image.shape[:2]
    rows = [(0.03, rng.uniform(0.16, 0.23), PLACES), (rng.uniform(0.84, 0.89), 0.98, MOTTOS)]
    if rng.random() < 0.25:
        rows = [(0.03, rng.uniform(0.12, 0.18), MOTTOS), (rng.uniform(0.8, 0.86), 0.98, PLACES)]
    for top, foot, words in rows:
        tint = sheet.ink
        if rng.random() < 0.6:
            tint = colour(rng, str(rng.choice(["red", "blue", "navy", "green", "black"])))
        if rng.random() < 0.2:
            edge = (0, round(foot * height) + 3) if top < 0.5 else (round(top * height) - 3, height)
            sheet.image[edge[0] : edge[1]] = tint.astype(np.uint8)
            tint = colour(rng, str(rng.choice(["white", "yellow", "cream"])))
        if rng.random() < 0.9:
            inset = width * rng.uniform(0.1, 0.32)
            box = (inset, top * height, width - inset, foot * height)
            write(rng, sheet.image, str(rng.choice(words)), box, tint)


def _stickers(rng: np.random.Generator, sheet: Sheet) -> None:
    """Month and year in the corners."""
    height, width = sheet.image.shape[:2]
    for corner in range(4):
        if rng.random() > 0.33:
            continue
        wide, high = (height * rng.uniform(0.15, 0.32), height * rng.uniform(0.1, 0.18))
        x = height * rng.uniform(0.01, 0.12)
        x = x if corner % 2 == 0 else width - x - wide
        y = height * 0.02 if corner < 2 else height * 0.98 - high
        tint = colour(rng, "")
        if rng.random() < 0.8:
            cv2.rectangle(
                sheet.image, (int(x), int(y)), (int(x + wide), int(y + high)), tint.tolist(), -1
            )
        else:
            tint = np.full(3, 200.0)
        dark = colour(rng, "black" if tint.mean() > 110 else "white")
        box = (x + 2, y + 2, x + wide - 2, y + high - 2)
        write(rng, sheet.image, str(rng.choice(STICKERS)), box, dark, int(rng.integers(4)))


def _town(rng: np.random.Generator, sheet: Sheet) -> None:
    """The town above the characters, sometimes on a tin strip of its own."""
    height, width = sheet.image.shape[:2]
    top, foot, inset = (
        0.07 * height,
        rng.uniform(0.16, 0.22) * height,
        width * rng.uniform(0.2, 0.32),
    )
    if rng.random() < 0.4:
        base = sheet.image[2, 2] + rng.normal(0, 20)
        low = (int(width - inset * 0.9), int(foot + 3))
        tin = np.clip(base, 0, 255).tolist()
        cv2.rectangle(sheet.image, (int(inset * 0.9), int(top) - 3), low, tin, -1)
    box = (inset, top, width - inset, foot)
    write(rng, sheet.image, str(rng.choice(TOWNS)), box, sheet.ink, int(rng.integers(4)))


def _head(rng: np.random.Generator, sheet: Sheet) -> None:
    """Mercosur's strip above the characters."""
    height, width = sheet.image.shape[:2]
    foot = int(height * rng.uniform(0.2, 0.27))
    sheet.image[:foot] = colour(rng, str(rng.choice(["blue", "navy", "black"]))).astype(np.uint8)
    box = (width * 0.25, foot * 0.25, width * 0.75, foot * 0.8)
    write(rng, sheet.image, str(rng.choice(HEADS)), box, colour(rng, "white"), int(rng.integers(4)))
    flag = int(width * 0.88), int(foot * 0.2)
    cv2.rectangle(
        sheet.image, flag, (int(width * 0.96), int(foot * 0.8)), colour(rng, "").tolist(), -1
    )


def _panel(rng: np.random.Generator, sheet: Sheet) -> None:
    """A dark field in a light plate, the country's name above it."""
    height, width = sheet.image.shape[:2]
    dark = sheet.image.copy()
    sheet.image[:] = sheet.ink.astype(np.uint8)
    inset, top = int(width * rng.uniform(0.02, 0.05)), int(height * 0.2)
    foot = int(height * rng.uniform(0.8, 0.92))
    sheet.image[top:foot, inset : width - inset] = dark[top:foot, inset : width - inset]
    box = (width * 0.25, height * 0.05, width * 0.75, height * 0.16)
    write(
        rng,
        sheet.image,
        str(rng.choice(HEADS)),
        box,
        colour(rng, str(rng.choice(["sky", "black", "grey"]))),
    )
    sheet.left, sheet.right = max(sheet.left, inset + 4), min(sheet.right, width - inset - 4)


def framed(rng: np.random.Generator, image: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """The plate in a dealer's frame, and by how many columns and rows it has moved."""
    height = image.shape[0]
    tint = colour(rng, str(rng.choice(["black", "black", "silver", "white", "blue"])))
    side = int(height * rng.uniform(0, 0.06))
    top = int(height * rng.choice([0.02, 0.05, 0.14], p=[0.5, 0.35, 0.15]))
    foot = int(height * rng.uniform(0.1, 0.2))
    image = cv2.copyMakeBorder(
        image, top, foot, side, side, cv2.BORDER_CONSTANT, value=tint.tolist()
    )
    full, width = image.shape[:2]
    letters = colour(
        rng, "white" if tint.mean() < 128 else str(rng.choice(["black", "blue", "red"]))
    )
    for y0, y1 in ((0, top), (full - foot, full)):
        box = (width * rng.uniform(0.05, 0.3), y0 + 3, width * rng.uniform(0.7, 0.95), y1 - 3)
        write(rng, image, str(rng.choice(DEALERS)), box, letters)
    return image, (side, top)


PARTS: dict[str, Callable[[np.random.Generator, Sheet], None]] = {
    "band": _band,
    "band right": _band_right,
    "border": _border,
    "holes": _holes,
    "state": _state,
    "stickers": _stickers,
    "town": _town,
    "strip": _head,
    "panel": _panel,
}
"""Name in `Format.parts` -> what draws it; the others concern the characters or the frame."""

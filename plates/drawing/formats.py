"""What stands on the plates of the countries: patterns of text, proportions, colours, fittings.

A pattern's characters are L letter, D digit, ? either, V a word's next letter; l and d are smaller
ones; "/" begins the second line. The rest is not read: space, "_" wide space, "-" dash, "." dot at
the foot, ":" dot in the middle, "*" arms, "@" stickers, "|" dividing line, "=" a picture, "!" small
letters stacked.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["FORMATS", "GAPS", "KINDS", "Format", "choose", "lines", "text"]

GAPS = " _-.:*@|=!"
"""What parts the characters of a pattern and is not read."""

RUSSIAN = "ABEKMHOPCTYX"
ALIKE = ("0OQD", "1I7", "2Z", "5S", "8B", "6G", "VUY", "MNWH", "47", "38", "CG", "EF", "PR", "KX")
FREE = 0.2  # plates whose characters follow no pattern of letters and digits
RUN = 0.12  # characters that repeat the one before
TWIN = 0.08  # characters that look like the one before

Span = tuple[float, float]


@dataclass(frozen=True)
class Format:
    """One look of plate. Shares are of the plate's height unless said otherwise."""

    country: str
    patterns: tuple[str, ...]
    colours: tuple[str, ...]
    """Names of ground and ink, as "white black"."""
    aspect: Span
    """Width over height."""
    cap: Span
    """Height of the characters, a line."""
    letter: Span
    """Width of an H over its height."""
    thick: Span
    """Thickness of the strokes over the height of the characters."""
    centre: float = 0.5
    """Height of the line's middle; of two lines' common middle."""
    parts: tuple[str, ...] = ()
    """Fittings, see `plates.drawing.parts`."""
    letters: str = ""
    """Letters used; "" all."""
    weight: float = 1.0
    """How often "any" draws it."""
    files: float = 0.2
    """Share of plates in a package's font."""
    share: Span = (0.82, 0.96)
    """Most that the line takes of the free width."""


def _eu(
    country: str,
    *patterns: str,
    colours: tuple[str, ...] = ("white black",),
    weight: float = 0.3,
    parts: tuple[str, ...] = ("band", "border", "embossed", "footer", "holes"),
) -> Format:
    """A long European plate."""
    return Format(country, patterns, colours, (4.3, 4.9), (0.62, 0.76), (0.42, 0.62), (0.1, 0.17),
                  parts=parts, weight=weight)  # fmt: skip


_US = (
    "LLL DDDD", "LLL-DDDD", "LLL:DDDD", "LLL*DDDD", "DDD LLL", "DDD-LLL", "DDD:LLL", "DDD*LLL",
    "LLL DDD",
    "LLL-DDD", "LLL*DDD", "DLLLDDD", "DLL DDD", "DDDDDD", "DDD DDD", "DDD-DDD", "DDD LLL", "LLDDDD",
    "LL DDDD", "LL-DDDD", "LL*DDDD", "LDDDDDD", "DDDLL", "DDDDD", "DDDD", "DDDDLL", "DDLLD",
    "DL DDDDD",
    "L DDDDD", "DLDDDDL", "DDDD LL", "D-DDDD", "DDL LDD", "LDD LDD", "DLLD?D", "=LLDDDD", "=DDDDD",
    "!DDDD",
    "!DDDDD", "=LLDDD", "=DDDD!", "LLDDD!", "DDDD!", "=!VVVV", "VVV", "VVVV", "VVVVV", "VVVVVV",
    "VVVVVVV",
    "VVV VVV", "VVVV VV", "VVDVVV", "VVVVVD", "VV VVVV", "??????", "???????", "??? ???",
    "???-????", "?????", "LLD*LDL", "LLD*LDL", "LLD-LDL",
)  # fmt: skip
_INK = ("white blue", "white navy", "white black", "cream red", "white red", "yellow black",
        "sky navy",
        "scene navy", "scene black", "scene blue", "scene navy", "scene green", "blue white",
        "green white",
        "navy cream", "cream black", "yellow navy", "scene white", "white green",
        "scene red")  # fmt: skip
_BR = ("grey black", "grey black", "white black", "silver black", "red white", "red white",
       "brown white",
       "green white", "green white", "black white", "blue white", "white red")  # fmt: skip
_VN = (
    "white black",
    "white black",
    "white navy",
    "yellow black",
    "blue white",
    "red white",
    "white black",
)

FORMATS: dict[str, Format] = {
    "ru": Format("ru", ("lDDDll|dd", "lDDDll|dd", "lDDDll|ddd", "llDDD|dd", "DDDDll|dd"),
                 ("white black", "white black", "yellow black", "blue white"), (4.4, 4.8), (0.62,
                 0.72), (0.5, 0.66),
                 (0.11, 0.17), parts=("border", "holes", "embossed", "region"), letters=RUSSIAN,
                 weight=0.8),
    "ru2": Format("ru", ("lDDD/ll|dd", "lDDD/ll|ddd", "DDDD/ll|dd", "DD_DD/ll|dd"), ("white black",
                  "yellow black"),
                  (1.3, 1.8), (0.36, 0.42), (0.5, 0.7), (0.1, 0.17), parts=("border", "holes",
                  "embossed", "region"),
                  letters=RUSSIAN, weight=0.6),
    "de": _eu("de", "L@LL DDDD", "LL@L DDD", "LL@LL DDD", "LLL@LL DD", "L@L DDDD", "LLL@L DDD"),
    "cz": _eu("cz", "DLD DDDD", "DLD@DDDD", "DLL DDDD", "DLL@DDDD", "DLD_DDDD", weight=0.7),
    "sk": _eu("sk", "LL*DDDLL", "LL*-DDDLL", "LL@DDDLL", "LL-DDDLL"),
    "hr": Format("hr", ("LL*DDD-LL", "LL*DDDD-LL", "LL*DDDD-L", "LL*DDD-L", "LL:DDDD-LL"),
                 ("white black",),
                 (4.3, 4.9), (0.6, 0.78), (0.36, 0.5), (0.08, 0.14), weight=0.7,
                 parts=("border", "footer", "carons", "band?")),
    "hr2": Format("hr", ("LL_*/DDDD-LL", "LL_*/DDD-LL", "LL_*/DDDD-L"), ("white black",), (1.3,
                  1.7), (0.34, 0.4),
                  (0.4, 0.6), (0.08, 0.15), parts=("border", "carons"), weight=0.4),
    "fr": _eu("fr", "LL-DDD-LL", parts=("band", "band right", "embossed", "footer")),
    "it": _eu("it", "LL DDDLL", "LL*DDDLL", parts=("band", "band right", "embossed")),
    "pl": _eu("pl", "LL DDDDD", "LLL DDLL", "LL DDDDL", "LLL LDDD"),
    "es": _eu("es", "DDDD LLL", "L DDDD LL"),
    "nl": _eu("nl", "LL-DD-LL", "DD-LLL-D", "L-DDD-LL", "DD-LL-LL", colours=("yellow black",)),
    "uk": _eu("uk", "LLDD LLL", "LDDD LLL", "LLL DDDL", colours=("yellow black", "white black"),
              parts=("band?", "footer")),
    "eu": _eu("eu", "LLL-DDD", "LLL DDD", "LL DDDD", "L DDDDD", "LL DD LLL", "LL*DDDLL",
              "DD-LL-DD", "LL*DDDDL",
              "DLLL DDD", "L*DDDLL", "LLDDDD", "LDD LLL", "DDD LLL", "LL:DD:LL",
              colours=("white black", "white black", "white red", "black white", "white green",
              "yellow black")),
    "eu2": Format("eu", ("LL*/DDDLL", "LL/DDDD", "LLL/DDD", "LL@/LL DDD", "L DD/DDDD", "LLDD/LLL",
                  "DDDD/LLL",
                         "LL DD/DDDD"), ("white black", "yellow black"), (1.2, 1.8), (0.34, 0.4),
                         (0.42, 0.62),
                  (0.1, 0.17), parts=("border", "embossed", "holes"), weight=0.5),
    "us": Format("us", _US, _INK, (1.85, 2.25), (0.4, 0.54), (0.42, 0.6), (0.09, 0.17), centre=0.52,
                 parts=("state", "stickers", "holes", "border", "frame", "embossed"), weight=3.0,
                 share=(0.8, 0.95)),
    "br": Format("br", ("LLL:DDDD", "LLL:DDDD", "LLL-DDDD", "LLL DDDD"), _BR, (2.7, 3.2), (0.44,
                 0.54), (0.56, 0.76),
                 (0.13, 0.2), centre=0.6, parts=("town", "holes", "border", "embossed"),
                 weight=2.0),
    "brm": Format("br", ("LLLDLDD",), ("white black", "white red", "white green", "white blue"),
                  (2.9, 3.2),
                  (0.5, 0.6), (0.42, 0.6), (0.11, 0.16), centre=0.6, parts=("strip", "border",
                  "embossed"), weight=0.6),
    "ar": Format("ar", ("LLL DDD", "LLL_DDD", "LLL*DDD", "LLL:DDD"), ("black white",
                 "black silver", "black cream"),
                 (2.2, 2.6), (0.44, 0.54), (0.5, 0.64), (0.11, 0.17), centre=0.52, parts=("panel",
                 "holes", "footer"),
                 weight=0.9),
    "arm": Format("ar", ("LL DDD LL", "LL_DDD_LL", "LL DDD:LL"), ("white black",), (2.6, 3.2),
                  (0.54, 0.66),
                  (0.36, 0.5), (0.09, 0.16), centre=0.61, parts=("strip", "border", "holes",
                  "footer"), weight=0.9),
    "ar2": Format("ar", ("LDD/DLLL", "DDD/LLL*", "LLL/DDD"), ("white black", "black white"), (1.4,
                  2.2), (0.34, 0.4),
                  (0.5, 0.9), (0.11, 0.18), parts=("border", "holes"), weight=0.4),
    "vn": Format("vn", ("DDL-DDD.DD", "DDL-DDD.DD", "DDL-DDDD", "DDL:DDD.DD", "DDL:DDDD",
                 "DDLL-DDD.DD"), _VN,
                 (3.9, 4.8), (0.62, 0.8), (0.4, 0.55), (0.1, 0.17), parts=("border", "embossed",
                 "holes"), weight=1.4),
    "vn2": Format("vn", ("DD-LD/DDD.DD", "DD-LD/DDD.DD", "DD-LD/DDD.DD", "DD-LD/DDDD",
                  "DD-LD/DDDD", "DDL/DDD.DD",
                         "DD-LL/DDD.DD", "DDLL/DDD.DD", "DD-L/DDDD", "DD:LD/DDD.DD"), _VN, (1.28,
                         1.65), (0.32, 0.42),
                  (0.42, 0.62), (0.1, 0.17), parts=("border", "embossed", "holes"), weight=2.4),
    "free": Format("", ("???", "????", "?????", "??????", "???????", "????????", "?????????"),
                   (*_INK, *_BR, *_VN),
                   (2.0, 5.0), (0.45, 0.75), (0.4, 0.75), (0.08, 0.19), weight=1.2,
                   parts=("band?", "stickers", "border", "holes", "embossed", "footer")),
    "free2": Format("", ("??/???", "???/???", "??/????", "???/????", "??/?????", "????/????",
                    "????/?????"),
                    (*_INK, *_BR, *_VN), (1.2, 2.1), (0.3, 0.42), (0.45, 0.75), (0.08, 0.19),
                    weight=0.7, parts=("border", "holes", "embossed")),
}  # fmt: skip
"""Name -> format. Two-line ones end in 2; "free" has random characters and gaps."""

KINDS = (*FORMATS, "any")


def lines(rng: np.random.Generator, kind: str, alphabet: str) -> tuple[str, ...]:
    """The lines of a random plate of format `kind`, with gaps (`GAPS`); lower case is small.

    Where `alphabet` has no letters (digits), its digits (letters) stand for them. One plate in
    five follows no pattern of letters and digits. Raises ValueError for an unknown format or an
    empty alphabet.
    """
    if kind not in FORMATS:
        raise ValueError(f"`kind` must be one of {', '.join(FORMATS)}; received: kind={kind}")
    if not alphabet:
        raise ValueError("`alphabet` must not be empty; received: alphabet=''")
    style = FORMATS[kind]
    pattern = str(rng.choice(style.patterns))
    if kind.startswith("free"):
        pattern = _gaps(rng, pattern)
    free = rng.random() < FREE
    digits = "".join(c for c in alphabet if c.isdigit()) or alphabet
    letters = "".join(c for c in alphabet if not c.isdigit()) or alphabet
    usual = letters
    if style.letters and not free:
        usual = "".join(c for c in letters if c in style.letters) or letters
    # There are more letters than digits, and fewer places for them: they fill most of what is free.
    pools = {"L": usual, "D": digits, "?": letters * 2 + digits, "V": letters}
    found, before, vowel = "", "", False
    for mark in pattern:
        place = mark.upper()
        if place not in pools:
            found += mark
            continue
        pool = pools["?"] if free and place != "V" else pools[place]
        if place == "V" and not free:
            vowel = not vowel if rng.random() < 0.85 else vowel
            pool = "".join(c for c in pool if (c in "AEIOUY") == vowel) or pool
        new = _next(rng, pool, before)
        before = new
        found += new.lower() if mark.islower() else new
    return tuple(found.split("/"))


def choose(rng: np.random.Generator) -> str:
    """A format's name by the formats' weights."""
    weights = np.array([style.weight for style in FORMATS.values()])
    return str(rng.choice(list(FORMATS), p=weights / weights.sum()))


def text(found: tuple[str, ...]) -> str:
    """What is to be read of a plate's lines: upper case, without gaps."""
    return "".join(c for line in found for c in line if c not in GAPS).upper()


def _next(rng: np.random.Generator, pool: str, before: str) -> str:
    """A character of the pool; now and then the one before again, or one that looks like it."""
    chance = rng.random()
    if before in pool and before and chance < RUN:
        return before
    if before and chance < RUN + TWIN:
        alike = [c for group in ALIKE if before in group for c in group if c in pool]
        if alike:
            return str(rng.choice(alike))
    return pool[int(rng.integers(len(pool)))]


def _gaps(rng: np.random.Generator, pattern: str) -> str:
    """The pattern with up to two gaps at random places of its lines."""
    for _ in range(int(rng.integers(3))):
        places = [k for k in range(1, len(pattern)) if pattern[k - 1] == pattern[k] == "?"]
        if places:
            at = int(rng.choice(places))
            pattern = pattern[:at] + str(rng.choice(list(" _-.:*"))) + pattern[at:]
    return pattern

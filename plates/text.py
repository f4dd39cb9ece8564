"""The text of a plate: one spelling for every data set, and how far two texts are apart."""

import math
import unicodedata
from itertools import pairwise

from rapidfuzz.distance import Levenshtein

LATIN = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CONTEST = "0123456789ABCEHKMOPTXY"

# The twelve letters of GOST R 50577 that look alike in both scripts.
_LOOK_ALIKES = str.maketrans("АВСЕНКМОРТХУ", "ABCEHKMOPTXY")  # noqa: RUF001
_FOLD = str.maketrans("OI", "01")
# Sums over all ways to write a text into the columns stay below exp of this in a float64.
_MOST_NATS = 700.0
# Unicode's classes of spaces, dashes and invisible characters, and the dots that plates carry.
_DROPPED_CLASSES = ("Z", "Cc", "Cf", "Pd")
_DROPPED = ".·•∙⋅"


def normalize(text: str, cyrillic: bool = True) -> str:
    """`text` in upper case without spaces, dashes, dots and middle dots.

    Full-width characters become plain ones (Unicode NFKC). With `cyrillic` the Cyrillic letters
    that look like Latin ones become those; all other characters stay, for `outside` to find.
    """
    plain = unicodedata.normalize("NFKC", text).upper()
    kept = "".join(
        character
        for character in plain
        if character not in _DROPPED
        and not unicodedata.category(character).startswith(_DROPPED_CLASSES)
    )
    return kept.translate(_LOOK_ALIKES) if cyrillic else kept


def outside(text: str, alphabet: str) -> str:
    """The characters of `text` that are not in `alphabet`, each once, in the order of `text`."""
    return "".join(dict.fromkeys(c for c in text if c not in alphabet))


def classes(text: str, alphabet: str) -> list[int]:
    """CTC's classes of `text`: `alphabet[i]` is class i + 1, and 0 is the blank.

    Raises:
        ValueError: a character is not in `alphabet`.
    """
    if strange := outside(text, alphabet):
        raise ValueError(f"{text!r} has characters outside the alphabet {alphabet}: {strange!r}")
    return [alphabet.index(c) + 1 for c in text]


def fold(text: str) -> str:
    """`text` with O as 0 and I as 1, which some countries' plates do not tell apart."""
    return text.translate(_FOLD)


def distance(a: str, b: str) -> int:
    """Levenshtein's distance: insertions, deletions and substitutions that make `b` of `a`."""
    return Levenshtein.distance(a, b)


def columns_needed(text: str) -> int:
    """The fewest columns in which CTC can write `text`: equal neighbours need a blank between.

    Graves et al. 2006, "Connectionist temporal classification", section 3.1.
    """
    return len(text) + sum(a == b for a, b in pairwise(text))


def most_columns(classes: int) -> int:
    """The most columns of so many classes, the blank included, that can be decoded.

    Scaled so that the best way to write a text has probability 1, all ways have at most
    classes ** columns, which a float64 must hold.
    """
    return int(_MOST_NATS / math.log(classes))

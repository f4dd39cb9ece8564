"""Texts that are nearly equal: the same plate may stand under two labels, one of them wrong.

Near are texts up to two characters apart from 7 characters on, one apart from 5 on (Levenshtein).
Shorter texts are so near each other by chance.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from triptych.lookalikes import components

MOST_PAIRED = 20_000
"""Texts two characters apart are looked for among so many: every pair is compared, which takes some
seconds."""
_SHORTEST = {1: 5, 2: 7}  # characters of the shorter one of two texts so many apart
_LARGEST = 0.02  # share of the texts that may hang together
_BLOCK = 2048


def by_text(names: Sequence[str]) -> tuple[np.ndarray, int]:
    """Group number [R] int of each of different texts, and how many characters apart near ones are.

    Near texts share a group, and so do pairs of pairs. Where more than 2 % of the texts (and more
    than 20) would hang together, as plates of few and crowded numbers do, near means one character
    apart, then none.
    """
    largest = max(20, round(_LARGEST * len(names)))
    for most, near in ((2, two_apart), (1, one_apart)):
        numbers = components(len(names), near(names))
        if len(names) == 0 or np.bincount(numbers).max() <= largest:
            return numbers, most if len(names) <= MOST_PAIRED else 1
    return np.arange(len(names)), 0


def near(texts: Iterable[str], others: Iterable[str], most: int) -> set[str]:
    """Those of `texts` that are equal to, or up to `most` (0 to 2) characters from, an other one.

    The text "" says that there is no plate, and is near nothing.
    """
    names, known = (sorted({*some} - {""}) for some in (texts, others))
    found = {*names} & {*known}
    # Equal texts alone are asked for where there are too many to compare every pair.
    for start in range(0, len(names) if known and most else 0, _BLOCK):
        some = names[start : start + _BLOCK]
        found.update(some[i] for i in np.flatnonzero(_near(some, known, most).any(axis=1)))
    return found


def one_apart(names: Sequence[str]) -> np.ndarray:
    """Pairs [P, 2] that join all texts one character apart: about as many as there are characters.

    Two texts differ in one place where they are equal without it; one of them has a character more
    where it is the other one without it.
    """
    known = {name: i for i, name in enumerate(names)}
    first: dict[tuple[int, str], int] = {}
    found = []
    for i, name in enumerate(names):
        if len(name) < _SHORTEST[1]:
            continue
        for place in range(len(name)):
            rest = name[:place] + name[place + 1 :]
            found.append((i, first.setdefault((place, rest), i)))
            if len(rest) >= _SHORTEST[1] and rest in known:
                found.append((i, known[rest]))
    return np.array(found, np.int64).reshape(-1, 2)


def two_apart(names: Sequence[str]) -> np.ndarray:
    """`one_apart`, and where there are not over `MOST_PAIRED` texts the pairs two apart."""
    found = [one_apart(names)]
    long = np.array([i for i, name in enumerate(names) if len(name) >= _SHORTEST[2]], np.int64)
    words = [names[i] for i in long]
    for start in range(0, len(words) if len(names) <= MOST_PAIRED else 0, _BLOCK):
        close = _near(words[start : start + _BLOCK], words[start:], 2)
        found.append(long[np.argwhere(close) + start])
    return np.concatenate(found)


def _near(some: list[str], others: list[str], most: int) -> np.ndarray:
    """Whether texts are equal or up to `most` (0 to 2) characters apart: bool [some, others]."""
    apart = cdist(some, others, scorer=Levenshtein.distance, score_cutoff=most, dtype=np.uint8)
    shorter = np.minimum.outer([len(name) for name in some], [len(name) for name in others])
    close = apart == 0
    for characters in range(1, most + 1):
        close |= (apart == characters) & (shorter >= _SHORTEST[characters])
    return close

"""Which crops must stand on one side of a split.

The same plate stands in several crops, and some of its labels have a wrong character.
"""

from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from triptych.lookalikes import components, pairs

SAME_PICTURE = 0.98
"""Correlation of thumbnails over which two crops are one picture, whatever their labels say."""
MOST_PAIRED = 20_000
"""Equal pictures, and texts two characters apart, are looked for among so many: every pair is
compared, which takes some seconds."""
_SHORTEST = {1: 5, 2: 7}  # characters; shorter texts are so near each other by chance
_LARGEST = 0.02  # share of the texts that may hang together
_BLOCK = 2048


def groups(texts: Sequence[str], thumbnails: np.ndarray | None = None) -> np.ndarray:
    """Group number [R] int of each crop; crops of one plate share it, as far as can be told.

    Together are crops of one text; of near-equal texts, that is up to two characters apart from 7
    characters on, one apart from 5 on (Levenshtein), and crops whose grey thumbnails [R, h, w] are
    equal but for brightness and noise; so are pairs of pairs. Where more than 2 % of the texts (and
    more than 20) would hang together, as plates of few and crowded numbers do, near means one
    character apart, then none. The text "" says that there is no plate: it joins nothing.

    Pictures do not tell more: on 3 171 real crops the most alike of two plates reached a
    correlation of 0.97, and crops of one plate under two labels lay anywhere from 0 to 0.98.

    Raises:
        ValueError: not as many thumbnails as texts.
    """
    count = len(texts)
    if thumbnails is not None and len(thumbnails) != count:
        raise ValueError(f"`thumbnails` must be {count}; received: {len(thumbnails)}")
    names = list(dict.fromkeys(text for text in texts if text))
    number = {name: i for i, name in enumerate(names)}
    by_text, _ = _by_text(names)
    # A crop without a text is a group of its own, until a picture joins it.
    start = np.arange(count) + len(names)
    for i, text in enumerate(texts):
        if text:
            start[i] = by_text[number[text]]
    _, start = np.unique(start, return_inverse=True)
    if thumbnails is None or count > MOST_PAIRED or not count:
        return start
    return components(int(start.max()) + 1, start[pairs(thumbnails, SAME_PICTURE)])[start]


def beside(
    texts: Sequence[str],
    thumbnails: np.ndarray,
    main: Sequence[str],
    held_out: np.ndarray,
    main_thumbnails: np.ndarray,
) -> tuple[np.ndarray, bool]:
    """Which crops [E] bool may show a plate of crops that are held out of `main`.

    `texts` and grey `thumbnails` [E, h, w] are of crops that take no part in the split; `main` and
    `main_thumbnails` [R, h, w] of those that do; `held_out` [V] int are positions in `main`. Near
    means what it means to `groups` of `main`, however many crops there are beside them. The second
    value is whether near texts and equal pictures were looked for, and not equal texts alone: so it
    is with up to `MOST_PAIRED` held out, and up to its square of pairs.
    """
    away = sorted({main[i] for i in held_out} - {""})
    found = np.isin(np.array(texts, object), np.array(away, object))
    if not 0 < len(held_out) <= MOST_PAIRED or len(texts) * len(held_out) > MOST_PAIRED**2:
        return found, not len(held_out)
    names = sorted({text for text in texts if text})
    _, most = _by_text(list(dict.fromkeys(text for text in main if text)))
    near: set[str] = set()
    for start in range(0, len(names) if away else 0, _BLOCK):
        some = names[start : start + _BLOCK]
        near.update(some[i] for i in np.flatnonzero(_near(some, away, most).any(axis=1)))
    found |= np.array([text in near for text in texts], bool)
    kept = main_thumbnails[held_out]
    # Blocks of both together: as many held-out pictures as others, or the held-out ones, which are
    # compared with each other again and again, would take most of the time.
    block = max(_BLOCK, len(kept))
    for start in range(0, len(texts), block):
        both = pairs(np.concatenate([kept, thumbnails[start : start + block]]), SAME_PICTURE)
        across = both[(both[:, 0] < len(kept)) & (both[:, 1] >= len(kept))]
        found[start + across[:, 1] - len(kept)] = True
    return found, True


def _near(some: list[str], others: list[str], most: int) -> np.ndarray:
    """Whether texts are equal or up to `most` (0 to 2) characters apart: bool [some, others]."""
    apart = cdist(some, others, scorer=Levenshtein.distance, score_cutoff=most, dtype=np.uint8)
    shorter = np.minimum.outer([len(name) for name in some], [len(name) for name in others])
    near = apart == 0
    for characters in range(1, most + 1):
        near |= (apart == characters) & (shorter >= _SHORTEST[characters])
    return near


def _by_text(names: list[str]) -> tuple[np.ndarray, int]:
    """Group number of each of different texts, and how many characters apart near ones are."""
    largest = max(20, round(_LARGEST * len(names)))
    for most, near in ((2, _two_apart), (1, _one_apart)):
        numbers = components(len(names), near(names))
        if len(names) == 0 or np.bincount(numbers).max() <= largest:
            return numbers, most if len(names) <= MOST_PAIRED else 1
    return np.arange(len(names)), 0


def _one_apart(names: list[str]) -> np.ndarray:
    """Pairs that join all texts one character apart: their number is linear in that of the texts.

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


def _two_apart(names: list[str]) -> np.ndarray:
    """`_one_apart`, and where there are not too many of them the pairs two apart."""
    found = [_one_apart(names)]
    long = np.array([i for i, name in enumerate(names) if len(name) >= _SHORTEST[2]], np.int64)
    words = [names[i] for i in long]
    for start in range(0, len(words) if len(names) <= MOST_PAIRED else 0, _BLOCK):
        near = _near(words[start : start + _BLOCK], words[start:], 2)
        found.append(long[np.argwhere(near) + start])
    return np.concatenate(found)

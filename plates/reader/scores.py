"""What a reader is judged by, from true texts and texts read.

Folded means that O counts as 0 and I as 1, on both sides (`text.fold`): countries whose plates do
not tell them apart are often judged so, and figures of the two kinds cannot be compared.
"""

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
import pandas as pd
from rapidfuzz.distance import Levenshtein

from plates.text import distance, fold

NOTHING = "-"
"""What stands for no character in tables and pictures; no normalized text has it."""


def summary(true: Sequence[str], found: Sequence[str]) -> dict[str, float]:
    """Scores of texts `found` [R] against `true` [R], as a dict.

    exact: share read without a mistake; distance: mean Levenshtein distance in characters, the
    contest's metric; cer: character error rate, the sum of distances over the sum of the true
    lengths (above 1 where much is read that is not there). The same with _folded.

    Raises:
        ValueError: the lengths differ, there are no texts, or all true ones are empty.
    """
    if len(true) != len(found) or not any(true):
        raise ValueError(
            "`true` and `found` must be as many texts, not all empty; "
            f"received: {len(true)} and {len(found)}"
        )
    scores = {}
    for ending, change in (("", str), ("_folded", fold)):
        pairs = [(change(t), change(f)) for t, f in zip(true, found, strict=True)]
        off = distances(*zip(*pairs, strict=True))
        scores[f"exact{ending}"] = float((off == 0).mean())
        scores[f"distance{ending}"] = float(off.mean())
        scores[f"cer{ending}"] = float(off.sum() / sum(map(len, true)))
    return scores


def distances(true: Sequence[str], found: Sequence[str]) -> np.ndarray:
    """Levenshtein distance [R] of every two texts, in characters."""
    return np.array([distance(t, f) for t, f in zip(true, found, strict=True)], int)


def by_part(parts: Sequence[object], true: Sequence[str], found: Sequence[str]) -> pd.DataFrame:
    """`summary` of every part of the crops, in sorted order; `parts` [R] says whose each is.

    Columns: part, crops, and those of `summary`.

    Raises:
        ValueError: as `summary`.
    """
    table = []
    for part, rows in pd.Series(range(len(true))).groupby(list(parts)):
        scores = summary([true[i] for i in rows], [found[i] for i in rows])
        table.append({"part": part, "crops": len(rows), **scores})
    return pd.DataFrame(table)


def align(true: str, found: str) -> list[tuple[str, str]]:
    """Characters (true, found) beside each other with the fewest mistakes.

    "" stands for a character that was left out or read where there is none.
    """
    pairs: list[tuple[str, str]] = []
    for step in Levenshtein.opcodes(true, found):
        left = true[step.src_start : step.src_end]
        pairs += zip_longest(left, found[step.dest_start : step.dest_end], fillvalue="")
    return pairs


def confusion(true: Sequence[str], found: Sequence[str], alphabet: str) -> np.ndarray:
    """Counts [C + 1, C + 1] of aligned characters: row = true one, column = the one read.

    The last row counts characters read where there is none, the last column those left out.

    Raises:
        ValueError: a character is not in `alphabet` (C characters).
    """
    counts = np.zeros((len(alphabet) + 1, len(alphabet) + 1), int)
    place = {character: i for i, character in enumerate(alphabet)} | {"": len(alphabet)}
    for t, f in zip(true, found, strict=True):
        if outside := set(t + f) - set(place):
            raise ValueError(f"`alphabet` must have every character; received: {min(outside)!r}")
        for pair in align(t, f):
            counts[place[pair[0]], place[pair[1]]] += 1
    return counts


def coverage(confidence: np.ndarray, right: np.ndarray, total: int) -> pd.DataFrame:
    """How many of `total` crops are answered, and how well, when a gate lets the surest through.

    `confidence` and `right` [R] are those of the crops that have an answer at all, R <= `total`.
    Columns: threshold (answered are those with at least this confidence), answered (share of
    `total`), precision (share of right answers among them); a row for each confidence that
    occurs, the highest first. The risk-coverage curve of El-Yaniv and Wiener (2010) is
    1 - precision over answered.

    Raises:
        ValueError: a confidence is NaN.
    """
    if np.isnan(confidence).any():
        raise ValueError("`confidence` must be numbers; received: NaN")
    order = np.argsort(-confidence, kind="stable")
    threshold, hits = confidence[order], np.cumsum(right[order])
    # Answers of one confidence pass a gate together.
    last = np.flatnonzero(np.append(threshold[1:] != threshold[:-1], len(threshold) > 0))
    return pd.DataFrame(
        {
            "threshold": threshold[last],
            "answered": (last + 1) / max(1, total),
            "precision": hits[last] / (last + 1),
        }
    )


def answerable(curve: pd.DataFrame, precision: float) -> tuple[float, float | None]:
    """The largest share answered with at least `precision`, and the threshold that does it.

    0 and None where no threshold does. The threshold is chosen on the very crops it is judged on,
    so on others expect a little less.

    Raises:
        ValueError: `precision` is not in (0, 1].
    """
    if not 0 < precision <= 1:
        raise ValueError(f"`precision` must be in (0, 1]; received: precision={precision}")
    good = curve[curve["precision"] >= precision]
    if good.empty:
        return 0.0, None
    return float(good["answered"].iloc[-1]), float(good["threshold"].iloc[-1])


def risk_area(curve: pd.DataFrame) -> float:
    """Area under the risk-coverage curve, in [0, 1]: 0 for a confidence that is never fooled.

    It judges a confidence without a threshold: of two for the same answers, the smaller is better.
    """
    steps = np.diff(curve["answered"], prepend=0.0)
    return float((steps * (1 - curve["precision"])).sum())

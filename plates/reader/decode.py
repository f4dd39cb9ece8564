"""From CTC's columns to a text, and how sure it is. Blank is class 0, alphabet[i] is class i + 1.

A text's probability is the sum over all ways to write it into the columns (Graves et al. 2006,
"Connectionist temporal classification"); `Reading.confidence` is that, exactly.

A character's confidence is P(text) over P(text) and all its rivals there: every text with another
character in this place, without it, or with one more beside it, each summed as exactly. It is never
below the confidence of the text; and where the columns' probabilities are true, it is
the share in which the character is right, given that the rest is.

Log-probabilities are natural logarithms, rows sum to 1. Up to 193 columns of 37
classes can be decoded: see `_checked`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from plates.reader.grammar import Grammar
from plates.text import most_columns

# Plates that are worked on together: more do not fit into a core's cache.
_CHUNK = 16
# The least probability of a text that a view is believed.
_LEAST = 1e-6

_Text = tuple[int, ...]


@dataclass(frozen=True)
class Reading:
    """What a plate says: text, confidence of each character, and of the whole text, all 0..1."""

    text: str
    characters: tuple[float, ...]
    confidence: float

    @property
    def weakest(self) -> float:
        """The least of `characters`; for the empty text its confidence."""
        return min(self.characters, default=self.confidence)


def greedy(log_probs: np.ndarray, alphabet: str) -> list[Reading]:
    """The texts of the best class in each column, from log-probabilities [B, T, C + 1].

    Raises:
        ValueError: another shape or alphabet, rows that do not sum to 1, or too many columns.
    """
    _checked(log_probs, 3, alphabet)
    best = log_probs.argmax(axis=-1)
    kept = best != 0
    kept[:, 1:] &= best[:, 1:] != best[:, :-1]
    place = kept.cumsum(axis=1)
    rows, columns = np.nonzero(kept)
    classes = np.zeros((len(best), int(place.max(initial=0)) + 1), np.int64)
    classes[rows, place[rows, columns] - 1] = best[rows, columns]
    return [
        reading
        for start in range(0, len(best), _CHUNK)
        for reading in _readings(
            log_probs[start : start + _CHUNK], classes[start : start + _CHUNK], alphabet
        )
    ]


def beam(
    log_probs: np.ndarray, alphabet: str, width: int = 16, grammar: Grammar | None = None
) -> Reading:
    """The most probable text that the search finds, from log-probabilities [T, C + 1].

    Prefix beam search (Hannun et al. 2014, "First-pass large vocabulary continuous speech
    recognition") that keeps `width` beginnings after each column. With a grammar only those that
    can still become one of its texts, in the columns left. The empty text is an answer too where
    no other that the grammar allows is more probable. Confidences do not know of the grammar: a
    text that was forced into it has a low one.

    Raises:
        ValueError: as for `greedy`; `width` is not positive, or the grammar's alphabet another.
    """
    _checked(log_probs, 2, alphabet)
    if width < 1:
        raise ValueError(f"`width` must be positive; received: width={width}")
    if grammar and grammar.alphabet != alphabet:
        raise ValueError(
            f"the grammar was made for the alphabet {grammar.alphabet}, the reader has {alphabet}"
        )
    log_probs = np.asarray(log_probs, np.float64)
    text, score = _search(log_probs, width, grammar)
    if log_probs[:, 0].sum() >= score:
        text = ()
    return _readings(log_probs[None], np.array([[*text, 0]]), alphabet)[0]


def log_probability(log_probs: np.ndarray, classes: Sequence[int]) -> float:
    """The log-probability of exactly this text, from log-probabilities [T, C + 1].

    CTC's forward algorithm (Graves et al. 2006, section 4.1), in logarithms: -inf where the text
    cannot be written into T columns.

    Raises:
        ValueError: another shape, or a class that is not 1..C.
    """
    if log_probs.ndim != 2 or not all(0 < c < log_probs.shape[1] for c in classes):
        raise ValueError(
            f"classes must be 1..C of log-probabilities [T, C + 1]; received: {list(classes)} "
            f"of shape={log_probs.shape}"
        )
    states = np.zeros(2 * len(classes) + 1, np.int64)
    states[1::2] = classes
    leap = np.full(len(states), -np.inf)
    leap[2:][(states[2:] != 0) & (states[2:] != states[:-2])] = 0
    leap[1:2] = 0
    # Two places before the first state, so that every state has two before it.
    sums = np.full(len(states) + 2, -np.inf)
    sums[1] = 0
    for column in np.asarray(log_probs, np.float64)[:, states]:
        steps = np.logaddexp(sums[2:], sums[1:-1])
        sums[2:] = np.logaddexp(steps, sums[:-2] + leap) + column
        sums[1] = -np.inf
    return float(np.logaddexp(sums[-1], sums[-2] if len(classes) else -np.inf))


def spell(log_probs: np.ndarray, texts: Sequence[str], alphabet: str) -> list[Reading]:
    """How sure given texts are, one for each of log-probabilities [B, T, C + 1].

    A text with a character that is not in the alphabet has confidence 0 in all.

    Raises:
        ValueError: as for `greedy`; not as many texts.
    """
    _checked(log_probs, 3, alphabet)
    known = {character: i + 1 for i, character in enumerate(alphabet)}
    classes = np.zeros((len(log_probs), max(map(len, texts), default=0) + 1), np.int64)
    for row, text in zip(classes, texts, strict=True):
        row[: len(text)] = [known.get(character, 0) for character in text]
    return [
        reading if set(text) <= set(alphabet) else Reading(text, (0.0,) * len(text), 0.0)
        for text, reading in zip(texts, _readings(log_probs, classes, alphabet), strict=True)
    ]


def average(candidates: Sequence[Sequence[Reading]]) -> Reading:
    """One answer of several views of a plate: the text that is most probable in all together.

    Each candidate is one text as `spell` finds it in every view. The mean of a text's
    log-probabilities decides; confidences are plain means over the views, so that they are on one
    scale whether the views agree or not. It is the texts that are put together, not the columns:
    in a view that is moved a little the characters fall into other columns, and where no two views
    agree on one, the blank would win.

    Raises:
        ValueError: there is no candidate.
    """
    if not candidates:
        raise ValueError("an average needs a candidate; received none")
    # No view alone can rule a text out.
    logs = [np.log(np.maximum([r.confidence for r in one], _LEAST)).mean() for one in candidates]
    best = candidates[int(np.argmax(logs))]
    characters = np.mean([reading.characters for reading in best], axis=0)
    confidence = float(np.mean([reading.confidence for reading in best]))
    return Reading(best[0].text, tuple(characters.tolist()), confidence)


def vote(readings: Sequence[Reading]) -> Reading:
    """One answer of several readings of one plate, whatever their columns were.

    The text with the largest sum of confidences; of equal ones the first. Confidences are means
    over all readings, in which one that disagrees (on this character; on the length) counts 0.

    Raises:
        ValueError: there is no reading.
    """
    if not readings:
        raise ValueError("a vote needs a reading; received none")
    sums: dict[str, float] = defaultdict(float)
    for reading in readings:
        sums[reading.text] += reading.confidence
    text = max(sums, key=lambda text: sums[text])
    agreed = [
        [c * (a == b) for a, b, c in zip(text, one.text, one.characters, strict=True)]
        for one in readings
        if len(one.text) == len(text)
    ]
    characters = tuple(sum(column) / len(readings) for column in zip(*agreed, strict=True))
    return Reading(text, characters, sums[text] / len(readings))


def gate(reading: Reading, least: float) -> Reading:
    """The reading, or an empty text where its weakest character is below `least` (0..1).

    The empty text keeps the confidence of the one that was refused.

    Raises:
        ValueError: `least` is not 0..1.
    """
    if not 0 <= least <= 1:
        raise ValueError(f"`least` must be 0..1; received: least={least}")
    return replace(reading, text="", characters=()) if reading.weakest < least else reading


def _checked(log_probs: np.ndarray, axes: int, alphabet: str) -> None:
    shape = log_probs.shape
    if len(shape) != axes or shape[-1] != len(alphabet) + 1 or 0 in shape[-2:]:
        wanted = ("[B, T, C + 1]" if axes == 3 else "[T, C + 1]") + f" with C={len(alphabet)}"
        raise ValueError(f"`log_probs` must be {wanted}; received: shape={shape}")
    if shape[-2] > most_columns(shape[-1]):
        raise ValueError(
            f"at most {most_columns(shape[-1])} columns of {shape[-1]} classes can be decoded; "
            f"received: shape={shape}"
        )
    # Also finds NaN.
    if not (np.abs(np.exp(log_probs).sum(axis=-1) - 1) < 0.02).all():
        raise ValueError("the rows of `log_probs` must be log-probabilities: exp of them sums to 1")


def _search(log_probs: np.ndarray, width: int, grammar: Grammar | None) -> tuple[_Text, float]:
    """The best text and its log-probability; ((), -inf) where the grammar leaves nothing."""
    texts: list[_Text] = [()]
    last: np.ndarray = np.zeros(1, np.int64)
    state: np.ndarray = np.zeros(1, np.int32)
    # Log-probabilities of each beginning, by whether the last column was a blank.
    blank, other = np.zeros(1), np.full(1, -np.inf)
    for left, column in zip(reversed(range(len(log_probs))), log_probs, strict=True):
        both = np.logaddexp(blank, other)
        grown = both[:, None] + column
        # The same class again is a new character only after a blank.
        grown[np.arange(len(texts)), last] = blank + column[last]
        blank, other = both + column[0], other + column[last]
        # What grows into another beginning that is here already goes on as that one.
        rows = {text: row for row, text in enumerate(texts)}
        for row, text in enumerate(texts):
            shorter = rows.get(text[:-1]) if text else None
            if shorter is not None:
                other[row] = np.logaddexp(other[row], grown[shorter, text[-1]])
                grown[shorter, text[-1]] = -np.inf
        # Class 0 stands for the beginning as it is, here and in `after`.
        grown[:, 0] = np.logaddexp(blank, other)
        if grammar:
            after = grammar.table[state]
            after[:, 0] = state
            grown[(after == grammar.DEAD) | (grammar.shortest[after] > left)] = -np.inf
        best = np.argpartition(-grown, min(width, grown.size) - 1, axis=None)[:width]
        row, klass = np.unravel_index(best[grown.flat[best] > -np.inf], grown.shape)
        texts = [
            (*texts[r], k) if k else texts[r]
            for r, k in zip(row.tolist(), klass.tolist(), strict=True)
        ]
        if not texts:
            return (), -np.inf
        blank = np.where(klass == 0, blank[row], -np.inf)
        other = np.where(klass == 0, other[row], grown[row, klass])
        last = np.where(klass == 0, last[row], klass)
        if grammar:
            state = after[row, klass]
    both = np.logaddexp(blank, other)
    return texts[both.argmax()], float(both.max())


def _readings(log_probs: np.ndarray, classes: np.ndarray, alphabet: str) -> list[Reading]:
    """The texts `classes` [B, N], padded by 0 with at least one, with their confidences.

    All sums over ways go forward from the first column and backward from the last; a rival is what
    comes before a place, one other class there, and what comes after. With probabilities scaled
    so that each column's best is 1, a text that is anywhere near the best way is far from 0.
    """
    lengths = (classes != 0).sum(axis=1)
    peaks = log_probs.max(axis=-1, keepdims=True)
    # float64 [B, T, C + 2]; the last class, of start and end and what is beyond, is never seen.
    probs = np.zeros((*log_probs.shape[:2], len(alphabet) + 2))
    np.exp(np.subtract(log_probs, peaks, dtype=np.float64), out=probs[..., :-1])
    states = _states(classes, lengths, probs.shape[-1] - 1)
    before, after = _sums(probs, states, lengths)
    rows = np.arange(len(classes))
    whole = before[-1, rows, 2 * lengths] + before[-1, rows, 2 * lengths + 1]
    rivals = _rivals(probs, classes, states, before, after)
    characters = np.divide(whole[:, None], rivals, out=np.zeros_like(rivals), where=rivals > 0)
    confidences = np.minimum(whole * np.exp(peaks.sum(axis=(1, 2), dtype=np.float64)), 1)
    return [
        Reading("".join(alphabet[c - 1] for c in text[:length]), tuple(sure[:length]), confidence)
        for text, length, sure, confidence in zip(
            classes.tolist(),
            lengths.tolist(),
            np.minimum(characters, 1).tolist(),
            confidences.tolist(),
            strict=True,
        )
    ]


def _states(classes: np.ndarray, lengths: np.ndarray, never: int) -> np.ndarray:
    """[B, S = 2 N + 3]: start, blank, first character, blank, ... last, blank, end, beyond."""
    count = classes.shape[1]
    states = np.full((len(classes), 2 * count + 3), never)
    states[:, 1::2] = np.where(np.arange(count + 1) <= lengths[:, None], 0, never)
    states[:, 2:-2:2] = np.where(classes == 0, never, classes)
    return states


def _sums(
    probs: np.ndarray, states: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`before` and `after` [T + 1, B, S]: sums over all ways that lead to, and from, a state.

    before[t] has t columns read, the last of them in this state; after[t] has the columns t.. to
    be read, the first of them in this state. Start has been read before the first column, and the
    end is after the last one.
    """
    emitted = probs.transpose(0, 2, 1)[np.arange(len(states))[:, None], states].transpose(0, 2, 1)
    # Backward is forward in the mirror, so one loop does both. It runs over one long row of states,
    # after two more at its front: nothing gets across, for start, end and beyond are never seen.
    emitted = np.stack([emitted, emitted[:, ::-1, ::-1]]).transpose(2, 0, 1, 3)
    both = np.stack([states, states[:, ::-1]])
    leaps = np.zeros(both.shape)
    leaps[..., 2:] = (both[..., 2:] != 0) & (both[..., 2:] != both[..., :-2])
    sums = np.zeros((len(emitted) + 1, 2 + both.size))
    shaped = sums[:, 2:].reshape(-1, *both.shape)
    shaped[0, 0, :, 0] = 1
    shaped[0, 1, np.arange(len(states)), both.shape[2] - 3 - 2 * lengths] = 1
    flat, step = leaps.ravel(), np.empty(both.size)
    # Cut outside the loop, which is what a single plate's time goes into.
    parts = sums[:-1, :-2], sums[:-1, 1:-1], sums[:-1, 2:], sums[1:, 2:]
    columns = emitted.reshape(len(emitted), -1)
    for leaping, walking, staying, now, column in zip(*parts, columns, strict=True):
        np.multiply(leaping, flat, out=step)
        step += walking
        step += staying
        np.multiply(step, column, out=now)
    return shaped[:, 0], shaped[::-1, 1, :, ::-1]


def _rivals(
    probs: np.ndarray,
    classes: np.ndarray,
    states: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
) -> np.ndarray:
    """[B, N]: the scaled probabilities of the text and its rivals at each character, summed."""
    count = classes.shape[1]
    others = np.arange(1, probs.shape[-1] - 1)
    # ways[t, b, g, c]: all ways into class c at column t, after g characters of the text.
    left = states[:, 0:-4:2, None]
    entries = before[:-1, :, 0:-4:2, None] * (left != others)
    ways = entries + before[:-1, :, 1:-3:2, None]
    columns = probs[:, :, 1:-1].transpose(1, 0, 2)[:, :, None, :].copy()
    ways[0] *= columns[0]
    for last, now, column in zip(ways, ways[1:], columns[1:], strict=False):
        now += last
        now *= column
    # And on from there: to the blank or the character beside this place, or those one further.
    onward = np.stack([after[1:, :, k : k + 2 * count - 1 : 2] for k in (1, 2, 3, 4)])
    sums = onward.transpose(2, 3, 0, 1) @ ways.transpose(1, 2, 0, 3)
    added = sums[:, :, 0] + sums[:, :, 1] * (states[:, 2:-2:2, None] != others)
    changed = sums[:, :, 2] + sums[:, :, 3] * (states[:, 4::2, None] != others)
    leap = states[:, 0:-4:2] != states[:, 4::2]
    entries = before[..., 1:-3:2] + before[..., 0:-4:2] * leap
    removed = np.einsum("tbn,tbn->bn", entries, after[..., 4::2])
    # The same class added after a character gives the text that it gives before: counted once.
    behind = (added[:, 1:] * (classes[:, :-1, None] != others)).sum(axis=-1)
    rivals = changed.sum(axis=-1) + removed + added.sum(axis=-1)
    rivals[:, :-1] += behind
    return rivals

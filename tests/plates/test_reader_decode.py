"""CTC decoding against the sum over all paths, PyTorch, and by hand."""

from collections import defaultdict
from itertools import groupby, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from plates.reader.decode import Reading, average, beam, gate, greedy, log_probability, spell, vote
from plates.reader.grammar import Grammar
from plates.text import LATIN, classes

ABC = "ABC"


def drawn(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Log-probabilities, from almost even to almost certain."""
    logits = rng.normal(0, rng.choice([0.5, 2, 6]), shape)
    return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)


def exact(log_probs: np.ndarray, alphabet: str = ABC) -> dict[str, float]:
    """The probability of every text, path by path."""
    texts: dict[str, float] = defaultdict(float)
    columns = range(len(log_probs))
    for path in product(range(log_probs.shape[1]), repeat=len(log_probs)):
        text = "".join(alphabet[k - 1] for k, _ in groupby(path) if k)
        texts[text] += float(np.exp(log_probs[columns, path].sum()))
    return texts


def rivals(text: str, place: int, alphabet: str = ABC) -> set[str]:
    """The text itself, and all with one edit of or beside the character at `place`."""
    before, after = text[:place], text[place + 1 :]
    changed = {before + c + after for c in ["", *alphabet]}
    added = {text[:at] + c + text[at:] for c in alphabet for at in (place, place + 1)}
    return changed | added


def written(text: str, columns: int, alphabet: str = LATIN, sure: float = 0.9) -> np.ndarray:
    """Log-probabilities of a text with a blank after each character."""
    probs = np.full((columns, len(alphabet) + 1), (1 - sure) / len(alphabet))
    path = np.zeros(columns, int)
    path[: 2 * len(text) : 2] = classes(text, alphabet)
    probs[np.arange(columns), path] = sure
    return np.log(probs)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_against_all_paths(seed: int, columns: int) -> None:
    log_probs = drawn(np.random.default_rng(seed), columns, 4)
    texts = exact(log_probs)
    assert sum(texts.values()) == pytest.approx(1)
    for text, probability in texts.items():
        found = log_probability(log_probs, classes(text, ABC))
        assert found == pytest.approx(np.log(probability), abs=1e-9)
    # Four equal characters need seven columns.
    assert log_probability(log_probs, [1] * 4) == -np.inf
    searched = beam(log_probs, ABC, width=400)
    assert texts[searched.text] == pytest.approx(max(texts.values()))
    best = log_probs.argmax(axis=-1)
    assert greedy(log_probs[None], ABC)[0].text == "".join(
        ABC[k - 1] for k, _ in groupby(best) if k
    )
    for reading in (searched, greedy(log_probs[None], ABC)[0]):
        assert reading.confidence == pytest.approx(texts[reading.text])
        assert len(reading.characters) == len(reading.text)
        for place, found in enumerate(reading.characters):
            others = sum(texts.get(text, 0) for text in rivals(reading.text, place))
            assert found == pytest.approx(texts[reading.text] / others)
        assert reading.confidence <= reading.weakest + 1e-12 <= 1 + 2e-12


@settings(max_examples=25)
@given(
    st.integers(0, 10**6), st.integers(1, 5), st.sampled_from(["{AB}[{C}]?", "?{A}?", "LL,LLLL"])
)
def test_a_grammar_against_all_paths(seed: int, columns: int, patterns: str) -> None:
    log_probs = drawn(np.random.default_rng(seed), columns, 4)
    grammar = Grammar.parse(patterns, ABC)
    allowed = {t: p for t, p in exact(log_probs).items() if not t or grammar.matches(t)}
    found = beam(log_probs, ABC, width=400, grammar=grammar)
    assert allowed[found.text] == pytest.approx(max(allowed.values()))
    narrow = beam(log_probs, ABC, width=2, grammar=grammar)
    assert narrow.text in allowed


def test_forward_is_that_of_torch() -> None:
    rng = np.random.default_rng(0)
    log_probs = drawn(rng, 40, 37)
    for text in ("A123BC77", "77777", "", "AAAAAAAAAAAAAAAAAAAA"):
        target = classes(text, LATIN)
        theirs = torch.nn.functional.ctc_loss(
            torch.tensor(log_probs)[:, None],
            torch.tensor([target], dtype=torch.long),
            [40],
            [len(target)],
            reduction="none",
        )
        assert -log_probability(log_probs, target) == pytest.approx(theirs.item(), rel=1e-9)


def test_a_batch_is_its_plates() -> None:
    """Texts of several lengths, more than are worked on together, in single precision too."""
    rng = np.random.default_rng(1)
    texts = ["", "7", "77777", "A123BC77", "Z" * 12] * 5
    log_probs = np.stack([written(text, 48, sure=rng.uniform(0.6, 0.99)) for text in texts])
    found = greedy(log_probs, LATIN)
    assert [reading.text for reading in found] == texts
    for one, reading, single in zip(
        log_probs, found, greedy(log_probs.astype(np.float32), LATIN), strict=True
    ):
        assert greedy(one[None], LATIN) == [reading]
        assert np.log(reading.confidence) == pytest.approx(
            log_probability(one, classes(reading.text, LATIN))
        )
        assert single.characters == pytest.approx(reading.characters, rel=1e-4)
        assert beam(one, LATIN).text == reading.text
    assert greedy(np.zeros((0, 48, 37)), LATIN) == []


def test_the_weakest_character_is_found() -> None:
    log_probs = written("A123BC77", 48, sure=0.999)
    log_probs[4] = np.log(np.full(37, 0.3 / 35))
    log_probs[4, classes("28", LATIN)] = np.log([0.6, 0.1])
    reading = greedy(log_probs[None], LATIN)[0]
    assert reading.text == "A123BC77"
    assert int(np.argmin(reading.characters)) == 2
    assert reading.weakest == pytest.approx(0.6, abs=0.05)
    assert min(reading.characters[:2] + reading.characters[3:]) > 0.9


def test_no_blank_between_equal_characters_is_seen() -> None:
    """ "77" with a doubtful gap is "7" as well, and both characters know it."""
    log_probs = np.log([[0.01, 0.98, 0.01], [0.55, 0.44, 0.01], [0.01, 0.98, 0.01]])
    reading = greedy(log_probs[None], "7A")[0]
    assert reading.text == "77"
    assert max(reading.characters) < 0.58


def test_beam_sums_paths_where_greedy_does_not() -> None:
    """Graves 2006, figure 2: two columns of 0.6 blank and 0.4 A say A with 0.64."""
    log_probs = np.log([[0.6, 0.4], [0.6, 0.4]])
    assert greedy(log_probs[None], "A")[0].text == ""
    assert greedy(log_probs[None], "A")[0].weakest == pytest.approx(0.36)
    assert beam(log_probs, "A").text == "A"
    assert beam(log_probs, "A").confidence == pytest.approx(0.64)


def test_the_grammar_decides_and_confidence_does_not_know() -> None:
    log_probs = written("AO12", 16, sure=0.9)
    grammar = Grammar.parse("LDDD", LATIN)
    forced = beam(log_probs, LATIN, grammar=grammar)
    assert grammar.matches(forced.text)
    assert forced.text[2:] == "12"
    assert forced.weakest < 0.01
    # What is no plate stays none, and where too few columns are left for any text too.
    assert beam(written("", 16), LATIN, grammar=grammar).text == ""
    assert beam(written("A1", 3), LATIN, grammar=grammar).text == ""


def test_longest_and_surest() -> None:
    assert len(greedy(np.full((1, 180, 37), -np.log(37)), LATIN)[0].text) == 0
    certain = np.full((1, 180, 37), -np.inf)
    certain[0, np.arange(180), np.arange(180) % 2] = 0
    reading = greedy(certain, LATIN)[0]
    assert reading == Reading("0" * 90, (1.0,) * 90, 1.0)
    assert beam(certain[0], LATIN) == reading


def test_spell_is_what_was_read_and_a_foreign_character_is_never_there() -> None:
    log_probs = drawn(np.random.default_rng(3), 5, 7, 3)
    read = greedy(log_probs, "AB")
    assert spell(log_probs, [r.text for r in read], "AB") == read
    text = Reading("AZ", (0.0, 0.0), 0.0)
    assert spell(log_probs[:1], ["AZ"], "AB") == [text]
    for one, row in zip(spell(log_probs, ["BA"] * len(log_probs), "AB"), log_probs, strict=True):
        assert one.confidence == pytest.approx(np.exp(log_probability(row, [2, 1])))


def test_average_by_hand() -> None:
    """Two views of A, each in a column of its own: column by column the blank would win."""
    views = np.log(np.array([[[0.1, 0.9], [0.9, 0.1]], [[0.9, 0.1], [0.1, 0.9]]]))
    candidates = [spell(views, [text] * 2, "A") for text in ("", "A")]
    found = average(candidates)
    assert found.text == "A"
    assert found.confidence == pytest.approx(1 - 0.09)
    # The mean of logarithms: a view that all but rules a text out weighs more than in a vote.
    sure, unsure = Reading("A", (0.9,), 0.9), Reading("A", (0.01,), 0.01)
    even = [Reading("B", (0.4,), 0.4), Reading("B", (0.4,), 0.4)]
    assert average([[sure, unsure], even]).text == "B"
    assert average([[sure, unsure], even]).confidence == pytest.approx(0.4)
    # Confidences are the plain mean, whether there was another candidate or not.
    half = Reading("A", (0.7,), 0.5)
    for others in ([], [[Reading("B", (0.1,), 0.1)] * 2]):
        assert average([[sure, half], *others]) == Reading("A", (0.8,), 0.7)
    nothing = Reading("", (), 0.9)
    assert average([[nothing, nothing]]) == nothing
    with pytest.raises(ValueError, match="needs a candidate"):
        average([])


def test_vote() -> None:
    a = Reading("A1", (0.9, 0.8), 0.7)
    b = Reading("B1", (0.6, 0.5), 0.4)
    c = Reading("A", (1.0,), 0.5)
    found = vote([b, a, b, a])
    assert found.text == "A1"
    assert found.characters == pytest.approx((0.45, 0.65))
    assert found.confidence == pytest.approx(0.35)
    assert vote([a, c]).characters == (0.45, 0.4)
    assert vote([a]) == a
    assert vote([Reading("", (), 0.9), a]) == Reading("", (), 0.45)
    with pytest.raises(ValueError, match="received none"):
        vote([])


def test_gate() -> None:
    reading = Reading("A1", (0.9, 0.8), 0.7)
    assert reading.weakest == 0.8
    assert gate(reading, 0.8) is reading
    assert gate(reading, 0.81) == Reading("", (), 0.7)
    assert gate(Reading("", (), 0.7), 1.0).weakest == 0.7
    with pytest.raises(ValueError, match=r"`least` must be 0..1; received: least=95"):
        gate(reading, 95)


def test_refusals() -> None:
    log_probs = written("A1", 8)
    with pytest.raises(
        ValueError, match=r"must be \[B, T, C \+ 1\] with C=36; received.*\(8, 37\)"
    ):
        greedy(log_probs, LATIN)
    with pytest.raises(ValueError, match=r"must be \[T, C \+ 1\] with C=3; received"):
        beam(log_probs, ABC)
    with pytest.raises(ValueError, match=r"received: shape=\(2, 0, 37\)"):
        greedy(np.zeros((2, 0, 37)), LATIN)
    with pytest.raises(ValueError, match="exp of them sums to 1"):
        greedy(np.exp(log_probs)[None], LATIN)
    with pytest.raises(ValueError, match="exp of them sums to 1"):
        beam(np.where(np.arange(8)[:, None] == 3, np.nan, log_probs), LATIN)
    with pytest.raises(ValueError, match="at most 193 columns of 37 classes"):
        greedy(np.full((1, 200, 37), -np.log(37)), LATIN)
    with pytest.raises(ValueError, match="received: width=0"):
        beam(log_probs, LATIN, width=0)
    with pytest.raises(ValueError, match="the grammar was made for the alphabet ABC"):
        beam(log_probs, LATIN, grammar=Grammar.parse("L", ABC))
    with pytest.raises(ValueError, match=r"classes must be 1..C .* received: \[0, 4\]"):
        log_probability(log_probs[:, :4], [0, 4])

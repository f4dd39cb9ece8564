"""Patterns of plates, by hand and against a plain regular expression."""

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates.reader.grammar import GRAMMARS, Grammar, require_fits
from plates.text import CONTEST, LATIN

REAL = {
    "ru": ("A123BC77", "A123BC777", "AB12377", "1234AB77", "AB123477"),
    "br": ("GNF3490", "BRA2E19"),
    "ar": ("HML050", "AB023IG", "382EMY", "A117UDC"),
    "vn": ("68H74213", "29T200882", "60BZ23567", "30Z0751"),
    "cz": ("9B49365", "2SZ4642", "ABC1234"),
    "hr": ("ZG862NS", "ZG1036AG", "ZG6123J", "VU253H"),
}


def test_every_named_grammar_knows_real_plates() -> None:
    assert set(REAL) == set(GRAMMARS)
    for name, texts in REAL.items():
        grammar = Grammar.parse(name, LATIN)
        assert require_fits(grammar, texts) == ""
        assert not any(grammar.matches(text[:-3]) or grammar.matches(text + "0A") for text in texts)
        # The contest's narrower alphabet will do as well.
        Grammar.parse(name, CONTEST)
    assert not Grammar.parse("ru", LATIN).matches("D123BC77")
    assert not Grammar.parse("cz", LATIN).matches("9O49365")


@settings(max_examples=30)
@given(
    st.lists(
        st.sampled_from(["D", "L", "?", "{1A}", "[D]", "[L[D]]", "[{B}?]"]), min_size=1, max_size=4
    )
)
def test_as_a_regular_expression(parts: list[str]) -> None:
    """On all texts of up to four characters: both whole and as beginnings of longer ones."""
    alphabet = "12AB"
    pattern = "".join(parts) + "D"
    grammar = Grammar.parse(pattern, alphabet)
    signs = {"{": "[", "}": "]", "[": "(", "]": ")?", "D": "[12]", "L": "[AB]", "?": "."}
    expression = re.compile("".join(signs.get(sign, sign) for sign in pattern))
    texts = ["".join(t) for n in range(5) for t in product(alphabet, repeat=n)]
    fits = {text for text in texts if expression.fullmatch(text)}
    assert {text for text in texts if grammar.matches(text)} == fits
    for text in fits:
        assert all(grammar.prefix(text[:n]) for n in range(len(text) + 1))
    # Every state can still become a text, in as many characters as `shortest` says.
    if fits:
        assert grammar.shortest[grammar.START] == min(map(len, fits))
    for state in range(len(grammar.table)):
        after = [grammar.step(state, klass) for klass in range(1, 5)]
        left = [grammar.shortest[s] for s in after if s != grammar.DEAD]
        assert grammar.accepts(state) or grammar.shortest[state] == 1 + min(left)


def test_steps_by_hand() -> None:
    grammar = Grammar.parse("LD, LDD", "1A")
    letter = grammar.step(grammar.START, 2)
    assert grammar.step(grammar.START, 1) == grammar.DEAD
    assert not grammar.accepts(letter)
    digit = grammar.step(letter, 1)
    assert grammar.accepts(digit)
    assert grammar.accepts(grammar.step(digit, 1))
    assert grammar.shortest.tolist() == [2, 1, 0, 0]
    assert (grammar.table[:, 0] == grammar.DEAD).all()
    assert grammar.prefix("")
    assert not grammar.matches("")
    assert not grammar.prefix("A?")


def test_several_patterns() -> None:
    for patterns in ("DDD,br", "DDD br", ["DDD", "br"]):
        grammar = Grammar.parse(patterns, LATIN)
        assert [grammar.matches(t) for t in ("123", "GNF3490", "12", "HML050")] == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "a grammar needs a pattern, such as LDDDLL; received: ''"),
        ("LD]", r"'LD\]' is no pattern of a plate: `\]` at place 3 has no `\[`"),
        ("[LD", r"`\[` is never closed"),
        ("L{AB", "`{` at place 2 is never closed"),
        ("[D][L]", "it would allow the empty text"),
        ("LxD", r"'x' at place 2 is none of D, L, \?.*named sets are ar, br, cz, hr, ru, vn"),
        ("D{}", "no character of the alphabet .* can stand for {}"),
        ("D{ЖЙ}", "can stand for {ЖЙ}"),
        ("[D][L]" * 10 + "D", "more than 4096 forms"),
    ],
)
def test_refusals(pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Grammar.parse(pattern, LATIN)


def test_no_letter_in_the_alphabet() -> None:
    with pytest.raises(ValueError, match="no character of the alphabet 0123 can stand for L"):
        Grammar.parse("LD", "0123")


def test_what_share_fits() -> None:
    grammar = Grammar.parse("LDD", LATIN)
    assert require_fits(grammar, ["A12", "", "B34"]) == ""
    remark = require_fits(grammar, ["A12", "", "B3", "C5", "B3"])
    assert remark.startswith("3 of 4 texts (75.0%) do not fit")
    assert remark.endswith("for example: B3, C5")
    with pytest.raises(ValueError, match="none of 2 texts fits the grammar; for example: 12A, B"):
        require_fits(grammar, ["12A", "B"])
    assert require_fits(grammar, []) == ""

"""What a plate can say: patterns, compiled to a table that the beam walks.

A pattern is written with `D` (any digit of the alphabet), `L` (any letter), `?` (any character),
`{ABC}` (one of these, so `{R}` is the letter R itself) and `[..]` (this part may be missing; it may
contain another). Several patterns stand apart by commas or spaces, and a country's name stands for
its patterns in `GRAMMARS`: "ru", "br,ar", "LDDDLL, hr".
"""

from collections.abc import Sequence

import numpy as np

# Ordinary plates of cars and motorcycles; diplomatic, military and personal ones are left out.
# Sources: Wikipedia, "Vehicle registration plates of ..." (and ru: GOST R 50577).
# ru: cars; buses, taxis and trailers; motorcycles. The twelve letters that both scripts have, and
#     a region of two or three digits at the end.
# br: 1990, and Mercosul from 2018.
# ar: 1995 and Mercosur from 2016, each for cars and for motorcycles.
# vn: province, one or two letters (motorcycles: or a letter and a digit), four or five digits.
# cz: from 2001, the region's letter in the second place, no G, O, Q, W; and before.
# hr: place, three or four digits, one or two letters; diacritics are written without.
_RU = "{ABEKMHOPCTYX}"
_CZ = "{ABCDEFHIJKLMNPRSTUVXYZ}"
_VN = "{ABCDEFGHKLMNPRSTUVXYZ}"
GRAMMARS = {
    "ru": (f"{_RU}DDD{_RU}{_RU}DD[D]", f"{_RU}{_RU}DDDDD[D][D]", f"DDDD{_RU}{_RU}DD[D]"),
    "br": ("LLLDDDD", "LLLDLDD"),
    "ar": ("LLLDDD", "DDDLLL", "LLDDDLL", "LDDDLLL"),
    "vn": (f"DD{_VN}[{_VN}]DDDD[D]", f"DD{_VN}DDDDD[D]"),
    "cz": (f"D{_CZ}[{_CZ}]DDDD", f"D{_CZ}DDDDD", "LLLDDDD"),
    "hr": ("LLDDD[D]L[L]",),
}

# Optional parts double the texts' forms; nobody's plates have more of them than this.
_MOST_FORMS = 4096

# What is still to come, for each form that fits so far: one set of classes a character.
_Form = tuple[frozenset[int], ...]


class Grammar:
    """The texts that patterns allow, as a finite automaton over CTC's classes 1..C.

    States are whole numbers and `START` is the first; every state can still become an allowed
    text. `table` int32 [S, C + 1] has the state after each class, `DEAD` where none is (and in
    column 0, the blank); `shortest` int32 [S] how many characters must at least follow, so 0
    where the text may end.
    """

    START = 0
    DEAD = -1

    def __init__(self, forms: Sequence[_Form], alphabet: str) -> None:
        """From forms as `parse` makes them: use that."""
        self.alphabet = alphabet
        # Subset construction: a state is the set of what may still come.
        states = {frozenset(forms): self.START}
        rows, pending = [], [frozenset(forms)]
        for state in pending:
            row = np.full(len(alphabet) + 1, self.DEAD, np.int32)
            for klass in sorted(frozenset().union(*(form[0] for form in state if form))):
                after = frozenset(form[1:] for form in state if form and klass in form[0])
                if after not in states:
                    states[after] = len(states)
                    pending.append(after)
                row[klass] = states[after]
            rows.append(row)
        self.table = np.stack(rows)
        self.shortest = np.array([min(map(len, state)) for state in pending], np.int32)

    @classmethod
    def parse(cls, patterns: str | Sequence[str], alphabet: str) -> "Grammar":
        """From patterns, or names of `GRAMMARS`, see this module.

        Characters of `{..}` outside the alphabet are never read, and so left out.

        Raises:
            ValueError: no pattern; an unknown name or sign; a bracket left open or without its
                partner; a place that no character of the alphabet can take; a pattern that allows
                the empty text, or has too many forms.
        """
        words = patterns if isinstance(patterns, str) else " ".join(patterns)
        forms: list[_Form] = []
        for word in words.replace(",", " ").split():
            for pattern in GRAMMARS.get(word, (word,)):
                forms += _forms(pattern, alphabet)
        if not forms:
            raise ValueError(f"a grammar needs a pattern, such as LDDDLL; received: {patterns!r}")
        return cls(forms, alphabet)

    def step(self, state: int, klass: int) -> int:
        """The state after one more character, or `DEAD`; `klass` 1..C is alphabet[klass - 1]."""
        return int(self.table[state, klass])

    def accepts(self, state: int) -> bool:
        """Whether the text may end in this state."""
        return bool(self.shortest[state] == 0)

    def matches(self, text: str) -> bool:
        """Whether `text` is allowed, whole. The empty text never is."""
        state = self._after(text)
        return state != self.DEAD and self.accepts(state)

    def prefix(self, text: str) -> bool:
        """Whether `text` is, or can become by more characters at its end, an allowed text."""
        return self._after(text) != self.DEAD

    def _after(self, text: str) -> int:
        state = self.START
        for character in text:
            klass = self.alphabet.find(character) + 1
            # A character outside the alphabet has class 0 here, where the table is dead.
            state = self.step(state, klass)
            if state == self.DEAD:
                break
        return state


def require_fits(grammar: Grammar, texts: Sequence[str]) -> str:
    """A remark on the share of `texts` that `grammar` does not allow; "" where it allows all.

    Empty texts, of what is no plate, do not count.

    Raises:
        ValueError: no text fits.
    """
    texts = [text for text in texts if text]
    others = [text for text in texts if not grammar.matches(text)]
    if not others:
        return ""
    examples = ", ".join(list(dict.fromkeys(others))[:3])
    if len(others) == len(texts):
        raise ValueError(f"none of {len(texts)} texts fits the grammar; for example: {examples}")
    share = len(others) / len(texts)
    return (
        f"{len(others)} of {len(texts)} texts ({share:.1%}) do not fit the grammar and cannot be "
        f"read with it; for example: {examples}"
    )


def _forms(pattern: str, alphabet: str) -> list[_Form]:
    """All forms of one pattern: with and without each optional part."""
    bad = f"{pattern!r} is no pattern of a plate: "
    # One list of forms for each bracket that is open.
    stack: list[list[_Form]] = [[()]]
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "[":
            stack.append([()])
        elif sign == "]":
            if len(stack) == 1:
                raise ValueError(f"{bad}`]` at place {at + 1} has no `[`")
            part = stack.pop()
            stack[-1] = list(dict.fromkeys(a + b for a in stack[-1] for b in ((), *part)))
            if len(stack[-1]) > _MOST_FORMS:
                raise ValueError(f"{bad}more than {_MOST_FORMS} forms")
        else:
            end = pattern.find("}", at) if sign == "{" else at
            if end < 0:
                raise ValueError(f"{bad}`{{` at place {at + 1} is never closed")
            place = _place(pattern[at : end + 1], alphabet)
            if place is None:
                raise ValueError(
                    f"{bad}{sign!r} at place {at + 1} is none of D, L, ?, [..] and {{ABC}}; "
                    f"named sets are {', '.join(sorted(GRAMMARS))}"
                )
            if not place:
                raise ValueError(
                    f"{bad}no character of the alphabet {alphabet} can stand for "
                    f"{pattern[at : end + 1]}"
                )
            stack[-1] = [(*form, place) for form in stack[-1]]
            at = end
        at += 1
    if len(stack) > 1:
        raise ValueError(f"{bad}`[` is never closed")
    if () in stack[0]:
        raise ValueError(f"{bad}it would allow the empty text")
    return stack[0]


def _place(sign: str, alphabet: str) -> frozenset[int] | None:
    """The classes that can stand for one sign, or for one `{..}`; None for an unknown sign."""
    if sign.startswith("{"):
        chosen = set(sign[1:-1])
    elif sign == "D":
        chosen = {character for character in alphabet if character.isdigit()}
    elif sign == "L":
        chosen = {character for character in alphabet if character.isalpha()}
    elif sign == "?":
        chosen = set(alphabet)
    else:
        return None
    return frozenset(i + 1 for i, character in enumerate(alphabet) if character in chosen)

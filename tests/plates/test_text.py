"""One spelling for every data set, by hand and as properties."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates.text import CONTEST, LATIN, classes, columns_needed, distance, fold, normalize, outside


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("а123вс 77", "A123BC77"),  # noqa: RUF001
        ("АВСЕНКМОРТХУ", "ABCEHKMOPTXY"),  # noqa: RUF001
        ("zg 862–ns", "ZG862NS"),  # noqa: RUF001
        ("29-T1\u00a0200.82", "29T120082"),
        ("GNF·3490\r\n", "GNF3490"),
        ("\ufeffＡＢ１２", "AB12"),  # noqa: RUF001
        ("Ж1_?", "Ж1_?"),
        ("", ""),
    ],
)
def test_one_spelling(raw: str, plain: str) -> None:
    assert normalize(raw) == plain


def test_cyrillic_stays_where_it_is_wanted() -> None:
    assert normalize("а1", cyrillic=False) == "А1"  # noqa: RUF001
    assert outside(normalize("а1ж1", cyrillic=False), LATIN) == "АЖ"  # noqa: RUF001


@settings(max_examples=40)
@given(st.text(alphabet=LATIN), st.lists(st.sampled_from(" -.·–\t"), max_size=5))  # noqa: RUF001
def test_what_is_plain_stays_and_signs_go(text: str, signs: list[str]) -> None:
    assert normalize(text) == text
    assert normalize("".join(signs) + text.lower() + "".join(signs)) == text


def test_the_contest_has_no_other_letters() -> None:
    assert normalize(CONTEST) == CONTEST
    assert outside(CONTEST, LATIN) == ""
    assert outside("ZA1ZW", CONTEST) == "ZW"


def test_classes() -> None:
    assert classes("0BB", "0AB") == [1, 3, 3]
    with pytest.raises(ValueError, match="'0X' has characters outside the alphabet 0AB: 'X'"):
        classes("0X", "0AB")


def test_fold_and_distance() -> None:
    assert fold("OI0QB8") == "010QB8"
    assert distance("77777", "7777") == 1
    assert distance("A123BC77", "A132BC7") == 3
    assert distance("", "ABC") == 3


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("A", 1), ("AB", 2), ("AAB", 4), ("777", 5)]
)
def test_equal_neighbours_need_a_blank(text: str, columns: int) -> None:
    assert columns_needed(text) == columns

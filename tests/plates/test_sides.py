"""Which side of a run's split a sample is on: by what it is, and by its name where that tells."""

from dataclasses import dataclass

import pytest

from plates import sides


@dataclass(frozen=True)
class Named:
    """As little as a sample needs."""

    name: str


SAMPLES = [Named(name) for name in "abc"]
DIGESTS = ["aa", "bb", "cc"]


def split_of(training: str, validation: str) -> dict[str, sides.Place]:
    """A sample's digest is its name twice."""
    named = {name: sides.Place("training", 2 * name) for name in training}
    return named | {name: sides.Place("validation", 2 * name) for name in validation}


def test_on_the_side_of_every_split() -> None:
    first, second = split_of("c", "ab"), split_of("ac", "b")
    both = sides.choose(SAMPLES, DIGESTS, [first, second], None, "crops")
    assert both == (SAMPLES[1:2], "validation")
    learned = sides.choose(SAMPLES, DIGESTS, [first], "training", "crops")
    assert learned == (SAMPLES[2:], "training")
    assert sides.choose(SAMPLES, DIGESTS, [], None, "crops") == (SAMPLES, "all")
    with pytest.raises(ValueError, match="none of the 3 crops is on the run's validation side"):
        sides.choose(SAMPLES, DIGESTS, [split_of("abc", "")], "validation", "crops")
    with pytest.raises(ValueError, match="none of the 3 photographs is on every run's training"):
        sides.choose(SAMPLES, DIGESTS, [first, {}], "training", "photographs")


def test_a_sample_is_found_by_what_it_is() -> None:
    """One of three was mended; other data of the same names, and the same data by other names."""
    split = split_of("c", "ab")
    mended = sides.choose(SAMPLES, ["aa", "new", "cc"], [split], None, "crops")
    assert mended == (SAMPLES[:2], "validation")
    others = ["1", "2", "3"]
    with pytest.raises(ValueError, match="these photographs have names that the run was trained w"):
        sides.choose(SAMPLES, others, [split], None, "photographs")
    assert sides.choose(SAMPLES, others, [split], "all", "crops") == (SAMPLES, "all")
    assert sides.where(["a", "b", "c"], others, split) == ["", "", ""]
    assert sides.where(["x", "y"], ["cc", "aa"], split) == ["training", "validation"]


def test_what_judges_quantizing_calibrates_nothing() -> None:
    """The sides of a split where it tells of the samples; without, a part of all is taken out."""
    split = split_of("ac", "b")
    assert sides.trial(SAMPLES, DIGESTS, [split], "crops") == (SAMPLES[1:2], SAMPLES[::2])
    many = [Named(str(number)) for number in range(2000)]
    judged, others = sides.trial(many, [""] * 2000, [], "crops")
    assert (len(judged), len(others)) == (1000, 100)
    assert {one.name for one in judged} & {one.name for one in others} == set()
    assert others[1].name == "20"
    assert int(judged[-1].name) > 1990
    judged, others = sides.trial(many[:3], [""] * 3, [], "crops")
    assert (judged, others) == (many[1:3], many[:1])
    with pytest.raises(ValueError, match="2 crops at least are needed"):
        sides.trial(many[:1], [""], [], "crops")

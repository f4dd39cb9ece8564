from collections import Counter
from itertools import pairwise

import cv2
import numpy as np
import pytest

from plates.drawing import fonts, formats, plate
from plates.drawing.formats import FORMATS
from plates.text import CONTEST, LATIN

ALIKE = {frozenset("0O"), frozenset("1I")}  # on some real plates they are one shape


@pytest.mark.parametrize("alphabet", [LATIN, CONTEST, "0123456789", "AB"])
def test_text_keeps_to_the_alphabet_and_to_its_lines(alphabet: str) -> None:
    rng = np.random.default_rng(1)
    for kind in FORMATS:
        for _ in range(8):
            found = formats.lines(rng, kind, alphabet)
            text = formats.text(found)
            assert set(text) <= set(alphabet)
            assert 3 <= len(text) <= 9
            assert len(found) == (2 if kind.endswith("2") else 1)
            assert all(formats.text((line,)) for line in found)


def test_characters_are_balanced() -> None:
    rng = np.random.default_rng(2)
    count: Counter[str] = Counter()
    repeated = 0
    for _ in range(2000):
        text = formats.text(formats.lines(rng, formats.choose(rng), LATIN))
        count.update(text)
        repeated += any(a == b for a, b in pairwise(text))
    digits = [count[c] for c in LATIN[:10]]
    letters = [count[c] for c in LATIN[10:]]
    assert max(digits) < 1.3 * min(digits)
    assert max(letters) < 1.7 * min(letters)
    assert max(digits) < 5 * min(letters)
    assert 700 < repeated < 1600


def test_patterns_are_kept_mostly_and_broken_often() -> None:
    rng = np.random.default_rng(3)
    texts = [formats.text(formats.lines(rng, "fr", LATIN)) for _ in range(400)]
    kept = sum(t[2:5].isdigit() and t[:2].isalpha() and t[5:].isalpha() for t in texts) / 400
    assert 0.72 < kept < 0.88


@pytest.mark.parametrize("font", [0, 97, 201, 319, *range(fonts.FACES, fonts.FACES + 32, 5)])
def test_glyphs_of_a_font_differ(font: int) -> None:
    size = (20, 30)
    small = np.stack([cv2.resize(fonts.glyph(font, c), size) for c in LATIN]).astype(float)
    for a in range(len(LATIN)):
        for b in range(a):
            if {LATIN[a], LATIN[b]} not in ALIKE:
                far = np.abs(small[a] - small[b]).mean()
                assert far > 3, (font, LATIN[b], LATIN[a], far)


def test_unknown_characters_have_no_glyph() -> None:
    with pytest.raises(KeyError):
        fonts.glyph(0, "Ä")
    with pytest.raises(KeyError):
        fonts.glyph(fonts.FACES, "a")


@pytest.mark.parametrize("kind", FORMATS)
def test_boxes_hold_the_characters(kind: str) -> None:
    for seed in range(2):
        flat = plate.draw(np.random.default_rng([5, seed]), kind)
        height, width = flat.image.shape[:2]
        assert flat.image.dtype == np.uint8
        assert plate.HEIGHTS[0] <= height <= 200
        assert width >= height
        assert len(flat.characters) == len(flat.text)
        assert flat.rows == 1 + kind.endswith("2")
        for x0, y0, x1, y1 in flat.characters:
            assert 0 <= x0 < x1 <= width
            assert 0 <= y0 < y1 <= height
            cut = flat.image[int(y0) : int(y1), max(int(x0) - 3, 0) : int(x1) + 3]
            assert np.ptp(cut.astype(int).sum(2)) > 60
        middles = [(y0 + y1) / 2 for _, y0, _, y1 in flat.characters]
        falls = [k for k in range(1, len(middles)) if middles[k] - middles[k - 1] > 0.25 * height]
        assert len(falls) == flat.rows - 1
        left = [x0 for x0, *_ in flat.characters]
        for line in np.split(np.array(left), falls):
            assert (np.diff(line) > 0).all()


def test_a_seed_draws_the_same_plate() -> None:
    a, b, other = (plate.draw(np.random.default_rng(s)) for s in (6, 6, 7))
    assert np.array_equal(a.image, b.image)
    assert a.text == b.text
    assert a.characters == b.characters
    assert a.text != other.text


def test_bad_requests() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="received: kind=mars"):
        plate.draw(rng, "mars")
    with pytest.raises(ValueError, match="received: alphabet=abc"):
        plate.draw(rng, "eu", "abc")
    with pytest.raises(ValueError, match="must not be empty"):
        plate.draw(rng, "eu", "")

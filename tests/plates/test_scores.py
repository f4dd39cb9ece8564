"""`plates.scores`: texts of photographs, and why a plate went wrong, worked by hand."""

from pathlib import Path

import numpy as np
import pytest

from plates import scores
from plates.detector.records import Sample
from plates.pipeline import Found
from plates.reader.decode import Reading


def box(left: float, top: float = 0.0) -> np.ndarray:
    right, bottom = left + 100, top + 20
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def sample(*plates: tuple[np.ndarray, str]) -> Sample:
    quads = tuple(tuple((float(x), float(y)) for x, y in corners) for corners, _ in plates)
    return Sample(Path(), "0.jpg", quads, tuple(text for _, text in plates))


def found(corners: np.ndarray, text: str, score: float = 0.9) -> Found:
    return Found(corners, score, Reading(text, (0.9,) * len(text), 0.8))


def test_texts_of_a_photograph() -> None:
    """From left to right, whatever their order in the file; what reads as nothing is left out."""
    given = sample((box(300), "вс 22"), (box(0), "AA-11"))
    assert scores.truth(given) == "AA11 BC22"
    assert scores.truth(given, cyrillic=False) == "AA11 ВС22"  # noqa: RUF001
    assert scores.truth(sample((box(0), "A1"), (box(300), ""))) is None
    assert scores.truth(sample()) == ""
    assert scores.answer([found(box(0), "A1"), found(box(300), ""), found(box(600), "B2")]) == (
        "A1 B2"
    )


def test_where_errors_come_from() -> None:
    """One of each kind, and what is none: a plate that is read rightly though found loosely."""
    photographs = [
        # Right; misread, and right when folded; missed.
        sample((box(0), "A1"), (box(200), "B0"), (box(400), "C3")),
        # 40 of 160 pixels in common: IoU 0.25.
        sample((box(0), "A1"), (box(200), "B2")),
        sample((box(0), "A1")),
        # Without a text only the place can be wrong.
        sample((box(0), ""), (box(200), "")),
    ]
    answers = [
        [found(box(0), "A1"), found(box(200), "BO")],
        [found(box(60), "A"), found(box(260), "B2")],
        # Read well, and once more; and something else.
        [found(box(0), "A1"), found(box(10), "A1", 0.5), found(box(0, 100), "X9", 0.4)],
        [found(box(0), "Z1"), found(box(260), "Z2")],
    ]
    told = scores.mistakes(photographs, answers)
    assert [(one.cause, one.photograph, one.truth, one.found) for one in told] == [
        ("missed", 0, 2, -1),
        ("loose", 1, 0, 0),
        ("loose", 3, 1, 1),
        ("misread", 0, 1, 1),
        ("false", 2, -1, 1),
        ("false", 2, -1, 2),
    ]
    assert [one.true_text for one in told] == ["C3", "A1", "", "B0", "", ""]
    assert [one.text for one in told] == ["", "A", "Z2", "BO", "A1", "X9"]
    assert [one.iou for one in told] == pytest.approx([0, 0.25, 0.25, 1, 0, 0])
    assert [one.folded for one in told] == [False, False, False, True, False, False]
    with pytest.raises(ValueError, match="must be as many; received: 3 and 4"):
        scores.mistakes(photographs, answers[:3])

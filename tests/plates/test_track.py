"""Tracks by hand: rectangles of 10 x 10 whose overlap at a shift of s is (10 - s) / (10 + s)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates.pipeline import Found
from plates.reader.decode import Reading
from plates.track import Track, Tracker


def found(x: float, text: str = "", sure: float = 0.9, score: float = 0.9) -> Found:
    corners = np.array([[x, 0], [x + 10, 0], [x + 10, 10], [x, 10]], np.float64)
    return Found(corners, score, Reading(text, (sure,) * len(text), sure))


def lefts(track: Track) -> list[float]:
    return [float(one.corners[0, 0]) for one in track.found]


def test_all_together_overlap_most() -> None:
    """The nearest pair first would leave b and -3 alone: 0.67 against 0.54 + 0.54."""
    tracker = Tracker(0)
    tracker.update(0, [found(0), found(5)])
    tracker.update(1, [found(2), found(-3)])
    assert [lefts(track) for track in tracker.tracks] == [[0, -3], [5, 2]]


def test_a_gap_is_bridged_up_to_its_length() -> None:
    for missed, count in ((3, 1), (4, 2)):
        tracker = Tracker(3)
        for frame in (0, 1, 2 + missed):
            tracker.update(frame, [found(0)])
        tracker.update(9, [])
        assert len(tracker.tracks) == count


@pytest.mark.parametrize(("x", "together"), [(6.6, True), (6.7, False)])
def test_the_least_overlap(x: float, together: bool) -> None:
    # 3.4 / 16.6 = 0.205; 3.3 / 16.7 = 0.198.
    tracker = Tracker(0)
    tracker.update(0, [found(0)])
    tracker.update(1, [found(x)])
    assert (len(tracker.tracks) == 1) == together


def test_a_plate_that_leapt_is_known_by_its_text() -> None:
    tracker = Tracker(0)
    tracker.update(0, [found(0, "AB1"), found(100, "CD2")])
    tracker.update(1, [found(200, "AB1"), found(300, "CD2", sure=0.3), found(400)])
    assert [lefts(track) for track in tracker.tracks] == [[0, 200], [100], [300], [400]]


def test_one_answer_by_vote_and_nothing_read_has_none() -> None:
    track = Track([0, 1, 2, 3], [found(0, "A", 0.6), found(1, "B", 0.7), found(2, "A", 0.5)])
    track.found.append(found(3, "", 1.0))
    # (0.6 + 0.5) / 3 readings; the empty one is not among them.
    reading = track.reading
    assert reading.text == "A"
    assert reading.confidence == pytest.approx(1.1 / 3)
    assert reading.characters == pytest.approx((1.1 / 3,))
    assert Track([0], [found(0, "", 0.8)]).reading.text == ""
    assert Track([0, 1], [found(0, "A", 0.5, 0.9), found(1, "A", 0.6, 0.8)]).best == 1


def test_between_frames_it_moves_evenly() -> None:
    track = Track([2, 4, 8], [found(0), found(10), found(30)])
    at = [track.corners(frame) for frame in range(10)]
    xs = [None if quad is None else float(quad[0, 0]) for quad in at]
    assert xs == [None, None, 0, 5, 10, 15, 20, 25, 30, None]


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 60), max_size=4), max_size=6), st.integers(0, 3))
def test_each_plate_is_in_one_track(frames: list[list[int]], gap: int) -> None:
    tracker = Tracker(gap)
    for frame, places in enumerate(frames):
        tracker.update(frame, [found(x) for x in places])
    seen = sorted((f, x) for t in tracker.tracks for f, x in zip(t.frames, lefts(t), strict=True))
    assert seen == sorted((f, x) for f, places in enumerate(frames) for x in places)
    for track in tracker.tracks:
        steps = np.diff(track.frames)
        assert ((steps > 0) & (steps <= gap + 1)).all()


def test_bad_gap() -> None:
    with pytest.raises(ValueError, match="`gap` must be 0 or more; received: gap=-1"):
        Tracker(-1)

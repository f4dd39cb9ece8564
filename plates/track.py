"""Plates followed from frame to frame of a video, so that each has one answer.

As SORT does it (Bewley et al. 2016, "Simple online and realtime tracking"), without its motion
model: what overlaps most belongs together (Kuhn 1955, the Hungarian method). A plate that moved
too far to overlap is known again by its text.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from plates import gate, geometry
from plates.pipeline import Found
from plates.reader import decode
from plates.reader.decode import Reading

_LEAST_IOU = 0.2


@dataclass(eq=False)
class Track:
    """One plate: the numbers of the frames it was found in, rising, and what was found there."""

    frames: list[int] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)

    @property
    def reading(self) -> Reading:
        """A vote over the frames (`plates.reader.decode.vote`); one that read nothing has none."""
        readings = [one.reading for one in self.found]
        return decode.vote([reading for reading in readings if reading.text] or readings)

    @property
    def best(self) -> int:
        """The place, in `frames` and `found`, of the frame that detector and reader like most."""
        sure = [one.score * one.reading.confidence for one in self.found]
        return int(np.argmax(sure))

    def corners(self, frame: int) -> np.ndarray | None:
        """The quad [4, 2] in a frame, None before the first and after the last one.

        Where the plate was not found, or not looked for, it is taken to move evenly.
        """
        after = bisect_right(self.frames, frame)
        if after == 0 or frame > self.frames[-1]:
            return None
        if self.frames[after - 1] == frame:
            return self.found[after - 1].corners
        first, last = self.frames[after - 1], self.frames[after]
        share = (frame - first) / (last - first)
        start, end = self.found[after - 1].corners, self.found[after].corners
        return start + share * (end - start)


class Tracker:
    """Joins what is found in frame after frame to `tracks`, in the order of their beginnings.

    A track ends when its plate was not found for more than `gap` frames.

    Raises:
        ValueError: `gap` is negative.
    """

    def __init__(self, gap: int) -> None:
        if gap < 0:
            raise ValueError(f"`gap` must be 0 or more; received: gap={gap}")
        self.tracks: list[Track] = []
        self._gap = gap

    def update(self, frame: int, found: Sequence[Found]) -> None:
        """Take what was found in a frame, each plate once; frames come with rising numbers."""
        alive = [track for track in self.tracks if frame - track.frames[-1] <= self._gap + 1]
        likeness = np.array([[_likeness(track.found[-1], one) for one in found] for track in alive])
        likeness = likeness.reshape(len(alive), len(found))
        pairs = zip(*linear_sum_assignment(likeness, maximize=True), strict=True)
        joined = {column: alive[row] for row, column in pairs if likeness[row, column] > 0}
        for column, one in enumerate(found):
            track = joined.get(column)
            if track is None:
                track = Track()
                self.tracks.append(track)
            track.frames.append(frame)
            track.found.append(one)


def _likeness(a: Found, b: Found) -> float:
    """IoU, and 1 more for the same text; 0: not the same plate."""
    same = a.reading.text == b.reading.text != ""
    sure = min(a.reading.weakest, b.reading.weakest) >= gate.LEAST_READING
    iou = geometry.polygon_iou(a.corners, b.corners)
    return (iou if iou >= _LEAST_IOU else 0.0) + float(same and sure)

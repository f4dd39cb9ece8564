"""A video: what its plates say, each one answer, and the video again with them drawn.

Frames are looked at as they come, and never held all together. Their numbers start at 0; second 0
is at frame 0, and time goes by the video's mean rate.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from plates import draw, photographs
from plates.pipeline import Found
from plates.track import Track, Tracker

Find = Callable[[Sequence[np.ndarray]], list[list[Found]]]

_RATE = 25.0  # frames a second, where the file does not say
_GAP = 0.5  # seconds that a plate may go unseen


class Frames:
    """The frames of a video, to go through once.

    `rate` is in frames a second, `expected` how many the file says there are (0: it does not say),
    `count` how many there were so far.

    Raises:
        ValueError: the file cannot be opened as a video; names it.
    """

    def __init__(self, path: Path, every: int = 1) -> None:
        self.path = path
        self._every = every
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise ValueError(f"{path}: cannot be opened as a video")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate < 1000 else _RATE
        self.expected = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self.count = 0

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        """Number and picture [H, W, 3] uint8 RGB of every `every`-th frame."""
        try:
            while self._capture.grab():
                if self.count % self._every == 0:
                    good, image = self._capture.retrieve()
                    if not good:
                        break
                    yield self.count, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
                self.count += 1
        finally:
            self._capture.release()

    @property
    def problem(self) -> str:
        """What was wrong, when all frames were gone through, or ""."""
        if not self.count:
            return f"{self.path}: no frame can be read"
        # Containers that keep no count have it worked out from the duration: nearly right.
        if self.count < 0.99 * self.expected - 1:
            return f"{self.path}: ends early, after frame {self.count - 1} of {self.expected}"
        return ""


@dataclass(frozen=True, eq=False)
class Film:
    """What was read in a video: its frames (those that could be read), their rate, its plates."""

    path: Path
    frames: int
    rate: float
    tracks: list[Track]
    problem: str
    """Why not all of it was read, with the frame, or ""."""


def read(path: Path, find: Find, every: int = 1, seen: int = 2) -> Film:
    """Find plates in every `every`-th frame, and follow them.

    `find` gives the plates of several pictures, as `plates.pipeline.Pipeline.read`. A plate found
    in fewer than `seen` frames is left out, unless the video has no more. Of a video that cannot be
    opened there are no frames; of one that ends early or is damaged counts what is before.
    """
    try:
        frames = Frames(path, every)
    except ValueError as error:
        return Film(path, 0, _RATE, [], str(error))
    # At least three looks, however few the video has a second.
    tracker = Tracker(max(3 * every, round(_GAP * frames.rate)))
    looks = 0
    for batch in photographs.batches(frames):
        for (number, _), found in zip(batch, find([image for _, image in batch]), strict=True):
            tracker.update(number, found)
        looks += len(batch)
    tracks = [track for track in tracker.tracks if len(track.frames) >= min(seen, looks)]
    return Film(path, frames.count, frames.rate, tracks, frames.problem)


def annotate(film: Film, to: Path) -> None:
    """Write the video, as far as it was read, with each plate's quad and its one answer, as mp4.

    A second walk through the file, so that a plate's answer stands there from its first frame on;
    without sound. A video without a frame gives no file.

    Raises:
        OSError: `to` cannot be written.
    """
    if not film.frames:
        return
    answers = [(t, draw.label(t.reading, t.found[t.best].score)) for t in film.tracks]
    part = to.with_name(f".part-{to.name}")
    writer = None
    try:
        for number, image in Frames(film.path):
            if number == film.frames:
                break
            shown = [(quad, text) for t, text in answers if (quad := t.corners(number)) is not None]
            drawn = draw.draw(image, [quad for quad, _ in shown], [text for _, text in shown])
            if writer is None:
                writer = _writer(part, film.rate, drawn)
            writer.write(cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
    finally:
        if writer is not None:
            writer.release()
    part.replace(to)


def _writer(path: Path, rate: float, first: np.ndarray) -> cv2.VideoWriter:
    height, width = first.shape[:2]
    codec = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), codec, rate, (width, height))
    if not writer.isOpened():
        raise OSError(f"{path} cannot be written as a video of {width} x {height} pixels")
    return writer

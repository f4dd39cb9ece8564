"""Answers as tables: rows of a csv, a json in the contest's layout, the contest's submission."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from plates.photographs import Source
from plates.reader import submission
from plates.reader.decode import Reading
from plates.reader.records import Crop

if TYPE_CHECKING:
    import numpy as np

    from plates.pipeline import Found
    from plates.track import Track
    from plates.video import Film

HEADER = (
    *("file", "text", "score", "confidence", "weakest", "characters"),
    *(f"{axis}{corner}" for corner in range(4) for axis in "xy"),
    *("frame", "first_frame", "last_frame", "first_second", "last_second", "seen"),
)
"""Of the csv. Corners are in pixels, in reading order; frames are empty but for videos: that of the
corners, the first and the last one with their seconds, and in how many the plate was found."""


def rows(name: str, found: Sequence["Found"]) -> list[tuple[object, ...]]:
    """A photograph's plates as rows below `HEADER`."""
    return [(name, *_values(one.reading, one.score, one.corners), *[""] * 6) for one in found]


def film_rows(name: str, film: "Film") -> list[tuple[object, ...]]:
    """A video's plates, each one answer, as rows below `HEADER`."""
    return [
        (
            name,
            *_values(t.reading, t.found[t.best].score, t.found[t.best].corners),
            *_times(t, film.rate).values(),
        )
        for t in film.tracks
    ]


def entry(name: str, found: Sequence["Found"], problem: str = "") -> dict[str, Any]:
    """A photograph in the contest's layout, so that `plates.records` can read the answer again.

    Beside `box` and `text` a plate has its score and its confidences; a photograph that could not
    be read has the reason as its `error`.
    """
    nums = [_num(one.reading, one.score, one.corners) for one in found]
    return {"file": name, "nums": nums} | ({"error": problem} if problem else {})


def film_entry(name: str, film: "Film") -> dict[str, Any]:
    """A video: how many frames were read at which rate, its plates, and as `error` what was bad."""
    tracks = [
        _num(t.reading, t.found[t.best].score, t.found[t.best].corners) | _times(t, film.rate)
        for t in film.tracks
    ]
    known = {"file": name, "frames": film.frames, "rate": film.rate, "tracks": tracks}
    return known | ({"error": film.problem} if film.problem else {})


def submitted(
    sources: Iterable[Source], found: Mapping[str, Sequence["Found"]]
) -> list[tuple[str, str]]:
    """The contest's rows below `plates.reader.submission.HEADER`, one for every photograph.

    A photograph's texts stand in the order of its plates with a space between; without any it has
    an empty string.
    """
    wanted = [source for source in sources if not source.is_video]
    texts = [
        " ".join(one.reading.text for one in found.get(source.name, ()) if one.reading.text)
        for source in wanted
    ]
    return submission.rows(
        [source.name for source in wanted],
        [Crop(source.path, source.name, "", None) for source in wanted],
        [Reading(text, (), 1.0) for text in texts],
    )


def _num(reading: Reading, score: float, corners: "np.ndarray") -> dict[str, Any]:
    return {
        "box": corners.round(2).tolist(),
        "text": reading.text,
        "score": round(score, 4),
        "confidence": round(reading.confidence, 4),
        "weakest": round(reading.weakest, 4),
        "characters": [round(value, 4) for value in reading.characters],
    }


def _values(reading: Reading, score: float, corners: "np.ndarray") -> tuple[object, ...]:
    return (
        reading.text,
        *(f"{value:.4f}" for value in (score, reading.confidence, reading.weakest)),
        " ".join(f"{value:.4f}" for value in reading.characters),
        *(f"{value:.2f}" for value in corners.ravel().tolist()),
    )


def _times(track: "Track", rate: float) -> dict[str, Any]:
    first, last = track.frames[0], track.frames[-1]
    return {
        "frame": track.frames[track.best],
        "first_frame": first,
        "last_frame": last,
        "first_second": round(first / rate, 3),
        "last_second": round(last / rate, 3),
        "seen": len(track.frames),
    }

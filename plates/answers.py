"""Every photograph and video that was asked about: answered, told on the terminal, and drawn."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from plates import draw, photographs, video
from plates.photographs import Source
from plates.pipeline import Found
from plates.reader.decode import Reading
from plates.video import Film, Find

_QUALITY = 92  # of a drawn JPEG


def of_photographs(
    sources: Sequence[Source], find: Find, targets: Mapping[str, Path], problems: dict[str, str]
) -> dict[str, list[Found]]:
    """The plates of the photographs among `sources` that can be read, by their names.

    `find` gives the plates of several pictures. Each plate has a line on the terminal, and each
    photograph that `targets` has a file for is drawn into it. Of one that cannot be read the name
    and the reason are added to `problems`.
    """
    answers = {}
    wanted = [source for source in sources if not source.is_video]
    for batch in photographs.batches(photographs.decoded(wanted, problems)):
        answered = find([image for _, image in batch])
        for (source, image), found in zip(batch, answered, strict=True):
            answers[source.name] = found
            for one in found:
                print(f"{source.name}: {_told(one.reading, one.score)}", flush=True)
            if not found:
                print(f"{source.name}: no plate", flush=True)
            if target := targets.get(source.name):
                labels = [draw.label(one.reading, one.score) for one in found]
                picture = draw.draw(image, [one.corners for one in found], labels)
                Image.fromarray(picture).save(target, quality=_QUALITY)
    return answers


def of_videos(
    sources: Sequence[Source],
    find: Find,
    targets: Mapping[str, Path],
    problems: dict[str, str],
    every: int,
    seen: int,
) -> dict[str, Film]:
    """What was read in the videos among `sources`, by their names; as `of_photographs`.

    `every` and `seen` are those of `plates.video.read`.
    """
    films = {}
    for source in (source for source in sources if source.is_video):
        film = films[source.name] = video.read(source.path, find, every, seen)
        if film.problem:
            problems[source.name] = film.problem
        for track in film.tracks:
            first, last = (track.frames[i] / film.rate for i in (0, -1))
            told = _told(track.reading, track.found[track.best].score)
            print(f"{source.name}: {told}  {first:.1f}..{last:.1f} s", flush=True)
        if film.frames and not film.tracks:
            print(f"{source.name}: no plate", flush=True)
        if target := targets.get(source.name):
            video.annotate(film, target)
    return films


def _told(reading: Reading, score: float) -> str:
    sure = f"{reading.confidence:.2f}  {reading.weakest:.2f}  {score:.2f}"
    return f"{reading.text or '-'}  {sure}"

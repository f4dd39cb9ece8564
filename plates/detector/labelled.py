"""Records -> checked, decoded and split photographs, with a report of what is odd about them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from plates import geometry
from plates.detector import records
from plates.detector.config import Config
from plates.detector.records import Problem, Quad, Sample
from plates.text import normalize
from triptych import lookalikes, run, split
from triptych.pictures import Checked, Pictures, left_out, odd_sized, progress

# Kept pictures cover the largest canvas and this much more: augmentation brings plates nearer.
_ROOM = 1.25
# Rules of what stands on one side of the split, the first that leaves a choice is taken: whether
# texts one character apart count as equal, and the correlation of thumbnails over which pictures
# are alike. At 0.93 neighbouring frames of a drive hang together (of 534 in 403 groups, the largest
# of 55), and of 328 photographs of single cars only two copies.
_RULES = ((True, 0.93), (True, 0.98), (False, 0.98), (False, np.inf))
_MOST_TOGETHER = 1 / 3  # of all photographs
_SHORTEST = 5  # characters; shorter texts are one apart by chance
_BLOCK = 2048


@dataclass(frozen=True)
class Labelled:
    """Usable photographs with the plates that lie in them, and the sides of the split.

    `samples` have quads in pixels of the original pictures, of `sizes` int [R, 2] (height, width);
    `pictures` may keep them smaller. `training` and `validation` are positions; `digests` say what
    every photograph and its plates are.
    """

    samples: list[Sample]
    pictures: Pictures
    sizes: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    problems: list[Problem]
    digests: list[str]

    @cached_property
    def weights(self) -> np.ndarray:
        """Float64 [R]: how often each photograph is taken in an epoch of training."""
        return np.array([sample.weight for sample in self.samples])

    @property
    def summary(self) -> str:
        """One line: how many of everything."""
        plates = sum(len(sample.quads) for sample in self.samples)
        empty = sum(not sample.quads for sample in self.samples)
        without = f", {empty} photographs without a plate" if empty else ""
        return (
            f"{len(self.training)} training and {len(self.validation)} validation photographs with "
            f"{plates} plates{without}, {len(self.problems)} remarks in data.csv"
        )

    def photograph(self, position: int) -> tuple[np.ndarray, np.ndarray]:
        """Picture uint8 [H, W, 3] RGB, which may be shrunk, and quads [N, 4, 2] in its pixels.

        Raises:
            ImageError: the file cannot be decoded.
        """
        image = self.pictures[position]
        quads = np.array(self.samples[position].quads, np.float64).reshape(-1, 4, 2)
        scale = np.array(image.shape[:2]) / self.sizes[position]
        return image, (quads + 0.5) * scale[::-1] - 0.5


def load(config: Config, workers: int) -> Labelled:
    """Read, check and split `config.data`; every picture is decoded once before training starts.

    Raises:
        ValueError: what `records.read` raises; no usable photograph, or none for training; or a
            validation figure is to be monitored and no photograph is left for validation.
    """
    found, problems = records.read(config.data, config.extra)
    samples, store, checked, remarks = usable(found, config, workers)
    problems = [*problems, *remarks]
    extra = np.array([sample.extra for sample in samples])
    main, more = np.flatnonzero(~extra), np.flatnonzero(extra)
    if not len(main):
        raise ValueError(f"no photograph of {config.data} can be used")
    thumbnails = np.stack([c.thumbnail for c in checked if c.thumbnail is not None])
    together, rule, note = groups([samples[i] for i in main], thumbnails[main])
    problems += [Problem("split", note)] if note else []
    if config.fold is None:
        _, chosen = split.share(len(main), config.val_fraction, config.split_seed, together)
    else:
        _, chosen = split.fold(len(main), config.fold, config.folds, config.split_seed, together)
    validation = main[chosen]
    if not len(validation) and config.monitor != "loss":
        raise ValueError(
            f"no photograph of {config.data} is left for validation; train with --monitor loss; "
            f"received: monitor={config.monitor}"
        )
    near = beside(samples, thumbnails, validation, more, rule)
    problems += [
        Problem(str(samples[i].path), "left out: a text or the picture is near a validation one's")
        for i in near
    ]
    training = np.setdiff1d(np.arange(len(samples)), [*validation, *near])
    if not len(training):
        raise ValueError(f"no photograph of {config.data} is left for training")
    digests = [_digest(c.digest, s) for c, s in zip(checked, samples, strict=True)]
    sizes = np.array([(c.height, c.width) for c in checked])
    inside, outside = _inside(samples, sizes)
    problems += outside
    return Labelled(inside, store, sizes, training, validation, problems, digests)


def usable(
    found: Sequence[Sample], config: Config, workers: int
) -> tuple[list[Sample], Pictures, list[Checked], list[Problem]]:
    """Decode every picture once: the usable ones, what was seen of them, and remarks.

    Remarks on pictures left out come first, then those on odd ones that are used.

    Raises:
        ValueError: no picture can be used.
    """
    cover = round(_ROOM * max(config.sides))
    store = Pictures([sample.path for sample in found], (cover, cover), config.cache_mb)
    checked = store.check(workers, progress(len(found)))
    bad = _bad(checked, found)
    odd = {i: reason for i, reason in odd_sized(checked).items() if i not in bad}
    remarks = [
        Problem(str(found[i].path), reason)
        for i, reason in [*sorted(bad.items()), *sorted(odd.items())]
    ]
    kept = [i for i in range(len(found)) if i not in bad]
    if not kept:
        first = f"; the first of {len(found)}: {remarks[0].reason}" if remarks else ""
        raise ValueError(f"no photograph of {config.data} can be used{first}")
    return [found[i] for i in kept], store.select(kept), [checked[i] for i in kept], remarks


def groups(
    samples: Sequence[Sample], thumbnails: np.ndarray
) -> tuple[np.ndarray, tuple[bool, float], str]:
    """Group number [R] int of each photograph, the rule used, and a remark on it or "".

    Together are photographs with a text in common, or texts of five characters or more that are one
    apart (Levenshtein), and those whose grey thumbnails [R, h, w] are alike, as neighbouring frames
    of one drive are; so are pairs of pairs. Where more than a third of all would hang together, as
    the pictures of one fixed camera do, the rule gets narrower. The text "" joins nothing.
    """
    count = len(samples)
    note = ""
    for near, alike in _RULES:
        joined = [_of_one_text(samples, near)]
        if count > lookalikes.MOST:
            note = f"look-alikes were not looked for among {count} photographs"
        elif alike <= 1:
            joined.append(lookalikes.pairs(thumbnails, alike))
        found = lookalikes.components(count, np.concatenate(joined))
        largest = int(np.bincount(found).max())
        if largest <= max(2, _MOST_TOGETHER * count):
            break
        note = (
            f"{largest} of {count} photographs hang together by their texts and look, so that some "
            "look-alikes may stand on both sides"
        )
    return found, (near, alike), note


def beside(
    samples: Sequence[Sample],
    thumbnails: np.ndarray,
    held_out: np.ndarray,
    more: np.ndarray,
    rule: tuple[bool, float],
) -> np.ndarray:
    """Which of the positions `more` [E] show what those of `held_out` [V] show, by `groups`' rule.

    `samples` and grey `thumbnails` [R, h, w] are all there are.
    """
    near, alike = rule
    known = {text for sample in samples for text in _texts(sample)}
    away = {key for i in held_out for key in _keys(samples[i], near, known)}
    found = np.array([bool(away & _keys(samples[i], near, known)) for i in more], bool)
    block = max(_BLOCK, len(held_out))
    for start in range(0, len(more) if len(held_out) and alike <= 1 else 0, block):
        some = np.concatenate([held_out, more[start : start + block]])
        both = lookalikes.pairs(thumbnails[some], alike)
        across = both[(both[:, 0] < len(held_out)) & (both[:, 1] >= len(held_out))]
        found[start + across[:, 1] - len(held_out)] = True
    return more[found]


def write(data: Labelled, folder: Path) -> None:
    """Leave the data's story in the run folder: data.csv, split.csv."""
    run.write_rows(
        folder / "data.csv", ("where", "remark"), [(p.where, p.reason) for p in data.problems]
    )
    split.write(folder, ("file",), _split_rows(data))


def require_same(data: Labelled, folder: Path) -> None:
    """Raise ValueError, naming a difference, where `data` is not what the run was begun with."""
    split.require_same(folder, _split_rows(data))


def digest(sample: Sample) -> str:
    """What split.csv has as the SHA-256 of a photograph as read; "" where its file cannot be."""
    try:
        data = sample.path.read_bytes()
    except OSError:
        return ""
    return _digest(hashlib.sha256(data).hexdigest(), sample)


def _bad(checked: Sequence[Checked], found: Sequence[Sample]) -> dict[int, str]:
    """Position -> reason: what `left_out` says of the data and of the extras, each for themselves.

    An extra with the picture of one of the data is left out, whatever either label says: an extra
    takes nothing away from the data.
    """
    bad: dict[int, str] = {}
    for extra in (False, True):
        places = [i for i, sample in enumerate(found) if sample.extra == extra]
        reasons = left_out([checked[i] for i in places], [found[i].quads for i in places])
        bad |= {places[i]: reason for i, reason in reasons.items()}
    main = {c.digest: c.path for c, s in zip(checked, found, strict=True) if not s.extra}
    for i, (c, sample) in enumerate(zip(checked, found, strict=True)):
        if sample.extra and c.digest and c.digest in main:
            bad[i] = f"the same picture as {main[c.digest]}, which is in the data"
    return bad


def _inside(samples: Sequence[Sample], sizes: np.ndarray) -> tuple[list[Sample], list[Problem]]:
    """The samples without the plates of which less than half lies in the picture."""
    kept: list[Sample] = []
    problems: list[Problem] = []
    for sample, (height, width) in zip(samples, sizes.tolist(), strict=True):
        quads: list[Quad] = []
        texts: list[str] = []
        for number, (quad, text) in enumerate(zip(sample.quads, sample.texts, strict=True), 1):
            if reason := geometry.problem(quad, height, width):
                where = f"{sample.path}, plate {number}"
                problems.append(Problem(where, f"left out: {reason}"))
            else:
                quads.append(quad)
                texts.append(text)
        kept.append(replace(sample, quads=tuple(quads), texts=tuple(texts)))
    return kept, problems


def _texts(sample: Sample) -> list[str]:
    return [text for text in map(normalize, sample.texts) if text]


def _keys(sample: Sample, near: bool, known: set[str]) -> set[tuple[int, str]]:
    """What two photographs have in common where a text of both is equal, or `near`: one apart.

    Two texts differ in one place where they are equal without it; one of them has a character more
    where it is the other one without it.
    """
    keys = set()
    for text in _texts(sample):
        keys.add((-1, text))
        for place in range(len(text) if near and len(text) >= _SHORTEST else 0):
            rest = text[:place] + text[place + 1 :]
            keys.add((place, rest))
            if len(rest) >= _SHORTEST and rest in known:
                keys.add((-1, rest))
    return keys


def _of_one_text(samples: Sequence[Sample], near: bool) -> np.ndarray:
    """Pairs [P, 2] of positions that join all photographs with a key in common."""
    known = {text for sample in samples for text in _texts(sample)}
    first: dict[tuple[int, str], int] = {}
    found = [
        (i, first.setdefault(key, i))
        for i, sample in enumerate(samples)
        for key in sorted(_keys(sample, near, known))
    ]
    return np.array(found, np.int64).reshape(-1, 2)


def _split_rows(data: Labelled) -> list[tuple[str, str, str]]:
    side = np.full(len(data.samples), "left out", object)
    side[data.training] = "training"
    side[data.validation] = "validation"
    return [
        (sample.name, s, digest)
        for sample, s, digest in zip(data.samples, side, data.digests, strict=True)
    ]


def _digest(picture: str, sample: Sample) -> str:
    """SHA-256 of the picture file's, the plates' corners and texts, and a weight that is not 1."""
    weight = "" if sample.weight == 1 else f" {sample.weight}"
    return hashlib.sha256(f"{picture} {sample.quads} {sample.texts}{weight}".encode()).hexdigest()

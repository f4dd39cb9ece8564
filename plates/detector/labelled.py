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
from plates.groups import near, one_apart
from plates.text import normalize
from triptych import lookalikes, run, split
from triptych.pictures import Checked, Pictures, left_out, odd_sized, progress

# Kept pictures cover the largest canvas and this much more: augmentation brings plates nearer.
_ROOM = 1.25
# Rules of what stands on one side of the split, the first that leaves a choice is taken: how many
# characters apart texts count as equal, and the correlation of thumbnails over which pictures are
# alike. At 0.93 neighbouring frames of a drive hang together (of 534 in 403 groups, the largest
# of 55), and of 328 photographs of single cars only two copies.
_RULES = ((1, 0.93), (1, 0.98), (0, 0.98), (0, np.inf))
_MOST_TOGETHER = 1 / 3  # of all photographs


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
    if config.split:
        chosen = np.flatnonzero(_held_out([samples[i].name for i in main], config.split))
        # Its sides follow the texts alone: what looks like a held-out photograph must go.
        more = np.setdiff1d(np.arange(len(samples)), main[chosen])
    elif config.fold is None:
        _, chosen = split.share(len(main), config.val_fraction, config.split_seed, together)
    else:
        _, chosen = split.fold(len(main), config.fold, config.folds, config.split_seed, together)
    validation = main[chosen]
    if not len(validation) and config.monitor != "loss":
        raise ValueError(
            f"no photograph of {config.data} is left for validation; train with --monitor loss; "
            f"received: monitor={config.monitor}"
        )
    leaking = dict.fromkeys(
        beside(samples, thumbnails, validation, more, rule).tolist(),
        "left out: a text or the picture is near a validation one's",
    )
    held_out = {samples[i].name for i in validation}
    for i in more.tolist():
        if samples[i].made_from in held_out:
            leaking[i] = f"left out: made from {samples[i].made_from}, a validation photograph"
    problems += [Problem(str(samples[i].path), reason) for i, reason in sorted(leaking.items())]
    training = np.setdiff1d(np.arange(len(samples)), [*validation, *leaking])
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
    labels, extra = [sample.quads for sample in found], [sample.extra for sample in found]
    bad = left_out(checked, labels, extra)
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
) -> tuple[np.ndarray, tuple[int, float], str]:
    """Group number [R] int of each photograph, the rule used, and a remark on it or "".

    Together are photographs with a text in common, or with texts that are one character apart
    (`plates.groups`), and those whose grey thumbnails [R, h, w] are alike, as neighbouring frames
    of one drive are; so are pairs of pairs. Where more than a third of all would hang together, as
    the pictures of one fixed camera do, the rule gets narrower. The text "" joins nothing.
    """
    count = len(samples)
    note = ""
    for most, alike in _RULES:
        joined = [_of_one_text(samples, most)]
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
    return found, (most, alike), note


def beside(
    samples: Sequence[Sample],
    thumbnails: np.ndarray,
    held_out: np.ndarray,
    more: np.ndarray,
    rule: tuple[int, float],
) -> np.ndarray:
    """Which of the positions `more` [E] show what those of `held_out` [V] show, by `groups`' rule.

    `samples` and grey `thumbnails` [R, h, w] are all there are.
    """
    most, alike = rule
    texts = [set(_texts(samples[i])) for i in more]
    away = {text for i in held_out for text in _texts(samples[i])}
    close = near({text for some in texts for text in some}, away, most)
    found = np.array([not some.isdisjoint(close) for some in texts], bool)
    if alike <= 1:
        found |= lookalikes.like(thumbnails[more], thumbnails[held_out], alike)
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


def _held_out(names: Sequence[str], folder: Path) -> np.ndarray:
    """Which photographs [R] bool a run keeps for validation; none of it may be trained on there.

    A reader's run has the plates of a photograph by its name and a number: train/0.jpg#0.

    Raises:
        ValueError: it has no split, or none of the photographs' names.
    """
    sides: dict[str, set[str]] = {}
    for name, side, _ in split.rows(folder):
        photograph, mark, number = name.rpartition("#")
        whole = photograph if mark and number.isdecimal() else name
        sides.setdefault(whole, set()).add(side)
    if sides.keys().isdisjoint(names):
        raise ValueError(
            "`split` must be the run folder of a reader or detector of these photographs; "
            f"received: split={folder}, which has none of their names, as {names[0]}"
        )
    found = [sides.get(name, set()) for name in names]
    return np.array(["validation" in some and "training" not in some for some in found], bool)


def _texts(sample: Sample) -> list[str]:
    return [text for text in map(normalize, sample.texts) if text]


def _of_one_text(samples: Sequence[Sample], most: int) -> np.ndarray:
    """Pairs [P, 2] of positions that join photographs of one text, or of texts `most` (1) apart."""
    texts = [_texts(sample) for sample in samples]
    names = list(dict.fromkeys(text for some in texts for text in some))
    joined = one_apart(names) if most else np.empty((0, 2), np.int64)
    number = dict(zip(names, lookalikes.components(len(names), joined).tolist(), strict=True))
    first: dict[int, int] = {}
    found = [(i, first.setdefault(number[t], i)) for i, some in enumerate(texts) for t in some]
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
    """SHA-256 of the picture file's, and the plates' corners and texts."""
    return hashlib.sha256(f"{picture} {sample.quads} {sample.texts}".encode()).hexdigest()

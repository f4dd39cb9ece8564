"""Records -> checked, decoded and split crops, with a report of what is odd about them."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plates.reader import records
from plates.reader.config import Config
from plates.reader.crops import Crops, picture_digest
from plates.reader.grammar import Grammar, require_fits
from plates.reader.groups import MOST_PAIRED, beside, groups
from plates.reader.records import Crop, Problem
from plates.text import classes, columns_needed, outside
from triptych import run, split
from triptych.pictures import Checked, left_out, progress

READER = "reader.json"
MOST_UNFIT = 0.01
"""More than this share of labels that do not fit the alphabet, or the columns, is an error."""

_TINY = 12  # pixels of height: letters of less cannot be told apart


@dataclass(frozen=True)
class Labelled:
    """Usable crops, and their texts as classes.

    `labels` int32 [R, max_length] are as `encode` makes them; `training` and `validation` are
    positions of both sides of the split; `digests` say what every crop and its text are.
    """

    crops: Crops
    labels: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    problems: list[Problem]
    digests: list[str]

    @property
    def records(self) -> list[Crop]:
        """Files, names and texts, by position."""
        return self.crops.records

    @property
    def summary(self) -> str:
        """One line: how many of everything."""
        empty = sum(not crop.text for crop in self.records)
        plates = f", {empty} without a plate" if empty else ""
        return (
            f"{len(self.training)} training and {len(self.validation)} validation crops{plates}, "
            f"{len(self.problems)} remarks in data.csv"
        )


def encode(text: str, alphabet: str, length: int) -> np.ndarray:
    """Classes int32 [length]: place in the alphabet + 1, padded with 0, which is CTC's blank."""
    label = np.zeros(length, np.int32)
    label[: len(text)] = classes(text, alphabet)
    return label


def load(config: Config, workers: int) -> Labelled:
    """Read, check and split `config.data`; every crop is cut once before training starts.

    Raises:
        ValueError: what `records.read` and `plates.reader.grammar` raise; more than `MOST_UNFIT` of
            the labels of one source have a character outside the alphabet, or are too long; no
            usable crop; or a validation figure is to be monitored and no crop is left for
            validation.
    """
    # Before the work that a bad one would waste.
    grammar = Grammar.parse(config.grammar, config.alphabet) if config.grammar else None
    found, problems = records.read(config.data, config.extra, cyrillic=config.cyrillic)
    found, unfit = fitting(found, config)
    store, checked, remarks = usable(found, config, workers)
    problems = [*problems, *unfit, *remarks]
    kept = store.records
    if grammar and (note := require_fits(grammar, [crop.text for crop in kept])):
        problems.append(Problem("grammar", note))
    extra = np.array([crop.extra for crop in kept])
    main = np.flatnonzero(~extra)
    if not len(main):
        raise ValueError(f"no crop of {config.data} can be used")
    texts = [crop.text for crop in kept]
    thumbnails = np.stack([c.thumbnail for c in checked if c.thumbnail is not None])
    together = groups([texts[i] for i in main], thumbnails[main])
    if len(main) > MOST_PAIRED:
        # Of texts those that differ are counted, so that they may have been compared nevertheless.
        several = len({texts[i] for i in main}) > MOST_PAIRED
        what = "equal pictures" + " and texts two characters apart" * several
        problems.append(Problem("split", f"{what} were not looked for among {len(main)} crops"))
    if config.fold is None:
        _, chosen = split.share(len(main), config.val_fraction, config.split_seed, together)
    else:
        _, chosen = split.fold(len(main), config.fold, config.folds, config.split_seed, together)
    validation = main[chosen]
    if not len(validation) and config.monitor != "loss":
        raise ValueError(
            f"no crop of {config.data} is left for validation; train with --monitor loss; "
            f"received: monitor={config.monitor}"
        )
    more = np.flatnonzero(extra)
    near, whole = beside(
        [texts[i] for i in more],
        thumbnails[more],
        [texts[i] for i in main],
        chosen,
        thumbnails[main],
    )
    leaking = more[near]
    if len(leaking):
        reason = f"{len(leaking)} are left out: their texts or pictures are near validation crops'"
        problems.append(Problem("extra crops", reason))
    if not whole:
        reason = f"near texts and equal pictures were not looked for among {len(more)} crops"
        problems.append(Problem("extra crops", reason))
    training = np.setdiff1d(np.arange(len(kept)), [*validation, *leaking])
    if not len(training):
        raise ValueError(f"no crop of {config.data} is left for training")
    return Labelled(
        store,
        np.stack([encode(crop.text, config.alphabet, config.max_length) for crop in kept]),
        training,
        validation,
        problems,
        [_digest(c.digest, crop.text) for c, crop in zip(checked, kept, strict=True)],
    )


def fitting(crops: Sequence[Crop], config: Config) -> tuple[list[Crop], list[Problem]]:
    """Crops whose texts the model can answer, and remarks on the others.

    Raises:
        ValueError: more than `MOST_UNFIT` of the labels of the data, or of one of the extras, have
            a character outside the alphabet, or are longer than `max_length` or than the columns
            allow.
    """
    # Each by itself: many drawn extras must not hide that the data are of another alphabet.
    sources: dict[str, list[Crop]] = {}
    for crop in crops:
        sources.setdefault(crop.name.partition(":")[0] if crop.extra else "", []).append(crop)
    kept: list[Crop] = []
    problems: list[Problem] = []
    for source, some in sources.items():
        good, bad = _fitting(some, config, source)
        kept += good
        problems += bad
    return kept, problems


def _fitting(
    crops: Sequence[Crop], config: Config, source: str
) -> tuple[list[Crop], list[Problem]]:
    """`fitting` of one source: "" for the data, or the extra's name."""
    strange: list[Problem] = []
    long: list[Problem] = []
    kept = []
    for crop in crops:
        where = crop.where
        needed = columns_needed(crop.text)
        if unknown := outside(crop.text, config.alphabet):
            reason = f"{crop.text} has {', '.join(unknown)}, outside the alphabet"
            strange.append(Problem(where, reason))
        elif len(crop.text) > config.max_length:
            reason = f"{crop.text} has {len(crop.text)} characters, more than --max-length"
            long.append(Problem(where, f"{reason} {config.max_length}"))
        elif needed > config.columns:
            reason = f"{crop.text} needs {needed} columns, the narrowest pictures have"
            long.append(Problem(where, f"{reason} {config.columns}"))
        else:
            kept.append(crop)
    labels = sum(bool(crop.text) for crop in crops)
    for unfit, what, received in (
        (strange, "outside the alphabet", f"alphabet={config.alphabet}"),
        (long, "too long", f"max_length={config.max_length}, columns={config.columns}"),
    ):
        if len(unfit) > MOST_UNFIT * labels:
            raise ValueError(
                f"{len(unfit)} of {labels} labels{source and f' of {source}'} are {what}, more "
                f"than {MOST_UNFIT:.0%}; the first: {unfit[0].where}: "
                f"{unfit[0].reason}; received: {received}"
            )
    return kept, [*strange, *long]


def usable(
    found: Sequence[Crop], config: Config, workers: int, *, shrink: bool = True
) -> tuple[Crops, list[Checked], list[Problem]]:
    """Cut every crop once: the usable ones, what was seen of them, and remarks.

    `shrink` is what `Crops` takes.

    Remarks on crops left out come first, then those on odd ones that are used.

    Raises:
        ValueError: no crop can be used.
    """
    store = Crops(found, config, config.cache_mb, shrink=shrink)
    checked = store.check(workers, progress(len(found)))
    labels, extra = [crop.text for crop in found], [crop.extra for crop in found]
    bad = left_out(checked, labels, extra)
    odd = {i: reason for i, c in enumerate(checked) if i not in bad and (reason := _odd(c))}
    remarks = [
        Problem(found[i].where, reason)
        for i, reason in [*sorted(bad.items()), *sorted(odd.items())]
    ]
    kept = [i for i in range(len(found)) if i not in bad]
    if not kept:
        first = f"; the first of {len(found)}: {remarks[0].reason}" if remarks else ""
        raise ValueError(f"no crop of {config.data} can be used{first}")
    return store.select(kept), [checked[i] for i in kept], remarks


def write(data: Labelled, config: Config, folder: Path) -> None:
    """Leave the data's story in the run folder: reader.json, data.csv, split.csv."""
    texts = [data.records[i].text for i in data.training]
    counts = Counter("".join(texts))
    known = {
        "alphabet": config.alphabet,
        "max_length": config.max_length,
        "cyrillic": config.cyrillic,
        "grammar": config.grammar,
        "size": config.size,
        "columns": config.columns,
        # Of the training side: what was seen rarely is read badly.
        "characters": {character: counts[character] for character in config.alphabet},
        "lengths": dict(sorted(Counter(map(len, texts)).items())),
    }
    run.write_json(folder / READER, known)
    run.write_rows(
        folder / "data.csv", ("where", "remark"), [(p.where, p.reason) for p in data.problems]
    )
    split.write(folder, ("file",), _split_rows(data))


def require_same(data: Labelled, folder: Path) -> None:
    """Raise ValueError, naming a difference, where `data` is not what the run was begun with."""
    split.require_same(folder, _split_rows(data))


def digest(crop: Crop) -> str:
    """What split.csv has as the SHA-256 of a crop; "" where its file cannot be read."""
    try:
        data = crop.path.read_bytes()
    except OSError:
        return ""
    return _digest(picture_digest(data, crop), crop.text)


def _odd(checked: Checked) -> str:
    """Why a crop that is used is worth a look, or "": tiny, or of another shape than plates."""
    height, width = checked.height, checked.width
    if height < _TINY or width < 2 * _TINY:
        return f"only {width} x {height} pixels"
    if not height / 2 <= width <= 8 * height:
        return f"an odd shape: {width} x {height} pixels"
    return ""


def _split_rows(data: Labelled) -> list[tuple[str, str, str]]:
    side = np.full(len(data.records), "left out", object)
    side[data.training] = "training"
    side[data.validation] = "validation"
    return [
        (crop.name, s, digest)
        for crop, s, digest in zip(data.records, side, data.digests, strict=True)
    ]


def _digest(picture: str, text: str) -> str:
    """SHA-256 of a picture's own, `crops.picture_digest`, and the plate's text."""
    return hashlib.sha256(f"{picture} {text}".encode()).hexdigest()

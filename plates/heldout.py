"""Which photographs neither the detector nor the reader has learned from."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from plates import sides
from plates.detector import labelled, predictor
from plates.detector.records import Sample
from plates.reader import labelled as crops
from plates.reader import predictor as readers
from plates.reader import records
from plates.sides import Place, Side, Split


def choose(
    samples: Sequence[Sample],
    source: Path,
    detector: Path | None,
    reader: Path | None,
    split: Path | None,
    side: Side | None,
    cyrillic: bool = True,
) -> tuple[list[Sample], Side, set[str]]:
    """The samples on `side` of every split, which side that is, and the names of those trained on.

    `source` is the json that the samples are of; `detector` and `reader` are run folders, None the
    models in the package, which have seen drawn plates alone. `split` is a detector's run whose
    split is taken in place of theirs. A run that has none of the photographs has no say; `side`
    None is the validation side, or all where no run has a say.

    Raises:
        ValueError: as `plates.sides.choose`, or a run without split.csv.
    """
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(labelled.digest, samples))
    names = [sample.name for sample in samples]
    splits: list[Split] = []
    if detector and not _same(predictor.located(detector), predictor.SHIPPED):
        splits.append(sides.read(detector))
    if reader and not _same(readers.located(reader), readers.SHIPPED):
        splits.append(of_photographs(samples, digests, source, reader, cyrillic))
    known = [
        s
        for s in splits
        if sides.own(names, digests, s) is not None or any(sides.where(names, digests, s))
    ]
    learned = {
        name
        for s in known
        for name, place in zip(names, sides.where(names, digests, s), strict=True)
        if place == "training"
    }
    asked = [sides.read(split)] if split else known
    chosen, side = sides.choose(samples, digests, asked, side, "photographs")
    return chosen, side, learned


def of_photographs(
    samples: Sequence[Sample], digests: Sequence[str], source: Path, reader: Path, cyrillic: bool
) -> dict[str, Place]:
    """A reader's split by photograph: trained on is one of which a plate is.

    `digests` are those of the samples. Photographs without a plate in the reader's split are not
    in it.
    """
    split = sides.read(reader)
    found, _ = records.read(source, cyrillic=cyrillic)
    with ThreadPoolExecutor() as pool:
        own = list(pool.map(crops.digest, found))
    places = sides.where([crop.name for crop in found], own, split)
    by_photograph: dict[str, set[str]] = {}
    for crop, place in zip(found, places, strict=True):
        if place:
            by_photograph.setdefault(crop.name.rpartition("#")[0], set()).add(place)
    digest_of = {sample.name: digest for sample, digest in zip(samples, digests, strict=True)}
    return {
        # "left out" < "training" < "validation"; what was trained on cannot be held out.
        name: Place("training" if "training" in where else max(where), digest_of[name])
        for name, where in by_photograph.items()
        if name in digest_of
    }


def _same(a: Path, b: Path) -> bool:
    return a.resolve() == b.resolve()

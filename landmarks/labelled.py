"""Records -> checked, decoded and split pictures, with a report of what is odd about them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from landmarks import label_shift, mirror, records
from landmarks.config import Config
from landmarks.geometry import centre_crop
from landmarks.records import DataSet, Problem
from triptych import lookalikes, run, split
from triptych.pictures import Checked, Pictures, left_out, odd_sized, progress
from triptych.stage import parse_size

CACHE = ".points"
POINTS = "points.json"


@dataclass(frozen=True)
class Labelled:
    """Usable pictures, named as the data name them, and their points [R, N, 2] in pixels.

    The pixels are those of the upright original.

    `sizes` [R, 2] are height and width of the originals; `training` and `validation` positions of
    both sides of the split; `mirror` [N] the points of a mirrored picture, None where there is no
    symmetry; `shift` the pixels by which all points lie too far right, as `label_shift` finds it;
    `mean` [N, 2] the mean shape as shares of the crop's side, without that shift.
    """

    pictures: Pictures
    names: list[str]
    points: np.ndarray
    sizes: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    mirror: np.ndarray | None
    shift: float
    mean: np.ndarray
    problems: list[Problem]
    digests: list[str]

    def marked(self, position: int) -> np.ndarray:
        """What the points of a picture mark [N, 2]: the points without the shift."""
        return self.points[position] - np.array([self.shift, 0.0])

    @property
    def summary(self) -> str:
        """One line: how many of everything."""
        flips = "no mirror symmetry" if self.mirror is None else "mirror symmetry found"
        if self.shift:
            flips += f", points {self.shift:+.2f} px aside"
        return (
            f"{len(self.training)} training and {len(self.validation)} validation pictures of "
            f"{self.points.shape[1]} points, {flips}, {len(self.problems)} remarks in data.csv"
        )


def load(config: Config, workers: int) -> Labelled:
    """Read, check and split `config.data`; every picture is decoded once before training starts.

    Raises:
        ValueError: what `records.read` raises, no usable picture, or a validation figure is to be
            monitored and no picture is left for validation.
    """
    data = records.read(config.data, config.extra, config.runs / CACHE)
    cover = max(config.side, *(parse_size(stage.size)[0] for stage in config.stages))
    # A training picture may be enlarged by a third, so keep a margin over the largest side.
    cover = round(1.35 * cover)
    store, checked, kept, remarks = usable(data, cover, config.cache_mb, workers)
    problems = data.problems + remarks
    # Stays a memory map where it can.
    whole = len(kept) == len(data.points)
    points, extra = data.points if whole else data.points[kept], data.extra[kept]
    main = np.flatnonzero(~extra)
    if not len(main):
        first = remarks[0]
        raise ValueError(
            f"no picture of {config.data} can be used; the first: {first.where}: {first.reason}"
        )
    groups, note = _groups([checked[i] for i in main], config.same_side)
    problems += note
    if config.fold is None:
        _, chosen = split.share(len(main), config.val_fraction, config.split_seed, groups)
    else:
        _, chosen = split.fold(len(main), config.fold, config.folds, config.split_seed, groups)
    validation = main[chosen]
    if not len(validation) and config.monitor != "loss":
        raise ValueError(
            f"no picture of {config.data} is left for validation; "
            f"train with --monitor loss; received: monitor={config.monitor}"
        )
    origins = data.groups[kept]
    leaking = extra & np.isin(origins, origins[validation])
    if extra.any() and not any(data.sources[i] for i in kept):
        reason = "no sources.csv says what they were made from: validation may flatter"
        problems.append(Problem("extra pictures", reason))
    if leaking.any():
        problems.append(Problem("extra pictures", f"{leaking.sum()} made from validation pictures"))
    training = np.setdiff1d(np.arange(len(kept)), [*validation, *np.flatnonzero(leaking)])
    if not len(training):
        raise ValueError(f"no picture of {config.data} is left for training")
    sizes = np.array([(c.height, c.width) for c in checked])
    swap, shift = None, 0.0
    some = training[:: max(1, len(training) // 5000)]
    try:
        swap = mirror.find(points[some])
    except ValueError as error:
        problems.append(Problem("mirror symmetry", f"not found, no flips: {error}"))
    else:
        shift = label_shift.find(lambda i: store[some[i]], points[some], sizes[some], swap)
    return Labelled(
        store,
        [data.names[i] for i in kept],
        points,
        sizes,
        training,
        validation,
        swap,
        shift,
        mean_shape(points, sizes, training, shift),
        problems,
        [_digest(c, row) for c, row in zip(checked, points, strict=True)],
    )


def usable(
    data: DataSet, cover: int, cache_mb: float, workers: int
) -> tuple[Pictures, list[Checked], list[int], list[Problem]]:
    """Decode every picture once: the usable ones, their positions in `data`, and remarks.

    Remarks on pictures left out come first, then those on odd ones that are used.

    Raises:
        ValueError: no picture can be used.
    """
    store = Pictures(data.paths, (cover, cover), cache_mb)
    checked = store.check(workers, progress(len(data.paths)))
    # Digests, since the rows themselves may be gigabytes.
    labels = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in data.points]
    bad = left_out(checked, labels)
    for i, c in enumerate(checked):
        far = "" if i in bad else records.far_points(data.points[i], c.height, c.width)
        if far:
            bad[i] = far
    odd = odd_sized(checked)
    reasons = sorted(bad.items()) + sorted((i, r) for i, r in odd.items() if i not in bad)
    remarks = [Problem(str(checked[i].path), reason) for i, reason in reasons]
    kept = [i for i in range(len(checked)) if i not in bad]
    if not kept:
        first = (remarks or data.problems)[0]
        raise ValueError(
            f"no picture can be used; the first of {len(checked)}: {first.where}: {first.reason}"
        )
    return store.select(kept), [checked[i] for i in kept], kept, remarks


def write(data: Labelled, folder: Path) -> None:
    """Leave the data's story in the run folder: points.json, data.csv, split.csv."""
    known = {
        "points": data.points.shape[1],
        "mirror": None if data.mirror is None else data.mirror.tolist(),
        "shift": data.shift,
        "mean": data.mean.round(6).tolist(),
    }
    run.write_json(folder / POINTS, known)
    run.write_rows(
        folder / "data.csv", ("where", "remark"), [(p.where, p.reason) for p in data.problems]
    )
    split.write(folder, ("file_name",), _split_rows(data))


@dataclass(frozen=True)
class Known:
    """What a run knows of its points: their number, and the rest as `Labelled` has it."""

    points: int
    mirror: np.ndarray | None
    shift: float
    mean: np.ndarray


def read_points(folder: Path) -> Known:
    """What `write` left of the points."""
    known = json.loads((folder / POINTS).read_text())
    swap = known["mirror"]
    mean = np.array(known["mean"]).reshape(-1, 2)
    return Known(known["points"], None if swap is None else np.array(swap), known["shift"], mean)


def require_same(data: Labelled, folder: Path) -> None:
    """Raise ValueError, naming a difference, where `data` is not what the run was begun with."""
    split.require_same(folder, _split_rows(data))


def mean_shape(
    points: np.ndarray, sizes: np.ndarray, chosen: np.ndarray, shift: float
) -> np.ndarray:
    """Mean of the points [N, 2] as shares of the crop's side, over at most 10 000 pictures."""
    some = chosen[:: max(1, len(chosen) // 10_000)]
    crops = [
        centre_crop(int(sizes[i, 0]), int(sizes[i, 1]), 1000)(points[i] - np.array([shift, 0.0]))
        for i in some
    ]
    return (np.mean(crops, axis=0) + 0.5) / 1000


def _groups(checked: Sequence[Checked], least: float) -> tuple[np.ndarray | None, list[Problem]]:
    if least == 1:
        return None, []
    if len(checked) > lookalikes.MOST:
        reason = f"not looked for among {len(checked)} pictures: the split is by picture"
        return None, [Problem("look-alikes", reason)]
    thumbnails = np.stack([c.thumbnail for c in checked if c.thumbnail is not None])
    found = lookalikes.groups(thumbnails, least)
    largest = int(np.bincount(found).max())
    if largest <= max(10, 0.1 * len(found)):
        return found, []
    reason = f"{largest} of {len(found)} pictures hang together; a higher --same-side tells more"
    return found, [Problem("look-alikes", reason)]


def _split_rows(data: Labelled) -> list[tuple[str, str, str]]:
    side = np.full(len(data.points), "left out", object)
    side[data.training] = "training"
    side[data.validation] = "validation"
    return [
        (name, s, digest) for name, s, digest in zip(data.names, side, data.digests, strict=True)
    ]


def _digest(checked: Checked, points: np.ndarray) -> str:
    """SHA-256 of the picture file and its points."""
    return hashlib.sha256(checked.digest.encode() + points.tobytes()).hexdigest()

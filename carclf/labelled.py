"""Records -> checked, decoded and split pictures, with a report of what is odd about them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carclf import records
from carclf.config import Config
from triptych import run, split
from triptych.pictures import Pictures, left_out, odd_sized, progress
from triptych.stage import parse_size


@dataclass(frozen=True)
class Labelled:
    """Usable pictures with labels [N] int, and the positions of both sides of the split."""

    pictures: Pictures
    labels: np.ndarray
    classes: list[str]
    names: list[str]
    training: np.ndarray
    validation: np.ndarray
    problems: list[records.Problem]
    digests: list[str]

    @property
    def summary(self) -> str:
        """One line: how many of everything."""
        return (
            f"{len(self.training)} training and {len(self.validation)} validation pictures of "
            f"{len(self.classes)} classes, {len(self.problems)} remarks in data.csv"
        )

    def side(self, positions: np.ndarray) -> tuple[Pictures, np.ndarray]:
        """Pictures and labels of one side of the split."""
        return self.pictures.select(positions.tolist()), self.labels[positions]


def load(config: Config, workers: int) -> Labelled:
    """Read, check and split `config.data`; every picture is decoded once before training starts.

    Raises:
        ValueError: what `records.read` raises, fewer than two classes have usable pictures, or
            a validation figure is to be monitored and no picture is left for validation.
    """
    data = records.read(config.data, config.class_csv)
    # A crop may be half of the picture's area, so keep a margin over the largest training size.
    sides = [parse_size(stage.size) for stage in config.stages] + [config.size]
    cover = (round(1.25 * max(h for h, _ in sides)), round(1.25 * max(w for _, w in sides)))
    store, labels, remarks, digests = usable(data.records, cover, config.cache_mb, workers)
    problems = data.problems + remarks
    if len(np.unique(labels)) < 2:
        raise ValueError(
            f"fewer than two classes of {config.data} have a usable picture; "
            f"the first of {len(data.records) - len(labels)} that are not: {remarks[0].reason}"
        )
    if config.fold is None:
        training, validation = records.split(
            labels.tolist(), config.val_fraction, config.split_seed
        )
    else:
        training, validation = records.split_fold(
            labels.tolist(), config.fold, config.folds, config.split_seed
        )
    if not len(validation) and config.monitor != "loss":
        raise ValueError(
            f"every class of {config.data} has one usable picture, so none is left for validation; "
            f"train with --monitor loss; received: monitor={config.monitor}"
        )
    remark = {0: "no usable picture", 1: "one picture: in training, not in validation"}
    problems += [
        records.Problem(f"class {data.classes[c]}", remark[count])
        for c, count in enumerate(np.bincount(labels, minlength=len(data.classes)))
        if count in remark and any(record.label == c for record in data.records)
    ]
    return Labelled(
        store, labels, data.classes, data.names, training, validation, problems, digests
    )


def usable(
    found: Sequence[records.Record], cover: tuple[int, int], cache_mb: float, workers: int
) -> tuple[Pictures, np.ndarray, list[records.Problem], list[str]]:
    """Decode every picture once: the usable ones, their labels [N], remarks, SHA-256 of the files.

    Remarks on pictures left out come first, then those on odd ones that are used.
    """
    store = Pictures([r.path for r in found], cover, cache_mb)
    checked = store.check(workers, progress(len(found)))
    bad = left_out(checked, [r.label for r in found])
    odd = odd_sized(checked)
    reasons = sorted(bad.items()) + sorted((i, r) for i, r in odd.items() if i not in bad)
    remarks = [records.Problem(str(checked[i].path), reason) for i, reason in reasons]
    kept = [i for i in range(len(checked)) if i not in bad]
    labels = np.array([found[i].label for i in kept], np.int64)
    return store.select(kept), labels, remarks, [checked[i].digest for i in kept]


def write(data: Labelled, folder: Path) -> None:
    """Leave the data's story in the run folder: classes.json, data.csv, split.csv."""
    run.write_json(folder / "classes.json", {"classes": data.classes, "names": data.names})
    run.write_rows(
        folder / "data.csv", ("where", "remark"), [(p.where, p.reason) for p in data.problems]
    )
    split.write(folder, ("Id", "Category"), _split_rows(data))


def require_same(data: Labelled, folder: Path) -> None:
    """Raise ValueError, naming a difference, where `data` is not what the run was begun with."""
    split.require_same(folder, _split_rows(data))


def _split_rows(data: Labelled) -> list[tuple[str, str, str, str]]:
    side = np.full(len(data.labels), "training", object)
    side[data.validation] = "validation"
    return [
        (path.name, data.classes[label], s, digest)
        for path, label, s, digest in zip(
            data.pictures.paths, data.labels, side, data.digests, strict=True
        )
    ]


def read_classes(folder: Path) -> tuple[list[str], list[str]]:
    """(identifiers, names) of the classes a run was trained on."""
    both = json.loads((folder / "classes.json").read_text())
    return both["classes"], both["names"]

"""Records -> checked, decoded and split pictures, with a report of what is odd about them."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from keras.utils import Progbar

from carclf import records
from carclf.config import Config, parse_size
from triptych import pictures, run


@dataclass(frozen=True)
class Labelled:
    """Usable pictures with labels [N] int, and the positions of both sides of the split."""

    pictures: pictures.Pictures
    labels: np.ndarray
    classes: list[str]
    names: list[str]
    training: np.ndarray
    validation: np.ndarray
    problems: list[records.Problem]

    @property
    def summary(self) -> str:
        """One line: how many of everything."""
        return (
            f"{len(self.training)} training and {len(self.validation)} validation pictures of "
            f"{len(self.classes)} classes, {len(self.problems)} remarks in data.csv"
        )

    def side(self, positions: Sequence[int]) -> tuple[pictures.Pictures, np.ndarray]:
        """Pictures and labels of one side of the split."""
        return self.pictures.select(positions), self.labels[positions]


def load(config: Config, workers: int) -> Labelled:
    """Read, check and split `config.data`; every picture is decoded once before training starts.

    Raises:
        ValueError: what `records.read` raises, or fewer than two classes have usable pictures.
    """
    data = records.read(config.data, config.class_csv)
    # A crop may be half of the picture's area, so keep a margin over the largest training size.
    sides = [parse_size(stage.size) for stage in config.stages] + [config.size]
    cover = (round(1.25 * max(h for h, _ in sides)), round(1.25 * max(w for _, w in sides)))
    store = pictures.Pictures([r.path for r in data.records], cover, config.cache_mb)
    checked = store.check(workers, lambda items: _bar(items, len(data.records)))
    labels = np.array([r.label for r in data.records])
    bad = pictures.left_out(checked, labels)
    problems = data.problems + [
        records.Problem(str(checked[i].path), reason)
        for i, reason in sorted((bad | pictures.odd_sized(checked)).items())
    ]
    kept = [i for i in range(len(checked)) if i not in bad]
    labels = labels[kept]
    if len(np.unique(labels)) < 2:
        raise ValueError(
            f"fewer than two classes of {config.data} have a usable picture; "
            f"the first of {len(bad)} that are not: {next(iter(bad.values()), '')}"
        )
    if config.fold is None:
        training, validation = records.split(labels, config.val_fraction, config.seed)
    else:
        training, validation = records.split_fold(labels, config.fold, config.folds, config.seed)
    problems += [
        records.Problem(f"class {data.classes[c]}", "one picture: in training, not in validation")
        for c, count in enumerate(np.bincount(labels))
        if count == 1
    ]
    return Labelled(
        store.select(kept), labels, data.classes, data.names, training, validation, problems
    )


def write(data: Labelled, folder: Path) -> None:
    """Leave the data's story in the run folder: classes.json, data.csv, split.csv."""
    run.write_json(folder / "classes.json", {"classes": data.classes, "names": data.names})
    run.write_rows(
        folder / "data.csv", ("where", "remark"), [(p.where, p.reason) for p in data.problems]
    )
    side = np.full(len(data.labels), "training", object)
    side[data.validation] = "validation"
    rows = [
        (path.name, data.classes[label], s)
        for path, label, s in zip(data.pictures.paths, data.labels, side, strict=True)
    ]
    run.write_rows(folder / "split.csv", ("Id", "Category", "side"), rows)


def read_classes(folder: Path) -> tuple[list[str], list[str]]:
    """(identifiers, names) of the classes a run was trained on."""
    both = json.loads((folder / "classes.json").read_text())
    return both["classes"], both["names"]


def _bar(items: Iterable[pictures.Checked], total: int) -> Iterable[pictures.Checked]:
    """Keras's bar on a terminal; a log gets no thousand half-drawn bars."""
    if not sys.stdout.isatty():
        return items
    return _drawn(items, Progbar(total, unit_name="picture"))


def _drawn(items: Iterable[pictures.Checked], bar: Progbar) -> Iterable[pictures.Checked]:
    for item in items:
        yield item
        bar.add(1)

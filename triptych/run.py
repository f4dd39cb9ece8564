"""A run folder: everything one training leaves behind, and all that other commands need.

config.json, environment.json, classes.json, data.csv (what is odd about the data), split.csv,
history.csv, curves.png, model.keras (the best), metrics.json, tensorboard/; and while it is not
finished, checkpoints/.
"""

import csv
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, TypeVar

from triptych.config import differences, identity, load, save

CONFIG = "config.json"
ENVIRONMENT = "environment.json"
MODEL = "model.keras"
METADATA = "metadata.json"
"""In an export's folder, as CONFIG is in a run's."""
HISTORY = "history.csv"
CHECKPOINTS = "checkpoints"

T = TypeVar("T")
State = Literal["new", "unfinished", "finished"]


def choose(runs: Path, name: str, *, overwrite: bool, resume: bool) -> tuple[Path, State]:
    """The run folder `runs/name` and what is there; an empty name becomes the time.

    A run that was killed before its first checkpoint counts as new.

    Raises:
        FileExistsError: it exists, and neither `overwrite` nor `resume` is set.
        ValueError: the folder is no run, or `resume` is set and the name is empty.
    """
    if resume and not name:
        raise ValueError("--resume needs the name of the run, -n")
    path = runs / (name or time.strftime("%Y-%m-%d-%H%M%S"))
    if not path.exists():
        return path, "new"
    if not overwrite and not resume:
        raise FileExistsError(
            f"the run folder {path} exists; choose another -n, or --overwrite, or --resume"
        )
    if not (path / CONFIG).exists():
        raise ValueError(f"{path} is no run folder (it has no {CONFIG}), so it is not replaced")
    if overwrite:
        return path, "new"
    if any((path / CHECKPOINTS).glob("[0-9]*")):
        return path, "unfinished"
    ended = (path / MODEL).exists() and not (path / CHECKPOINTS).exists()
    return path, "finished" if ended else "new"


def create(path: Path, config: Any) -> None:
    """Make a run folder, in place of the run that was there, with what every command reads.

    It appears in one step: a folder that exists is a run.
    """
    part = path.with_name(f".part-{path.name}")
    shutil.rmtree(part, ignore_errors=True)
    (part / CHECKPOINTS).mkdir(parents=True)
    write_config(part, config)
    old = path.with_name(f".old-{path.name}")
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.replace(old)
    part.replace(path)
    shutil.rmtree(old, ignore_errors=True)


def require_same(path: Path, config: T, free: Collection[str]) -> T:
    """`config` for going on with the run at `path`, with the precision that was chosen there.

    Raises:
        ValueError: a field that is not in `free` differs from the run's.
    """
    saved: Any = load(type(config), path / CONFIG)
    if getattr(config, "precision", None) == "auto":
        config = replace(config, precision=saved.precision)  # type: ignore[type-var]
    if other := differences(identity(saved, free), identity(config, free)):
        raise ValueError(f"cannot go on with {path}: {'; '.join(other)}")
    before = json.loads((path / ENVIRONMENT).read_text())["packages"]
    if newer := differences(before, environment()["packages"]):
        print(f"note: not to the last bit what it would have been: {'; '.join(newer)}", flush=True)
    return config


def finish(path: Path) -> None:
    """Drop the checkpoints, in one step: a run without them is finished."""
    part = path / f".part-{CHECKPOINTS}"
    (path / CHECKPOINTS).replace(part)
    shutil.rmtree(part)


def check(run: Path) -> None:
    """Raise ValueError, naming what is missing, where `run` is not a finished run folder."""
    for name in (CONFIG, MODEL):
        if not (run / name).exists():
            raise ValueError(f"{run} is not a run folder: it has no {name}")


def is_export(path: Path) -> bool:
    """Whether `path` is a folder that a task's `export` made."""
    return (path / METADATA).is_file()


def version(run: Path) -> str:
    """A digest of the model's file, twelve characters: which model this is, wherever it goes."""
    return hashlib.sha256((run / MODEL).read_bytes()).hexdigest()[:12]


def write_json(path: Path, value: Any) -> None:
    """Write JSON in one step: a reader never sees half of it."""
    part = path.with_name(f".part-{path.name}")
    part.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    part.replace(path)


def write_config(run: Path, config: Any) -> None:
    """Write the config and, beside it, the environment it ran in."""
    save(config, run / CONFIG)
    write_json(run / ENVIRONMENT, environment())


def environment() -> dict[str, Any]:
    """What a result may depend on: versions, system, cores."""
    packages = ("keras", "tensorflow", "tensorflow-cpu", "numpy", "albumentations", "triptych")
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "packages": versions,
    }


def write_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a csv in one step."""
    part = path.with_name(f".part-{path.name}")
    with part.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    part.replace(path)

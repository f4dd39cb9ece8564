"""A run folder: everything one training leaves behind, and all that other commands need.

config.json, environment.json, classes.json, data.csv (what is odd about the data), split.csv,
history.csv, curves.png, model.keras (the best), metrics.json, tensorboard/.
"""

import csv
import json
import os
import platform
import shutil
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from triptych.config import save

CONFIG = "config.json"
MODEL = "model.keras"
HISTORY = "history.csv"


def require_free(runs: Path, name: str, overwrite: bool = False) -> Path:
    """The path `runs/name` where `create` could make a folder; an empty name becomes the time.

    Raises:
        FileExistsError: it exists and `overwrite` is not set.
        ValueError: `overwrite` would replace a folder that is no run.
    """
    path = runs / (name or time.strftime("%Y-%m-%d-%H%M%S"))
    if path.exists() and not overwrite:
        raise FileExistsError(f"the run folder {path} exists; choose another -n, or --overwrite")
    if path.exists() and not (path / CONFIG).exists():
        raise ValueError(f"{path} is no run folder (it has no {CONFIG}), so it is not replaced")
    return path


def create(runs: Path, name: str, overwrite: bool = False) -> Path:
    """Make the folder that `require_free` allows, in place of the run that was there."""
    path = require_free(runs, name, overwrite)
    if path.exists():
        shutil.rmtree(path)
    path.mkdir(parents=True)
    return path


def check(run: Path) -> None:
    """Raise ValueError, naming what is missing, where `run` is not a finished run folder."""
    for name in (CONFIG, MODEL):
        if not (run / name).exists():
            raise ValueError(f"{run} is not a run folder: it has no {name}")


def write_json(path: Path, value: Any) -> None:
    """Write JSON in one step: a reader never sees half of it."""
    part = path.with_name(f".part-{path.name}")
    part.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    part.replace(path)


def write_config(run: Path, config: Any) -> None:
    """Write the config and, beside it, the environment it ran in."""
    save(config, run / CONFIG)
    write_json(run / "environment.json", environment())


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

"""A model's card: what it is and how good it was, without anything of the place it was made at."""

import json
from pathlib import Path
from typing import Any

from triptych import run as runs

METADATA = "metadata.json"
"""Of an export."""


def of_run(run: Path, task: str) -> dict[str, Any]:
    """Task, version (a digest of the weights), backbone, and the scores of its validation.

    Raises:
        ValueError: `run` is no finished run folder.
    """
    runs.check(run)
    config = json.loads((run / runs.CONFIG).read_text())
    scores = run / "metrics.json"
    return {
        "task": task,
        "version": runs.version(run),
        "backbone": config["backbone"],
        "scores": json.loads(scores.read_text()) if scores.exists() else {},
    }


def of_export(folder: Path, task: str, form: str) -> dict[str, Any]:
    """The metadata of what the task's `export` wrote, in the format `form`.

    Raises:
        ValueError: it is an export of another task, or in another format.
    """
    metadata: dict[str, Any] = json.loads((folder / METADATA).read_text())
    found, kind = metadata.get("task"), metadata.get("format")
    if (found, kind) != (task, form):
        raise ValueError(f"{folder} must be a {form} of {task}; it is a {kind} of {found}")
    return metadata


def is_export(folder: Path) -> bool:
    """Whether `folder` holds an export, and not a run."""
    return (folder / METADATA).exists() and not (folder / runs.CONFIG).exists()

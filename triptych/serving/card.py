"""A model's card: what it is and how good it was, without anything of the place it was made at."""

import json
from pathlib import Path
from typing import Any

from triptych import exported
from triptych import run as runs


def of(run: Path, task: str) -> dict[str, Any]:
    """What an export says of itself; of a run folder task, version, backbone and scores.

    The version is a digest of the weights, the scores are those of its validation.

    Raises:
        ValueError: `run` is no finished run folder, and no export.
    """
    if runs.is_export(run):
        return exported.read(run)
    runs.check(run)
    config = json.loads((run / runs.CONFIG).read_text())
    scores = run / "metrics.json"
    return {
        "task": task,
        "version": runs.version(run),
        "backbone": config["backbone"],
        "scores": json.loads(scores.read_text()) if scores.exists() else {},
    }

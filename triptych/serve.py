"""Serve several tasks from one process: `python -m triptych.serve --carclf RUN --landmarks RUN`.

    python -m triptych.serve --carclf runs/cars --landmarks runs/faces --plates

`POST /carclf/predict` and so on take pictures, `/docs` says how; `/` is a page with all of them. A
task has more flags in its own command, `python -m TASK.serve`.

The tasks are loaded by name, when they are asked for: nothing here depends on one, and each can be
taken out of the house.
"""

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from triptych import command
from triptych.config import parse
from triptych.serving.address import Address
from triptych.serving.limits import Limits
from triptych.stage import require

if TYPE_CHECKING:
    from triptych.serving.service import Service


@dataclass(frozen=True)
class Config:
    """Which models to serve, where, and what the server bears (each task on its own)."""

    carclf: Path | None = None
    """A classifier's run folder, or an export of one."""
    landmarks: Path | None = None
    """Run folder of a model of points, or an export of one."""
    detect: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Pictures for the points are whole photographs: see `landmarks.serve`."""
    plates: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Number plates, with the models in the package or those that follow."""
    detector: Path | None = None
    """Run folder of a detector of plates, or its ONNX export."""
    reader: Path | None = None
    """Run folder of a reader of plates, or its ONNX export."""
    address: Address = field(default_factory=Address)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        asked = self.carclf or self.landmarks or self.plates
        require(bool(asked), "carclf, landmarks, plates", "given, one of them at least", "none")
        require(not self.detect or bool(self.landmarks), "detect", "with --landmarks", "without")
        for name in ("detector", "reader"):
            alone = getattr(self, name) and not self.plates
            require(not alone, name, "with --plates", "without")


def main() -> None:
    """The command line."""
    command.run(serve, parse(Config, prog="triptych.serve", description=str(__doc__)))


def serve(config: Config) -> None:
    """Serve until it is told to end.

    Raises:
        ValueError: what a task's `service` raises, or the port is taken.
    """
    from triptych.serving import server

    server.run(lambda: services(config), config.address, config.limits)


def services(config: Config) -> "list[Service]":
    """The services that are asked for, loaded in turn; raises what a task's `service` raises."""
    asked: dict[str, tuple[Any, ...]] = {}
    if config.carclf:
        asked["carclf"] = (config.carclf,)
    if config.landmarks:
        asked["landmarks"] = (config.landmarks, config.detect)
    if config.plates:
        asked["plates"] = (config.detector, config.reader)
    return [
        importlib.import_module(f"{task}.serve").service(*given) for task, given in asked.items()
    ]


if __name__ == "__main__":
    main()

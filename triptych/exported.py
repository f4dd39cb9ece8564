"""Exports opened again, whatever their format."""

import json
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from triptych import run
from triptych.stage import require

Format = Literal["saved_model", "onnx", "litert"]
Quantize = Literal["int8", "float16"]

T = TypeVar("T")


class Session(Protocol):
    """An export, loaded; calls may come from several threads."""

    @property
    def metadata(self) -> dict[str, Any]:
        """What it says of itself."""

    def __call__(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """The answers by name, for pictures uint8 [B, H, W, 3] RGB of the size in its metadata."""


def check(quantize: Quantize | None, data: Path | None, lose: float) -> None:
    """Raise ValueError where flags of an export do not go together: `data` judges `quantize`."""
    require(lose >= 0, "lose", "0 or more", lose)
    wanted = "given with --quantize, and only then"
    require(data is None or quantize is not None, "data", wanted, data)


def read(folder: Path) -> dict[str, Any]:
    """What is said beside an export's file, and in it.

    Raises:
        ValueError: `folder` is no export.
    """
    if not run.is_export(folder):
        raise ValueError(f"{folder} is no export: it has no {run.METADATA}")
    text: dict[str, Any] = json.loads((folder / run.METADATA).read_text())
    return text


def is_file(folder: Path) -> bool:
    """Whether `folder` is an export that needs no TensorFlow: one in ONNX or LiteRT."""
    from triptych import litert, onnx

    return any((folder / name).exists() for name in (onnx.FILE, litert.FILE))


def config(session: Session, kind: type[T]) -> T:
    """The config of the training, of class `kind`; without where its data were.

    Raises:
        ValueError: there is none, or its values are not those of `kind`.
    """
    from pydantic import TypeAdapter

    known = session.metadata.get("config")
    if not isinstance(known, dict):
        raise ValueError("an export must have the config of its training; this one has none")
    return TypeAdapter(kind).validate_python({"data": ""} | known)


def open(folder: Path, task: str, threads: int = 0) -> Session:
    """Load an export of `task`, as "carclf"; of ONNX and LiteRT no TensorFlow is imported.

    `threads` that one call may use; 0: one a core. TensorFlow has a setting of its own.

    Raises:
        ValueError: `folder` is no export of that task, or its file is damaged.
        ModuleNotFoundError: the package that runs the file is not installed.
    """
    from triptych import litert, onnx

    found = read(folder).get("task")
    if found != task:
        raise ValueError(f"{folder} must be an export of {task}; it is one of {found}")
    if (folder / onnx.FILE).exists():
        return onnx.Session(folder / onnx.FILE, threads)
    if (folder / litert.FILE).exists():
        return litert.Session(folder / litert.FILE, threads)
    from triptych.saved_model import SavedModel

    return SavedModel(folder)

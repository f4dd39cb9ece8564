"""Checkpoints of a training: all its state in one file, written in one step.

A file holds the variables of the model, the optimizer and the metrics, the state of the callbacks,
the random state and the position in the data. Beside it lies the best model as it was then, for a
later stage starts from that one. The two newest are kept: the other one in case of a damaged file.
"""

import json
import os
import random
import shutil
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras.src.random.seed_generator import global_seed_generator
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from triptych.config import differences


@dataclass(frozen=True, order=True)
class Position:
    """How far a training is: batches `step` of epoch `epoch` of phase `phase` are done."""

    phase: int = 0
    epoch: int = 0
    step: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """What one file holds; arrays by "model/0", "optimizer/0", "metrics/0", "callback/0/name"."""

    path: Path
    position: Position
    has_best: bool
    callbacks: list[dict[str, Any]]
    random_state: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def assign(self, group: str, into: Sequence[Any]) -> None:
        """Assign the arrays of `group` to the Keras variables `into`.

        Raises:
            ValueError: their number or a shape differs.
        """
        saved = [self.arrays[f"{group}/{i}"] for i in range(_count(self.arrays, group))]
        shapes = [tuple(a.shape) for a in saved]
        if shapes != [tuple(v.shape) for v in into]:
            raise ValueError(f"{self.path} does not fit the {group}: it is of another one")
        for variable, array in zip(into, saved, strict=True):
            variable.assign(array)

    def set_state(self, index: int, callback: Any) -> None:
        """Give `callback` its state back; `index` is its place in `with_state`, or from the end."""
        index %= len(self.callbacks)
        saved = self.callbacks[index]
        if saved["class"] != type(callback).__name__:
            raise ValueError(
                f"{self.path} has {saved['class']} where there is {type(callback).__name__} now"
            )
        prefix = f"callback/{index}/"
        names = [name for name in self.arrays if name.startswith(prefix)]
        arrays = {name.removeprefix(prefix): self.arrays[name] for name in names}
        callback.set_state(saved["state"] | arrays)


def with_state(callbacks: Sequence[Any]) -> list[Any]:
    """Those that have `get_state` and `set_state`."""
    return [callback for callback in callbacks if hasattr(callback, "get_state")]


class Checkpoints:
    """The checkpoints in `folder`, of one training whose settings and data are `identity`.

    `best` is the file that the best model is kept in.
    """

    def __init__(self, folder: Path, best: Path, identity: Mapping[str, str], every: int) -> None:
        self.folder = folder
        self.best = best
        self.identity = dict(identity)
        self.every = every

    def save(self, position: Position, model: keras.Model, callbacks: Sequence[Any]) -> Path:
        """Write all state of the training; the name is the number of the file.

        Raises:
            OSError: it cannot be written; the message names the file, and what was there before
                is still there.
        """
        arrays: dict[str, np.ndarray] = {}
        for group, variables in (
            ("model", model.variables),
            ("optimizer", model.optimizer.variables),
            ("metrics", model.metrics_variables),
        ):
            for i, variable in enumerate(variables):
                arrays[f"{group}/{i}"] = keras.ops.convert_to_numpy(variable)
        states: list[dict[str, Any]] = []
        for i, callback in enumerate(with_state(callbacks)):
            state = callback.get_state()
            kept = {k: v for k, v in state.items() if not isinstance(v, np.ndarray)}
            states.append({"class": type(callback).__name__, "state": kept})
            arrays |= {f"callback/{i}/{k}": state[k] for k in state.keys() - kept.keys()}
        arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        meta = {
            "position": asdict(position),
            "identity": self.identity,
            "has_best": self.best.exists(),
            "callbacks": states,
            "random_state": _random_state(),
            "crc32": _checksum(arrays),
        }
        names = self._names()
        path = self.folder / f"{(int(names[-1].stem) if names else 0) + 1:06d}.safetensors"
        try:
            self._write(path, to_bytes(arrays, {"state": json.dumps(meta)}))
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        self._prune(names[:-1])
        return path

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole, or None; the best model becomes that of its time.

        Raises:
            ValueError: it is of other settings or other data; the message says which. Or there are
                checkpoints, and none is whole.
            OSError: one cannot be read; that does not mean that it is damaged.
        """
        names = self._names()
        for path in reversed(names):
            try:
                checkpoint, identity = _read(path)
            except (SafetensorError, KeyError, ValueError) as error:
                print(f"{path} is damaged ({error}); the one before it is taken", flush=True)
                path.replace(path.with_suffix(".damaged"))
                continue
            if other := differences(identity, self.identity):
                raise ValueError(f"{path} is of another training: {'; '.join(other)}")
            if checkpoint.has_best:
                _link(_best_beside(path), self.best)
            else:
                self.best.unlink(missing_ok=True)
            return checkpoint
        if names or any(self.folder.glob("*.damaged")):
            raise ValueError(
                f"no checkpoint in {self.folder} is whole; --overwrite starts the training anew"
            )
        return None

    def _names(self) -> list[Path]:
        found = self.folder.glob("[0-9]*.safetensors")
        return sorted(found, key=lambda path: int(path.stem))

    def _prune(self, names: Sequence[Path]) -> None:
        for old in names:
            old.unlink(missing_ok=True)
            _best_beside(old).unlink(missing_ok=True)

    def _write(self, path: Path, data: bytes) -> None:
        part = path.with_name(f".part-{path.name}")
        try:
            if self.best.exists():
                _link(self.best, _best_beside(path))
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                # Else the new name could reach the disk before what it stands for.
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            _best_beside(path).unlink(missing_ok=True)
            raise


def restore_random_state(state: Mapping[str, Any]) -> None:
    """Put Python's, NumPy's and Keras's global random state back as a checkpoint holds it."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    kind, key, *rest = state["numpy"]
    np.random.set_state((kind, np.array(key, np.uint32), *rest))  # noqa: NPY002
    global_seed_generator().state.assign(np.array(state["keras"], np.uint32))


def _random_state() -> dict[str, Any]:
    kind, key, *rest = np.random.get_state()  # noqa: NPY002
    return {
        "python": random.getstate(),
        "numpy": [kind, np.asarray(key).tolist(), *rest],
        "keras": keras.ops.convert_to_numpy(global_seed_generator().state).tolist(),
    }


def _read(path: Path) -> tuple[Checkpoint, dict[str, str]]:
    with safe_open(path, "numpy") as file:
        meta = json.loads(file.metadata()["state"])
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if _checksum(arrays) != meta["crc32"]:
        raise ValueError("its checksum is wrong")
    if meta["has_best"] and not _best_beside(path).exists():
        raise ValueError("the best model of its time is missing")
    checkpoint = Checkpoint(
        path,
        Position(**meta["position"]),
        meta["has_best"],
        meta["callbacks"],
        meta["random_state"],
        arrays,
    )
    return checkpoint, meta["identity"]


def _best_beside(path: Path) -> Path:
    return path.with_suffix(".keras")


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, which costs nothing; where links are not known, copy it."""
    part = target.with_name(f".part-{target.name}")
    part.unlink(missing_ok=True)
    try:
        os.link(source, part)
    except OSError:
        shutil.copyfile(source, part)
    part.replace(target)
    # Renaming does nothing where both names are one file already, and the name left behind would be
    # a way to write into it.
    part.unlink(missing_ok=True)


def _count(arrays: Mapping[str, np.ndarray], group: str) -> int:
    return sum(name.startswith(f"{group}/") for name in arrays)


def _checksum(arrays: Mapping[str, np.ndarray]) -> int:
    value = 0
    for name in sorted(arrays):
        value = zlib.crc32(arrays[name].reshape(-1).view(np.uint8).data, value)
    return value

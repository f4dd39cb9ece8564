"""Read a `.pth` state dict in PyTorch's legacy (before 1.6) file format, without PyTorch."""

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {"FloatStorage": np.float32, "LongStorage": np.int64, "HalfStorage": np.float16}


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Tensors of a state dict by name.

    The file is five pickles (magic, version, system, the dict, storage keys), then each storage as
    an int64 count and raw little-endian values. Only the names a state dict needs can be unpickled,
    so the file cannot run code.

    Raises:
        ValueError: the file is not in this format.
    """
    with Path(path).open("rb") as file:
        try:
            return _read(file)
        except Exception as error:  # damage shows as any of a dozen kinds
            raise ValueError(f"not a legacy PyTorch state dict: {path} ({error})") from error


def _read(file: io.BufferedReader) -> dict[str, np.ndarray]:
    magic, _, _ = (_Unpickler(file).load() for _ in range(3))
    if magic != _MAGIC:
        raise ValueError(f"magic number {magic}")
    pending = _Unpickler(file).load()
    storages = {}
    dtypes = {tensor.key: tensor.dtype for tensor in pending.values()}
    for key in _Unpickler(file).load():
        count = int(np.frombuffer(file.read(8), "<i8")[0])
        dtype = np.dtype(dtypes[key])
        values = file.read(count * dtype.itemsize)
        # A tensor may use only a part of its storage, so a cut storage need not show later.
        if len(values) != count * dtype.itemsize:
            raise ValueError(f"storage {key} is cut off")
        storages[key] = np.frombuffer(values, dtype)
    return {name: tensor.resolve(storages) for name, tensor in pending.items()}


class _Tensor:
    """A tensor whose storage has not been read yet."""

    def __init__(
        self,
        storage: tuple[str, type],
        offset: int,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
    ) -> None:
        self.key, self.dtype = storage
        self.offset = offset
        self.shape = shape
        self.strides = strides

    def resolve(self, storages: dict[str, np.ndarray]) -> np.ndarray:
        storage = storages[self.key]
        # an ndarray over the storage: kernels that were transposed before saving are not
        # contiguous, and numpy refuses strides that leave the storage
        return np.ndarray(
            self.shape,
            storage.dtype,
            storage.data,
            self.offset * storage.itemsize,
            [stride * storage.itemsize for stride in self.strides],
        )


def _rebuild_tensor(
    storage: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BufferedReader) -> None:
        super().__init__(file, encoding="latin1")

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a state dict")

    def persistent_load(self, pid: Any) -> tuple[str, type]:
        _, dtype, key, _, _, _ = pid
        return key, dtype

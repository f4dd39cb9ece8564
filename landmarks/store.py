"""A csv of points is parsed once, into a binary file that is memory-mapped from then on.

The contest's csv has 393 930 rows of 1 942 numbers: 3 GB of text, 1.5 GB of int16.
"""

import hashlib
import json
import os
import struct
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from landmarks.formats import Problem, Table, csv_blocks, read_layout, require_rows

FORMAT = "points-1"  # another one for every change of the file's form or of the parsing
_FOOTER = struct.Struct("<QQ16s")  # length of the JSON before it, CRC-32 of all before it, FORMAT
_BLOCK = 1 << 22  # bytes
_STALE = 600  # seconds: who has not written to its part file for so long has been killed


def open_csv(path: Path, cache: Path) -> Table:
    """Read a csv of points (`formats.read_layout`), through a file in the folder `cache`.

    A csv of the size and time noted there is not read again; one of another time is only hashed.
    Rows that cannot be used are listed in `problems` with their line (from 1) and left out.

    Raises:
        ValueError: no such file, its header does not fit, or it has no row that can be used.
    """
    if not path.is_file():
        raise ValueError(f"no such file: {path}")
    cache.mkdir(parents=True, exist_ok=True)
    place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]
    note = cache / f"{place}.{FORMAT}.json"
    before = _read_note(note)
    now: dict[str, Any] = {"size": path.stat().st_size, "time": path.stat().st_mtime_ns}
    if any(before.get(key) != value for key, value in now.items()):
        before = {}
    now["digest"] = before.get("digest") or _digest(path)
    store = cache / f"{now['digest']}.{FORMAT}"
    table = _open(store, path, trusted=before.get("stored") == _time(store))
    if table is None:
        _write(path, store)
        table = _open(store, path, trusted=True)
    if table is None or now["time"] != path.stat().st_mtime_ns:
        raise ValueError(f"{path} or its copy {store} was changed while it was being read")
    now["stored"] = _time(store)
    if now != before:
        part = note.with_name(f"{note.name}.{os.getpid()}.part")
        part.write_text(json.dumps(now))
        part.replace(note)
    return table


def _read_note(note: Path) -> dict[str, Any]:
    try:
        before = json.loads(note.read_text())
        return before if set(before) == {"size", "time", "digest", "stored"} else {}
    except (OSError, ValueError, TypeError):
        return {}


def _time(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(store: Path, origin: Path, trusted: bool) -> Table | None:
    """The table in `store`, or None where that is no whole file of ours."""
    try:
        with store.open("rb") as file:
            end = file.seek(-_FOOTER.size, os.SEEK_END)
            length, checksum, name = _FOOTER.unpack(file.read())
            if name.rstrip(b"\0") != FORMAT.encode() or length > end:
                return None
            if not trusted and _checksum(file, end) != checksum:
                return None
            file.seek(end - length)
            head = json.loads(file.read(length))
    except (OSError, ValueError):
        return None
    shape = (len(head["names"]), head["numbers"] // 2, 2)
    points = np.memmap(store, head["dtype"], "r", shape=shape)
    lines = np.setdiff1d(np.arange(1, head["last"] + 1), head["skipped"])
    problems = [Problem(f"{origin}, row {line}", reason) for line, reason in head["bad"]]
    return Table(origin, head["names"], points, lines, problems)


def _checksum(file: BinaryIO, end: int) -> int:
    value = file.seek(0)
    while (left := end - file.tell()) > 0 and (data := file.read(min(left, _BLOCK))):
        value = zlib.crc32(data, value)
    return value


def _write(path: Path, store: Path) -> None:
    """Parse `path` into `store`, which appears in one step."""
    for part in store.parent.glob("*.part"):
        if time.time() - part.stat().st_mtime > _STALE:
            part.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(".part", store.name, store.parent)
    try:
        with os.fdopen(handle, "w+b") as file:
            _fill(path, file)
        Path(name).replace(store)
    finally:
        Path(name).unlink(missing_ok=True)


def _fill(path: Path, file: BinaryIO) -> None:
    layout = read_layout(path)
    dtype: np.dtype[Any] = np.dtype(np.int16)
    names: list[str] = []
    bad: list[tuple[int, str]] = []
    lines: list[np.ndarray] = []
    checksum = 0
    for block in csv_blocks(path, layout):
        if block.values.dtype != dtype and dtype == np.int16:
            dtype = np.dtype(np.float32)
            _widen(file, len(names) * layout.numbers)
            checksum = _checksum(file, file.tell())
        values = block.values.astype(dtype, copy=False).data
        file.write(values)
        checksum = zlib.crc32(values, checksum)
        names += block.names
        bad += block.bad
        lines.append(np.array(block.lines, np.int64))
    require_rows(path, len(names), [Problem(f"{path}, row {i}", reason) for i, reason in bad])
    used = np.concatenate(lines)
    head = {
        "names": names,
        "numbers": layout.numbers,
        "dtype": dtype.name,
        "last": int(used[-1]),
        "skipped": np.setdiff1d(np.arange(1, used[-1] + 1), used).tolist(),
        "bad": bad,
    }
    data = json.dumps(head).encode()
    file.write(data + _FOOTER.pack(len(data), zlib.crc32(data, checksum), FORMAT.encode()))


def _widen(file: BinaryIO, count: int) -> None:
    """Rewrite the first `count` int16 numbers of `file` as float32, from the end on."""
    step = _BLOCK // 4
    for start in reversed(range(0, count, step)):
        size = min(step, count - start)
        file.seek(2 * start)
        values = np.frombuffer(file.read(2 * size), np.int16)
        file.seek(4 * start)
        file.write(values.astype(np.float32).data)
    file.seek(4 * count)

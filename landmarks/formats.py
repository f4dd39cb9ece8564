"""The text formats of landmark data: csv of points, 300-W `.pts`, WFLW lists.

Rows that cannot be used are listed, never fatal. Points are x, y in pixels of the upright picture;
a whole number is the centre of a pixel, and 0, 0 that of the upper left one.
"""

import csv
import os
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"})
CHUNK = 1 << 20  # bytes; with smaller ones threads wait for each other
LONGEST = 1 << 26  # bytes in a line; a file without line ends is no csv
_INT16 = np.iinfo(np.int16)
_ZERO = ord("0")
_NAME = 255  # stands for each byte of a name; less _ZERO, neither digit, minus nor separator is it
_own = threading.local()
_WFLW_POINTS = 98
_WFLW_CELLS = 2 * _WFLW_POINTS + 4 + 6 + 1


@dataclass(frozen=True)
class Problem:
    """A file or a csv row that is left out or worth a look, and why."""

    where: str
    reason: str


@dataclass(frozen=True)
class Table:
    """Points [R, N, 2] int16 or float32, in pixels, of the pictures `names`.

    `lines` [R] are the rows' lines in the file `origin`, from 1; empty where every picture has a
    file of its own under the folder `origin`.
    """

    origin: Path
    names: list[str]
    points: np.ndarray
    lines: np.ndarray
    problems: list[Problem] = field(default_factory=list)

    def where(self, row: int) -> str:
        """Row number `row` (from 0) of this table, as messages name it."""
        if len(self.lines):
            return f"{self.origin}, row {self.lines[row]}"
        return str(self.origin / self.names[row])


class Layout(NamedTuple):
    """What the first line of a csv says: its separator, how many numbers in a row, and a header."""

    separator: str
    numbers: int
    header: bool


class Block(NamedTuple):
    """Some rows: names, values [R, 2N] int16 or float32, lines (from 1), and bad (line, reason)."""

    names: list[str]
    values: np.ndarray
    lines: list[int]
    bad: list[tuple[int, str]]


def read_layout(path: Path) -> Layout:
    """The layout of a csv: with TABs the contest's, which has a header; else commas.

    Raises:
        ValueError: no text, no header where there must be one, no points, or half a point.
    """
    with path.open("rb") as file:
        first = file.readline(LONGEST)
    try:
        line = first.decode("utf-8-sig").rstrip("\r\n")
        separator = "\t" if "\t" in line else ","
        cells = next(csv.reader([line], delimiter=separator), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as a csv: {error}") from error
    header = not (len(cells) > 1 and all(map(_is_number, cells[1:])))
    named = bool(cells) and cells[0].strip() == "file_name"
    if not named and (separator == "\t" or len(cells) < 2):
        raise ValueError(
            f"{path} must have a header that begins with file_name; received: {line[:60]!r}"
        )
    if len(cells) == 1:
        raise ValueError(f"{path} has no points: its only column is file_name")
    if len(cells) % 2 == 0:
        raise ValueError(
            f"{path} must have an even count of numbers, x and y of each point; "
            f"received: {len(cells) - 1} columns after {cells[0]}"
        )
    return Layout(separator, len(cells) - 1, header)


def csv_blocks(path: Path, layout: Layout) -> Iterator[Block]:
    """The rows of a csv, some hundred at a time; of a name that stands there twice, the first."""
    seen: dict[str, int] = {}
    line = 1
    with path.open("rb") as file:
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        if layout.header:
            file.readline()
            line = 2
        # NumPy lets go of the interpreter's lock; few chunks wait, so memory stays small.
        workers = min(2, os.cpu_count() or 1)
        waiting: deque[Future[Block]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            for chunk in _chunks(file):
                waiting.append(pool.submit(_parse, chunk, line, layout))
                line += chunk.count(b"\n")
                if len(waiting) > 2 * workers:
                    yield _without_repeated(waiting.popleft().result(), seen)
            for parsed in waiting:
                yield _without_repeated(parsed.result(), seen)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """Whole lines, each with a plain line end."""
    while data := file.read(CHUNK):
        if not data.endswith(b"\n"):
            data += (rest := file.readline(LONGEST))
            if len(rest) == LONGEST and not rest.endswith(b"\n"):
                raise ValueError(f"{file.name} has a line of over {LONGEST} bytes: no csv")
            if not data.endswith(b"\n"):
                data = data.rstrip(b"\r") + b"\n"
        yield data.replace(b"\r\n", b"\n") if b"\r" in data else data


def _parse(chunk: bytes, line: int, layout: Layout) -> Block:
    """Parse whole lines, the first of which is line number `line`."""
    if (fast := _parse_regular(chunk, layout)) is not None:
        names, values = fast
        return Block(names, values, list(range(line, line + len(names))), [])
    lines = chunk.split(b"\n")[:-1]
    if len(lines) > 1:
        # Something here is irregular: halve until the quick way is left for those rows only.
        half = len(lines) // 2
        one = _parse(b"\n".join(lines[:half]) + b"\n", line, layout)
        two = _parse(b"\n".join(lines[half:]) + b"\n", line + half, layout)
        values = np.concatenate([b.values for b in (one, two) if b.names] or [one.values])
        return Block(one.names + two.names, values, one.lines + two.lines, one.bad + two.bad)
    empty = np.empty((0, layout.numbers), np.int16)
    if not lines[0].strip():
        return Block([], empty, [], [])
    try:
        name, row = _parse_row(lines[0], layout)
    except (ValueError, csv.Error) as error:
        return Block([], empty, [], [(line, str(error))])
    return Block([name], row, [line], [])


def _parse_regular(chunk: bytes, layout: Layout) -> tuple[list[str], np.ndarray] | None:
    """Names and int16 values of lines that all have the right count of short whole numbers.

    What the digits up to a byte make is computed at every byte, which is quicker than to pick the
    digits of each number; then the bytes before a separator are taken.
    """
    size = len(chunk)
    buffers = _buffers(size)
    code, pair, upper = buffers[:3, :size]
    digit, stop, some = buffers[3:6, :size].view(np.bool_)
    value = buffers[6:].reshape(-1).view(np.int16)[:size]

    np.subtract(np.frombuffer(chunk, np.uint8), _ZERO, out=code)  # wraps: no digit is above 9
    separator = layout.separator.encode()
    names: list[str] = []
    ends: list[int] = []
    start = named = 0
    try:
        while start < size:
            end = chunk.index(b"\n", start)
            cut = chunk.index(separator, start, end) + 1
            names.append(chunk[start : cut - 1].decode().strip())
            ends.append(end)
            code[start:cut] = _NAME
            code[end] = separator[0] - _ZERO & 255
            named += cut - start
            start = end + 1
    except ValueError:  # a line without separator, or no text
        return None
    if '"' in "".join(names) or not all(names):
        return None

    np.less_equal(code, 9, out=digit)
    np.equal(code, separator[0] - _ZERO & 255, out=stop)
    count = len(names) * layout.numbers
    signs = size - named - count - np.count_nonzero(digit)  # what is left can only be a minus
    negative = None
    if signs:
        minus = np.equal(code, ord("-") - _ZERO & 255, out=some)
        negative = np.flatnonzero(minus)
        before_digit = digit[negative + 1].all() and not digit[negative - 1].any()
        if len(negative) != signs or not before_digit:
            return None
    if np.count_nonzero(np.logical_and(stop[1:], digit[:-1], out=some[1:])) != count:
        return None
    last = np.flatnonzero(stop[1:])  # each number's last digit
    if len(last) != count or (last[layout.numbers - 1 :: layout.numbers] + 1 != ends).any():
        return None
    run = np.logical_and(digit[1:], digit[:-1], out=some[1:])
    run = np.logical_and(run[2:], run[:-2], out=upper.view(np.bool_)[3:])
    if run.any() and (run[1:] & digit[:-4]).any():
        return None  # five digits may not fit into int16

    flag = digit.view(np.uint8)
    code *= flag
    pair[0] = 0
    np.multiply(code[:-1], 10, out=pair[1:])
    pair += code
    pair *= flag
    upper[:2] = 0
    np.multiply(pair[:-2], flag[1:-1], out=upper[2:])
    np.multiply(upper, np.int16(100), out=value)
    value += pair
    values = value.take(last, mode="clip")  # the mode that is quick
    if negative is not None:
        values[np.searchsorted(last, negative)] *= -1
    return names, values.reshape(len(names), -1)


def _buffers(size: int) -> np.ndarray:
    """Bytes [8, at least `size`], the thread's own: fresh memory would cost more than the work."""
    buffers: np.ndarray | None = getattr(_own, "buffers", None)
    if buffers is None or buffers.shape[1] < size:
        buffers = _own.buffers = np.empty((8, size + size // 8 + 64 & -64), np.uint8)
    return buffers


def _parse_row(line: bytes, layout: Layout) -> tuple[str, np.ndarray]:
    """Name and values [1, 2N] of any row; ValueError says what is wrong with it."""
    text = line.decode()
    name, *cells = next(csv.reader([text], delimiter=layout.separator, strict=True))
    if len(cells) != layout.numbers:
        raise ValueError(f"{1 + len(cells)} columns instead of {1 + layout.numbers}")
    if not (name := name.strip()):
        raise ValueError("an empty file name")
    if (bad := next((i for i, cell in enumerate(cells) if not _is_number(cell)), None)) is not None:
        raise ValueError(f"column {bad + 2} must be a finite number; received: {cells[bad]!r}")
    return name, _smallest(np.array([[float(cell) for cell in cells]]))


def _is_number(cell: str) -> bool:
    try:
        return abs(float(cell)) < 1e9 and "_" not in cell
    except ValueError:
        return False


def _smallest(values: np.ndarray) -> np.ndarray:
    """As int16 where nothing is lost, else as float32."""
    whole = (values == np.rint(values)) & (values >= _INT16.min) & (values <= _INT16.max)
    return values.astype(np.int16 if whole.all() else np.float32)


def _without_repeated(block: Block, seen: dict[str, int]) -> Block:
    kept = []
    bad = list(block.bad)
    for row, (name, line) in enumerate(zip(block.names, block.lines, strict=True)):
        if name in seen:
            bad.append((line, f"{name} stands there twice, first in row {seen[name]}"))
        else:
            seen[name] = line
            kept.append(row)
    if len(kept) == len(block.names):
        return block
    names, lines = [block.names[i] for i in kept], [block.lines[i] for i in kept]
    return Block(names, block.values[kept], lines, sorted(bad))


def read_pts(folder: Path) -> Table:
    """300-W: a file `<stem>.pts` beside each picture, at any depth under `folder`.

    A file counts pixels from 1; the points are returned from 0. The count of points is that of
    most files, the others are listed. https://ibug.doc.ic.ac.uk/resources/300-W/

    Raises:
        ValueError: no file that can be used.
    """
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".pts", *SUFFIXES})
    pictures = {p.with_suffix(""): p for p in reversed(files) if p.suffix.lower() != ".pts"}
    found: list[tuple[str, np.ndarray]] = []
    problems: list[Problem] = []
    for path in (p for p in files if p.suffix.lower() == ".pts"):
        try:
            if (picture := pictures.get(path.with_suffix(""))) is None:
                raise ValueError("no picture of this name beside it")
            points = _parse_pts(path.read_text())
        except (OSError, ValueError) as error:
            problems.append(Problem(str(path), str(error)))
        else:
            found.append((picture.relative_to(folder).as_posix(), points))
    require_rows(folder, len(found), problems)
    (count, _), *_ = Counter(len(points) for _, points in found).most_common(1)
    problems += [
        Problem(str(folder / name), f"{len(points)} points instead of {count}")
        for name, points in found
        if len(points) != count
    ]
    found = [(name, points) for name, points in found if len(points) == count]
    stacked = np.stack([points for _, points in found]).astype(np.float32)
    return Table(folder, [name for name, _ in found], stacked, np.empty(0, np.int64), problems)


def _parse_pts(text: str) -> np.ndarray:
    head, _, rest = text.partition("{")
    body, brace, _ = rest.partition("}")
    stated = next((s.split(":")[1] for s in head.splitlines() if s.startswith("n_points:")), "")
    cells = body.split()
    if not brace or not stated.strip().isdigit():
        raise ValueError("not a .pts file: it must have n_points: and points in braces")
    if (bad := next((cell for cell in cells if not _is_number(cell)), None)) is not None:
        raise ValueError(f"coordinates must be finite numbers; received: {bad!r}")
    if len(cells) != 2 * int(stated) or not cells:
        raise ValueError(f"n_points is {int(stated)}, but it has {len(cells)} numbers")
    return np.array(cells, np.float64).reshape(-1, 2) - 1


def read_wflw(path: Path) -> Table:
    """A WFLW list: 196 numbers (98 points), box, 6 flags and the picture's path, by spaces.

    A photograph with several faces stands there several times. https://wywu.github.io/projects/LAB

    Raises:
        ValueError: no such file, no text, or no row that can be used.
    """
    names: list[str] = []
    rows: list[np.ndarray] = []
    lines: list[int] = []
    problems: list[Problem] = []
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as a list of WFLW: {error}") from error
    for line, cells in enumerate(map(str.split, text.splitlines()), start=1):
        numbers = cells[: 2 * _WFLW_POINTS]
        if len(cells) not in (0, _WFLW_CELLS):
            reason = f"{len(cells)} columns instead of {_WFLW_CELLS}"
            problems.append(Problem(f"{path}, row {line}", reason))
        elif (bad := next((c for c in numbers if not _is_number(c)), None)) is not None:
            reason = f"coordinates must be finite numbers; received: {bad!r}"
            problems.append(Problem(f"{path}, row {line}", reason))
        elif cells:
            names.append(cells[-1])
            rows.append(np.array(numbers, np.float32))
            lines.append(line)
    require_rows(path, len(rows), problems)
    points = np.stack(rows).reshape(-1, _WFLW_POINTS, 2)
    return Table(path, names, points, np.array(lines), problems)


def require_rows(origin: Path, count: int, problems: Sequence[Problem]) -> None:
    """Raise ValueError, with the first reason, where `count` rows of `origin` are none."""
    if not count:
        first = f"; the first: {problems[0].where}: {problems[0].reason}" if problems else ""
        raise ValueError(f"{origin} has no row of points that can be used{first}")

"""The binary cache of a csv: made once, in one step, known again, made again when damaged."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from landmarks import formats, store
from landmarks.store import open_csv


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return write(tmp_path / "landmarks.csv", [[1, 2, 3, 4], [5, 6, 7, 8]])


def write(path: Path, rows: list[list[float]], *more: str) -> Path:
    lines = [f"{i}.jpg\t" + "\t".join(map(str, row)) for i, row in enumerate(rows)]
    path.write_text("\n".join(["file_name\tx0\ty0\tx1\ty1", *lines, *more]) + "\n")
    return path


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done to csv files: "hash" or "parse"."""
    done: list[str] = []
    digest, blocks = store._digest, formats.csv_blocks

    def hashing(path: Path) -> str:
        done.append("hash")
        return digest(path)

    def parsing(path: Path, layout: formats.Layout) -> Iterator[formats.Block]:
        done.append("parse")
        return blocks(path, layout)

    monkeypatch.setattr(store, "_digest", hashing)
    monkeypatch.setattr(store, "csv_blocks", parsing)
    return done


def test_points_are_mapped_and_the_csv_is_read_once(
    csv: Path, tmp_path: Path, parsed: list[str]
) -> None:
    for _ in range(3):
        table = open_csv(csv, tmp_path / "cache")
        assert isinstance(table.points, np.memmap)
        assert table.points.dtype == np.int16
        assert table.points.tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
        assert table.names == ["0.jpg", "1.jpg"]
        assert table.where(1) == f"{csv}, row 3"
    assert parsed == ["hash", "parse"]
    os.utime(csv, ns=(1, 1))
    open_csv(csv, tmp_path / "cache")
    open_csv(csv, tmp_path / "cache")
    assert parsed == ["hash", "parse", "hash"]
    copy = tmp_path / "copy.csv"
    copy.write_bytes(csv.read_bytes())
    assert open_csv(copy, tmp_path / "cache").where(0) == f"{copy}, row 2"
    assert parsed == ["hash", "parse", "hash", "hash"]
    assert not list(tmp_path.glob("cache/*.part"))


def test_a_changed_csv_is_read_again(csv: Path, tmp_path: Path) -> None:
    before = open_csv(csv, tmp_path / "cache").points
    write(csv, [[1, 2, 3, 5], [5, 6, 7, 8]])
    os.utime(csv, ns=(1, 1))
    assert open_csv(csv, tmp_path / "cache").points[0, 1, 1] == 5
    assert before[0, 1, 1] == 4, "what is mapped stays as it was"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"\x63" + data[1:],
        lambda data: data.replace(b"0.jpg", b"9.jpg"),
        lambda data: data.replace(b"points-1", b"points-0"),
        lambda data: data + b"x",
    ],
)
def test_a_damaged_cache_is_made_again(
    spoil: Callable[[bytes], bytes], csv: Path, tmp_path: Path
) -> None:
    open_csv(csv, tmp_path / "cache")
    (file,) = (tmp_path / "cache").glob(f"*.{store.FORMAT}")
    whole = file.read_bytes()
    file.write_bytes(spoil(whole))
    os.utime(file, ns=(5, 5))  # a clock may be too coarse to show the change
    table = open_csv(csv, tmp_path / "cache")
    assert table.points.tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert table.names == ["0.jpg", "1.jpg"]
    assert file.read_bytes() == whole


def test_a_whole_cache_of_another_time_is_used(
    csv: Path, tmp_path: Path, parsed: list[str]
) -> None:
    open_csv(csv, tmp_path / "cache")
    (file,) = (tmp_path / "cache").glob(f"*.{store.FORMAT}")
    os.utime(file, ns=(5, 5))
    open_csv(csv, tmp_path / "cache")
    assert parsed == ["hash", "parse"]


@pytest.mark.parametrize("text", ["", "[]", "3", '{"digest": "x"}', "{"])
def test_a_damaged_note_is_written_again(
    text: str, csv: Path, tmp_path: Path, parsed: list[str]
) -> None:
    open_csv(csv, tmp_path / "cache")
    (note,) = (tmp_path / "cache").glob("*.json")
    note.write_text(text)
    assert len(open_csv(csv, tmp_path / "cache").names) == 2
    assert parsed == ["hash", "parse", "hash"]


def test_whole_numbers_until_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "CHUNK", 64)
    monkeypatch.setattr(store, "_BLOCK", 40)  # widening goes in several blocks
    rows: list[list[float]] = [[i, -i, 1000 + i, 0] for i in range(50)]
    csv = write(tmp_path / "a.csv", [*rows, [0.5, 40000, 1, 2], *rows])
    table = open_csv(csv, tmp_path / "cache")
    assert table.points.dtype == np.float32
    expected = np.array([*rows, [0.5, 40000, 1, 2], *rows], np.float32)
    np.testing.assert_array_equal(table.points.reshape(-1, 4), expected)


def test_lines_of_kept_rows_and_of_bad_ones(csv: Path, tmp_path: Path) -> None:
    with csv.open("a") as file:
        file.write("x.jpg\t1\n\n2.jpg\t1\t2\t3\t4\ny.jpg\t1\n")
    for _ in range(2):
        table = open_csv(csv, tmp_path / "cache")
        assert table.lines.tolist() == [2, 3, 6]
        assert [p.where for p in table.problems] == [f"{csv}, row 4", f"{csv}, row 7"]


def test_errors_name_the_file_and_leave_nothing(csv: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    csv.write_text("file_name\tx\ty\na.jpg\t1\tb\nb.jpg\t1\n")
    with pytest.raises(
        ValueError, match=r"landmarks\.csv has no row .*; the first: .*csv, row 2: column 3 must"
    ):
        open_csv(csv, cache)
    csv.write_text("file_name\tx\ty\n")
    with pytest.raises(ValueError, match=r"landmarks\.csv has no row of points that can be used$"):
        open_csv(csv, cache)
    with pytest.raises(ValueError, match=r"no such file: .*none\.csv"):
        open_csv(tmp_path / "none.csv", cache)
    assert list(cache.iterdir()) == []


KILLED = """
import sys, time
from pathlib import Path
from landmarks import formats, store
formats.CHUNK = 1024
blocks = formats.csv_blocks
def slow(path, layout):
    for number, block in enumerate(blocks(path, layout)):
        yield block
        if number == 3:
            print("begun", flush=True)
            time.sleep(60)
store.csv_blocks = slow
store.open_csv(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_a_kill_while_parsing_leaves_nothing_wrong(tmp_path: Path) -> None:
    rows: list[list[float]] = [[i % 1000, 1, 2, 3] for i in range(2000)]
    csv, cache = write(tmp_path / "a.csv", rows), tmp_path / "cache"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, csv, cache],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGKILL)
    (part,) = cache.iterdir()
    assert part.suffix == ".part"
    table = open_csv(csv, cache)
    np.testing.assert_array_equal(table.points.reshape(-1, 4), rows)
    assert part.exists(), "another process may be at it"
    old = time.time() - 3600
    os.utime(part, (old, old))
    open_csv(write(csv, rows[:5]), cache)
    assert not part.exists()

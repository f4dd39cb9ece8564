"""Text -> tables: csv of points, `.pts`, WFLW; what is used, what is listed, what is an error."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landmarks import formats
from landmarks.formats import Layout, Problem, csv_blocks, read_layout, read_pts, read_wflw

HEADER = "file_name\tPoint_M0_X\tPoint_M0_Y\tPoint_M1_X\tPoint_M1_Y"


def parse(path: Path) -> tuple[list[str], list[list[float]], list[int], list[tuple[int, str]]]:
    blocks = list(csv_blocks(path, read_layout(path)))
    return (
        [name for b in blocks for name in b.names],
        [row for b in blocks for row in b.values.tolist()],
        [line for b in blocks for line in b.lines],
        [bad for b in blocks for bad in b.bad],
    )


def write(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "landmarks.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\na.jpg\t1\t-2\t30\t4444\nb.jpg\t0\t0\t-999\t7\n",
        f"{HEADER}\na.jpg\t1\t-2\t30\t4444\nb.jpg\t0\t0\t-999\t7",
        f"{HEADER}\r\na.jpg\t1\t-2\t30\t4444\r\nb.jpg\t0\t0\t-999\t7\r\n",
        f"{HEADER}\r\na.jpg\t1\t-2\t30\t4444\r\nb.jpg\t0\t0\t-999\t7\r",
        f"\ufeff{HEADER}\na.jpg\t1\t-2\t30\t4444\nb.jpg\t0\t0\t-999\t7\n\n\n",
        f'{HEADER}\n"a.jpg"\t1\t"-2"\t30\t4444\n b.jpg \t0\t 0\t-999\t7\n',
        f"{HEADER}\na.jpg\t1.0\t-2\t3e1\t4444\nb.jpg\t0\t-0\t-999\t+7\n",
        "\ufefffile,x,y,x,y\na.jpg,1,-2,30,4444\nb.jpg,0,0,-999,7\n",
        "a.jpg,1,-2,30,4444\nb.jpg,0,0,-999,7\n",
    ],
)
def test_forms_of_csv(text: str, tmp_path: Path) -> None:
    (path := tmp_path / "p.csv").write_bytes(text.encode())
    names, values, lines, bad = parse(path)
    assert names == ["a.jpg", "b.jpg"]
    assert values == [[1, -2, 30, 4444], [0, 0, -999, 7]]
    assert lines == ([2, 3] if "file" in text else [1, 2])
    assert bad == []
    assert all(b.values.dtype == np.int16 for b in csv_blocks(path, read_layout(path)))


@pytest.mark.parametrize("chunk", [40, 1 << 17])
def test_bad_rows_are_listed_with_their_line(
    chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "CHUNK", chunk)
    path = write(
        tmp_path,
        "a.jpg\t1\t2\t3\t4",
        "short.jpg\t1\t2\t3",
        "long.jpg\t1\t2\t3\t4\t5",
        "b.jpg\t5\t6\t7\t8",
        "text.jpg\t1\tx\t3\t4",
        "nan.jpg\t1\t2\tnan\t4",
        "inf.jpg\t-inf\t2\t3\t4",
        "",
        "none.jpg\t1\t2\t\t4",
        "\t1\t2\t3\t4",
        "a.jpg\t9\t9\t9\t9",
        "minus.jpg\t1\t-\t3\t4",
        "inner.jpg\t1\t2-3\t3\t4",
        "python.jpg\t1\t1_0\t3\t4",
        'quote.jpg\t1\t"2\t3\t4',
        "c.jpg\t9\t10\t11\t12",
    )
    names, values, lines, bad = parse(path)
    assert names == ["a.jpg", "b.jpg", "c.jpg"]
    assert values == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    assert lines == [2, 5, 17]
    assert bad[:-1] == [
        (3, "4 columns instead of 5"),
        (4, "6 columns instead of 5"),
        (6, "column 3 must be a finite number; received: 'x'"),
        (7, "column 4 must be a finite number; received: 'nan'"),
        (8, "column 2 must be a finite number; received: '-inf'"),
        (10, "column 4 must be a finite number; received: ''"),
        (11, "an empty file name"),
        (12, "a.jpg stands there twice, first in row 2"),
        (13, "column 3 must be a finite number; received: '-'"),
        (14, "column 3 must be a finite number; received: '2-3'"),
        (15, "column 3 must be a finite number; received: '1_0'"),
    ]
    assert bad[-1][0] == 16


def test_a_row_that_borrows_a_cell_from_the_next_is_not_read_as_whole(tmp_path: Path) -> None:
    # Together the two have the right count of separators.
    path = write(tmp_path, "a.jpg\t1\t2\t3", "b.jpg\t1\t2\t3\t4\t5", "c.jpg\t1\t2\t3\t4")
    names, _, _, bad = parse(path)
    assert names == ["c.jpg"]
    assert [line for line, _ in bad] == [2, 3]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jpg\t1\t2\t3\t4")
    path.write_bytes(path.read_bytes() + b"\xff\xfe.jpg\t1\t2\t3\t4\n\xd0\xb0.jpg\t1\t2\t3\t4\n")
    names, _, _, bad = parse(path)
    assert names == ["a.jpg", "а.jpg"]  # noqa: RUF001
    assert bad[0][0] == 3
    assert "utf-8" in bad[0][1]


@settings(max_examples=40)
@given(
    rows=st.lists(
        st.lists(
            st.one_of(
                st.integers(-99999, 99999),
                st.floats(-1e4, 1e4, width=32),
                st.integers(-999, 9999),
            ),
            min_size=4,
            max_size=4,
        ),
        min_size=1,
        max_size=12,
    ),
    chunk=st.sampled_from([24, 100, 1 << 17]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_numbers_are_what_python_reads(
    rows: list[list[float]], chunk: int, end: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "numbers.csv"
    lines = [f"{i}-0.jpg\t" + "\t".join(map(repr, row)) for i, row in enumerate(rows)]
    path.write_bytes(end.join([HEADER, *lines]).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "CHUNK", chunk)
        names, values, _, bad = parse(path)
    assert names == [f"{i}-0.jpg" for i in range(len(rows))]
    assert bad == []
    np.testing.assert_array_equal(values, np.array(rows, np.float32))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must have a header that begins with file_name; received: ''"),
        ("name\tx\ty\n", "must have a header that begins with file_name"),
        ("a.jpg\t1\t2\n", "must have a header that begins with file_name"),
        ("file_name\n", r"p\.csv has no points"),
        ("file_name\tx\n", r"an even count of numbers.*; received: 1 columns after file_name"),
        ("a.jpg,1,2,3\n", r"an even count of numbers.*; received: 3 columns after a\.jpg"),
        ("x\n", "must have a header that begins with file_name; received: 'x'"),
        ("\udcff\udcfe\n", r"p\.csv cannot be read as a csv"),
    ],
)
def test_errors_of_the_header(text: str, message: str, tmp_path: Path) -> None:
    (path := tmp_path / "p.csv").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=message):
        read_layout(path)


def test_layouts(tmp_path: Path) -> None:
    assert read_layout(write(tmp_path)) == Layout("\t", 4, True)
    assert read_layout(write(tmp_path, header="file,x,y")) == Layout(",", 2, True)
    assert read_layout(write(tmp_path, header="a.jpg,1,2.5")) == Layout(",", 2, False)


def test_a_line_without_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "LONGEST", 300)
    monkeypatch.setattr(formats, "CHUNK", 100)
    path = write(tmp_path, "a" * 400)
    with pytest.raises(ValueError, match="has a line of over 300 bytes"):
        parse(path)


def pts(*points: tuple[float, float], count: int | None = None) -> str:
    body = "\n".join(f"{x:.6f} {y:.6f}" for x, y in points)
    return f"version: 1\nn_points:  {len(points) if count is None else count}\n{{\n{body}\n}}\n"


def test_pts_count_pixels_from_one(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.png", "deep/a.v1.jpg", "few.jpg", "bad.jpg", "nan.jpg", "odd.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "b.pts").write_text(pts((1, 1), (10.5, 20.25)))
    (tmp_path / "deep" / "a.v1.pts").write_text(pts((3, 4), (5, 6)))
    (tmp_path / "few.pts").write_text(pts((3, 4)))
    (tmp_path / "bad.pts").write_text("what is this")
    (tmp_path / "nan.pts").write_text(pts((3, 4), (float("nan"), 1)))
    (tmp_path / "odd.pts").write_text(pts((3, 4), (5, 6), count=3))
    (tmp_path / "alone.pts").write_text(pts((3, 4), (5, 6)))
    table = read_pts(tmp_path)
    assert table.names == ["b.png", "deep/a.v1.jpg"]
    assert table.points.tolist() == [[[0, 0], [9.5, 19.25]], [[2, 3], [4, 5]]]
    assert table.points.dtype == np.float32
    assert table.where(1) == str(tmp_path / "deep" / "a.v1.jpg")
    assert table.problems == [
        Problem(str(tmp_path / "alone.pts"), "no picture of this name beside it"),
        Problem(
            str(tmp_path / "bad.pts"),
            "not a .pts file: it must have n_points: and points in braces",
        ),
        Problem(str(tmp_path / "nan.pts"), "coordinates must be finite numbers; received: 'nan'"),
        Problem(str(tmp_path / "odd.pts"), "n_points is 3, but it has 4 numbers"),
        Problem(str(tmp_path / "few.jpg"), "1 points instead of 2"),
    ]
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.pts").write_text(pts((1, 1)))
    with pytest.raises(ValueError, match=r"none has no row .*; the first: .*a\.pts: no picture"):
        read_pts(tmp_path / "none")


def wflw(name: str, first: object = 0.5) -> str:
    box_and_flags = [1, 2, 30, 40, 0, 1, 0, 0, 1, 0]
    return " ".join(map(str, [first, *np.arange(1, 196) / 4, *box_and_flags, name]))


def test_wflw(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    rows = [wflw("1--Par/a.jpg"), "", wflw("b.jpg", "x"), "1 2 3 c.jpg", wflw("1--Par/a.jpg", 7)]
    path.write_text("\n".join(rows) + "\n")
    table = read_wflw(path)
    assert table.names == ["1--Par/a.jpg", "1--Par/a.jpg"]
    assert table.points.shape == (2, 98, 2)
    assert table.points[:, 0].tolist() == [[0.5, 0.25], [7, 0.25]]
    assert table.points[0, 97].tolist() == [194 / 4, 195 / 4]
    assert table.where(1) == f"{path}, row 5"
    assert table.problems == [
        Problem(f"{path}, row 3", "coordinates must be finite numbers; received: 'x'"),
        Problem(f"{path}, row 4", "4 columns instead of 207"),
    ]
    path.write_text("a b\n")
    with pytest.raises(ValueError, match=r"list\.txt has no row .* row 1: 2 columns instead"):
        read_wflw(path)
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(ValueError, match=r"list\.txt cannot be read"):
        read_wflw(path)

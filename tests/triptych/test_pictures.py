"""Checking a folder's pictures once, and keeping what fits."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from triptych.images import ImageError
from triptych.pictures import Checked, Pictures, left_out, odd_sized


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Five pictures 40 x 60 (height x width), the fourth of them a text file."""
    rng = np.random.default_rng(0)
    for number in range(5):
        pixels = rng.integers(0, 256, (40, 60, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    (tmp_path / "3.png").write_text("no picture")
    return sorted(tmp_path.iterdir())


@pytest.mark.parametrize("workers", [1, 4])
def test_check_tells_of_every_file_in_order(paths: list[Path], workers: int) -> None:
    seen = []

    def progress(items: Iterable[Checked]) -> Iterable[Checked]:
        for item in items:
            seen.append(item.path)
            yield item

    checked = Pictures(paths, (20, 20), 10).check(workers, progress)
    assert [c.path for c in checked] == seen == paths
    assert [(c.height, c.width) for c in checked] == [(40, 60)] * 3 + [(0, 0)] + [(40, 60)]
    assert [bool(c.error) for c in checked] == [False] * 3 + [True, False]
    assert checked[3].error == "not a picture in a known format"
    assert len({c.digest for c in checked}) == 5


def test_pictures_are_the_same_from_memory_and_from_disk(paths: list[Path]) -> None:
    kept, read = Pictures(paths, (20, 20), 10), Pictures(paths, (20, 20), 0)
    kept.check(2)
    read.check(2)
    for index in (0, 1, 2, 4):
        np.testing.assert_array_equal(kept[index], read[index])
        assert kept[index].shape == (20, 30, 3)
    for path in paths:
        path.unlink()
    assert kept[0] is kept[0]
    with pytest.raises(ImageError, match=r"0\.png: cannot be read"):
        read[0]


def test_keeps_no_more_than_its_budget(paths: list[Path]) -> None:
    """A picture takes 20 * 30 * 3 = 1800 bytes, so 4000 bytes hold two."""
    pictures = Pictures(paths, (20, 20), 0.004)
    pictures.check(4)
    for path in paths:
        path.unlink()
    held = 0
    for index in range(5):
        try:
            held += pictures[index].nbytes
        except ImageError:
            continue
    assert held == 3600


def test_select_shares_what_is_kept(paths: list[Path]) -> None:
    pictures = Pictures(paths, (20, 20), 10)
    pictures.check(2)
    chosen = pictures.select([4, 0])
    assert chosen.paths == [paths[4], paths[0]]
    assert chosen[0] is pictures[4]
    assert chosen.select([1])[0] is pictures[0]


def checked(*digests: str) -> list[Checked]:
    return [Checked(Path(f"{i}.jpg"), 64, 64, digest) for i, digest in enumerate(digests)]


def test_copies_are_left_out() -> None:
    assert left_out(checked("a", "b", "a", "a"), [0, 1, 0, 0]) == {
        2: "a copy of 0.jpg",
        3: "a copy of 0.jpg",
    }


def test_all_copies_under_two_labels_are_left_out() -> None:
    """Each names a copy whose label is not its own."""
    other = "which has another label"
    assert left_out(checked("a", "a", "b", "a"), ["x", "x", "y", "z"]) == {
        0: f"the same picture as 3.jpg, {other}",
        1: f"the same picture as 3.jpg, {other}",
        3: f"the same picture as 0.jpg, {other}",
    }


def test_unreadable_pictures_are_left_out_and_are_no_copies() -> None:
    broken = [Checked(Path("a"), error="empty"), Checked(Path("b"), error="damaged")]
    assert left_out(broken, [0, 1]) == {0: "empty", 1: "damaged"}
    assert odd_sized(broken) == {}


def test_extras_take_nothing_from_the_data() -> None:
    """Of the extras, 3 to 7, two are in the data; the others are compared among themselves."""
    items = checked("a", "a", "b", "b", "a", "c", "c", "d")
    extra = [False] * 3 + [True] * 5
    assert left_out(items, ["x", "x", "y", "z", "x", "p", "q", "r"], extra) == {
        1: "a copy of 0.jpg",
        3: "the same picture as 2.jpg, which is in the data",
        4: "the same picture as 0.jpg, which is in the data",
        5: "the same picture as 6.jpg, which has another label",
        6: "the same picture as 5.jpg, which has another label",
    }


def test_odd_sizes() -> None:
    sizes = [(31, 200), (32, 32), (50, 200), (50, 201), (900, 100), (20, 500)]
    items = [Checked(Path("a"), height, width, "d") for height, width in sizes]
    assert odd_sized(items) == {
        0: "only 200 x 31 pixels",
        3: "an odd shape: 201 x 50 pixels",
        4: "an odd shape: 100 x 900 pixels",
        5: "only 500 x 20 pixels",
    }

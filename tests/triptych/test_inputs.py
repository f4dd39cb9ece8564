"""What the command line names -> picture files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from triptych.inputs import Readable, find, runs_and_inputs


def _picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((40, 60, 3), 200, np.uint8)).save(path)
    return path


def _run(path: Path) -> Path:
    path.mkdir()
    for name in ("config.json", "model.keras"):
        (path / name).write_text("{}")
    return path


def _none(csv: Path) -> list[Path]:
    raise AssertionError(f"{csv} was asked for")


def test_runs_come_first_then_inputs(tmp_path: Path) -> None:
    runs = [_run(tmp_path / name) for name in ("a", "b")]
    picture = _picture(tmp_path / "p.jpg")
    assert runs_and_inputs([*runs, picture]) == (runs, [picture])
    with pytest.raises(ValueError, match="no pictures"):
        runs_and_inputs(runs)
    with pytest.raises(ValueError, match=r"p\.jpg is not a run folder: it has no config\.json"):
        runs_and_inputs([picture, *runs])
    with pytest.raises(ValueError, match="a run folder and pictures are needed"):
        runs_and_inputs([])


def test_a_folder_gives_its_pictures_and_those_of_its_subfolders(tmp_path: Path) -> None:
    expected = [_picture(tmp_path / "in" / "b.jpg"), _picture(tmp_path / "in" / "deep" / "a.png")]
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    assert sorted(find([tmp_path / "in"], _none)) == sorted(expected)


def test_a_csv_is_asked_what_it_lists(tmp_path: Path) -> None:
    """Its pictures need not exist: that is said when they are read."""
    single = _picture(tmp_path / "z.png")
    found = find([tmp_path / "a.csv", single], lambda csv: [csv.parent / "q.jpg"])
    assert found == [tmp_path / "q.jpg", single]


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    _picture(tmp_path / "x" / "a.jpg")
    _picture(tmp_path / "y" / "a.jpg")
    with pytest.raises(ValueError, match="two pictures have one name"):
        find([tmp_path], _none)


def test_nothing_to_find_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no pictures in"):
        find([tmp_path / "empty"], _none)
    with pytest.raises(ValueError, match="no such file or folder"):
        find([tmp_path / "none.jpg"], _none)


def test_an_unreadable_picture_is_remembered_and_reads_as_grey(tmp_path: Path) -> None:
    good, bad = _picture(tmp_path / "good.png"), tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    for size, shape in (((32, 32), (64, 64, 3)), (None, (64, 64, 3))):
        pictures = Readable([good, bad], size)
        assert pictures.read(0).mean() == 200
        assert pictures.read(1).shape == shape
        assert list(pictures.unreadable) == [bad]


def test_pictures_are_shrunk_or_kept_whole(tmp_path: Path) -> None:
    path = _picture(tmp_path / "a.png")
    assert Readable([path], (10, 10)).read(0).shape == (20, 30, 3)
    assert Readable([path], (32, 32)).read(0).shape == (40, 60, 3)
    assert Readable([path], None).read(0).shape == (40, 60, 3)

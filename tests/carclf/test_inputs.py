"""What the command line names -> picture files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carclf import inputs
from triptych.inputs import Readable, runs_and_inputs


def _picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((40, 60, 3), 200, np.uint8)).save(path)
    return path


def _run(path: Path) -> Path:
    path.mkdir()
    for name in ("config.json", "model.keras"):
        (path / name).write_text("{}")
    return path


def test_runs_come_first_then_inputs(tmp_path: Path) -> None:
    runs = [_run(tmp_path / name) for name in ("a", "b")]
    picture = _picture(tmp_path / "p.jpg")
    assert runs_and_inputs([*runs, picture]) == (runs, [picture])
    with pytest.raises(ValueError, match="no pictures"):
        runs_and_inputs(runs)
    with pytest.raises(ValueError, match=r"p\.jpg is not a run folder: it has no config\.json"):
        runs_and_inputs([picture, *runs])


def test_a_folder_gives_its_pictures_and_those_of_its_subfolders(tmp_path: Path) -> None:
    expected = [_picture(tmp_path / "in" / "b.jpg"), _picture(tmp_path / "in" / "deep" / "a.png")]
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    assert sorted(inputs.find([tmp_path / "in"], None)) == sorted(expected)


def test_a_csv_gives_its_ids_in_order(tmp_path: Path) -> None:
    sample = tmp_path / "sample.csv"
    sample.write_text("Id,Category\nb.jpg,0\na.jpg,0\n")
    found = inputs.find([sample], None)
    assert found == [tmp_path / "test_upload" / "b.jpg", tmp_path / "test_upload" / "a.jpg"]
    assert inputs.find([sample], tmp_path)[0] == tmp_path / "b.jpg"


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    _picture(tmp_path / "x" / "a.jpg")
    _picture(tmp_path / "y" / "a.jpg")
    with pytest.raises(ValueError, match="two pictures have one name"):
        inputs.find([tmp_path], None)


def test_nothing_to_find_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no pictures in"):
        inputs.find([tmp_path / "empty"], None)
    with pytest.raises(ValueError, match="no such file or folder"):
        inputs.find([tmp_path / "none.jpg"], None)


def test_the_sample_is_found_in_and_beside_the_folder(tmp_path: Path) -> None:
    picture = _picture(tmp_path / "test_upload" / "a.jpg")
    assert inputs.find_sample([picture.parent]) is None
    sample = tmp_path / "sample-submission.csv"
    sample.write_text("Id,Category\na.jpg,0\n")
    assert inputs.find_sample([picture.parent]) == sample
    assert inputs.find_sample([tmp_path]) == sample


def test_an_unreadable_picture_is_remembered_and_reads_as_grey(tmp_path: Path) -> None:
    good, bad = _picture(tmp_path / "good.png"), tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    pictures = Readable([good, bad], (32, 32))
    assert pictures.read(0).mean() == 200
    assert pictures.read(1).shape == (64, 64, 3)
    assert list(pictures.unreadable) == [bad]

"""Which csv files the command line may name, and what they list."""

from pathlib import Path

import numpy as np
from PIL import Image

from carclf import inputs


def _picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((40, 60, 3), 200, np.uint8)).save(path)
    return path


def test_a_csv_gives_its_ids_in_order(tmp_path: Path) -> None:
    sample = tmp_path / "sample.csv"
    sample.write_text("Id,Category\nb.jpg,0\na.jpg,0\n")
    found = inputs.find([sample], None)
    assert found == [tmp_path / "test_upload" / "b.jpg", tmp_path / "test_upload" / "a.jpg"]
    assert inputs.find([sample], tmp_path)[0] == tmp_path / "b.jpg"


def test_the_sample_is_found_in_and_beside_the_folder(tmp_path: Path) -> None:
    picture = _picture(tmp_path / "test_upload" / "a.jpg")
    assert inputs.find_sample([picture.parent]) is None
    sample = tmp_path / "sample-submission.csv"
    sample.write_text("Id,Category\na.jpg,0\n")
    assert inputs.find_sample([picture.parent]) == sample
    assert inputs.find_sample([tmp_path]) == sample

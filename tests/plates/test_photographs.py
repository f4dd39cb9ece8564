"""What can be named on the command line, and how much is taken at a time."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from plates import photographs
from plates.photographs import Source


@pytest.fixture
def contest(tmp_path: Path) -> Path:
    folder = tmp_path / "contest"
    (folder / "test").mkdir(parents=True)
    for number in (2, 10):
        image = Image.fromarray(np.full((20, 30, 3), number, np.uint8))
        image.save(folder / "test" / f"{number}.png")
    (folder / "test" / "0.mp4").write_bytes(b"")
    (folder / "test" / "notes.txt").write_text("")
    (folder / "sample_submission.csv").write_text("file_name,plates_string\ntest/10.png,\ntest/3,")
    rows = [{"file": "test/2.png", "nums": []}, {"file": "test/2.png"}, {"file": "test/9.png"}]
    (folder / "train.json").write_text(json.dumps(rows))
    return folder


def test_names(contest: Path) -> None:
    def names(*paths: Path) -> list[str]:
        return [source.name for source in photographs.find(paths)]

    assert names(contest / "test") == ["test/0.mp4", "test/10.png", "test/2.png"]
    assert names(contest / "train.json") == ["test/2.png", "test/9.png"]
    sample = ["test/10.png", "test/3"]
    assert names(contest) == names(contest / "sample_submission.csv") == sample
    assert names(contest / "test" / "2.png", contest) == ["2.png", *sample]
    sources = photographs.find([contest / "test"])
    assert [source.is_video for source in sources] == [True, False, False]


def test_bad_paths(contest: Path) -> None:
    (contest / "empty").mkdir()
    (contest / "bad.json").write_text('[{"file": 3}]')
    (contest / "bad.csv").write_text("name\n1.png")
    for path, message in (
        ("nowhere", "no such file or folder"),
        ("empty", "no pictures and no videos in"),
        ("bad.json", r"bad\.json, row 1: must have a `file`"),
        ("bad.csv", r"bad\.csv has no column file_name"),
    ):
        with pytest.raises(ValueError, match=message):
            photographs.find([contest / path])
    with pytest.raises(ValueError, match=r"two files have one name, test/10\.png; received: .*"):
        photographs.find([contest, contest / "test"])


def test_what_cannot_be_read_is_told_of(contest: Path) -> None:
    problems: dict[str, str] = {}
    read = list(photographs.decoded(photographs.find([contest]), problems))
    assert [(source.name, image.shape) for source, image in read] == [("test/10.png", (20, 30, 3))]
    assert list(problems) == ["test/3"]
    assert "cannot be read" in problems["test/3"]


def test_drawn_pictures_never_replace_their_own(contest: Path) -> None:
    sources = [*photographs.find([contest / "test"]), Source(contest / "x", "../a/x.heic")]
    chosen = photographs.targets(sources, Path("d"))
    assert [path.as_posix() for path in chosen.values()] == [
        *("d/test/0.mp4", "d/test/10.png", "d/test/2.png", "d/a/x.heic.png")
    ]
    with pytest.raises(ValueError, match=r"`draw` must be another folder; .*0\.mp4 would be"):
        photographs.targets(sources, contest)


def test_large_pictures_come_one_by_one() -> None:
    sizes = [(10, 10)] * 9 + [(5000, 8000), (4000, 5000), (10, 10)]
    pictures = [(i, np.broadcast_to(np.uint8(0), (*size, 3))) for i, size in enumerate(sizes)]
    taken = [[i for i, _ in batch] for batch in photographs.batches(pictures)]
    assert taken == [list(range(8)), [8, 9], [10, 11]]
    assert list(photographs.batches([])) == []

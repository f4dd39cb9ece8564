"""`plates.predict` from paths to files; the models stand in, and know white plates by their y."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from plates import pipeline, predict, records
from plates.pipeline import Found
from plates.reader.decode import Reading


class Model:
    """Plates of 20 x 10 are white; the upper ones read AB1, in the middle CD2, below nothing."""

    def read(self, images: Sequence[np.ndarray], tta: Sequence[str] = ()) -> list[list[Found]]:
        return [self._find(image) for image in images]

    def _find(self, image: np.ndarray) -> list[Found]:
        _, _, boxes, _ = cv2.connectedComponentsWithStats((image.min(axis=2) > 180).astype("u1"))
        return [self._found(x, y) for x, y, *_ in sorted(boxes[1:].tolist())]

    def _found(self, x: int, y: int) -> Found:
        corners = np.array([[x, y], [x + 19, y], [x + 19, y + 9], [x, y + 9]], np.float64)
        text = ("AB1", "CD2", "")[min(y // 20, 2)]
        return Found(corners, 0.9, Reading(text, (0.8,) * len(text), 0.7))


def picture(*places: tuple[int, int]) -> np.ndarray:
    image = np.full((64, 96, 3), 60, np.uint8)
    for x, y in places:
        image[y : y + 10, x : x + 20] = 255
    return image


@pytest.fixture
def contest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A contest's folder: two plates and an unread one; none; damaged; missing."""
    monkeypatch.setattr(pipeline, "open", lambda *_: Model())
    folder = tmp_path / "contest"
    (folder / "test").mkdir(parents=True)
    Image.fromarray(picture((60, 5), (5, 25), (35, 45))).save(folder / "test" / "10.png")
    Image.fromarray(picture()).save(folder / "test" / "2.png")
    (folder / "test" / "3.png").write_bytes(b"no picture")
    names = [f"test/{n}.png" for n in (2, 3, 4, 10)]
    (folder / "sample_submission.csv").write_text(
        "file_name,plates_string\n" + "".join(f"{n},\n" for n in names)
    )
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_contest(contest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to, submission = tmp_path / "new" / "to", tmp_path / "submission.csv"
    with pytest.raises(ValueError, match="2 of 4 files could not be read, or not whole"):
        predict.predict(predict.Config((contest,), to=to, submission=submission))
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "test/2.png: no plate",
        "test/10.png: CD2  0.70  0.80  0.90",
        "test/10.png: -  0.70  0.70  0.90",
        "test/10.png: AB1  0.70  0.80  0.90",
    ]
    first, second = err.splitlines()
    assert first == f"{contest}/test/3.png: not a picture in a known format"
    assert second.startswith(f"{contest}/test/4.png: cannot be read")
    # Every file of the sample has a row, and a plate without a text leaves no trace.
    assert submission.read_text().splitlines() == [
        *("file_name,plates_string", "test/2.png,", "test/3.png,", "test/4.png,"),
        "test/10.png,CD2 AB1",
    ]
    rows = table(to / "plates.csv")
    assert [row["text"] for row in rows] == ["CD2", "", "AB1"]
    assert rows[0]["file"] == "test/10.png"
    assert rows[0]["characters"] == "0.8000 0.8000 0.8000"
    assert [float(rows[0][name]) for name in ("x0", "y0", "x2", "y2")] == [5, 25, 24, 34]
    assert rows[0]["frame"] == rows[0]["seen"] == ""
    assert {path.name for path in (to / "drawn" / "test").iterdir()} == {"2.png", "10.png"}
    drawn = np.asarray(Image.open(to / "drawn" / "test" / "10.png"))
    assert drawn.shape == (64 * 5, 96 * 5, 3)


def test_the_json_is_a_contests(contest: Path) -> None:
    """What was found can be corrected, and trained on."""
    to = contest / "found.json"
    with pytest.raises(ValueError, match="could not be read"):
        predict.predict(predict.Config((contest,), json=to))
    rows = json.loads(to.read_text())
    assert [row["file"] for row in rows] == [f"test/{n}.png" for n in (2, 3, 4, 10)]
    assert "not a picture" in rows[1]["error"]
    assert rows[3]["nums"][0] == {
        "box": [[5, 25], [24, 25], [24, 34], [5, 34]],
        "text": "CD2",
        "score": 0.9,
        "confidence": 0.7,
        "weakest": 0.8,
        "characters": [0.8, 0.8, 0.8],
    }
    photographs, problems = records.read(to)
    assert [len(photograph.plates) for photograph in photographs] == [0, 0, 3]
    assert ["no picture test/4.png" in problem.reason for problem in problems] == [True]


def test_a_video(contest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ride.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (96, 64))
    for i in range(20):
        writer.write(picture((2 * i, 5)))
    writer.release()
    to = tmp_path / "to"
    predict.predict(predict.Config((path, contest / "test" / "2.png"), to=to))
    assert capsys.readouterr().out.splitlines() == [
        "2.png: no plate",
        "ride.avi: AB1  0.70  0.80  0.90  0.0..1.9 s",
    ]
    (row,) = table(to / "plates.csv")
    assert (row["file"], row["text"], row["seen"]) == ("ride.avi", "AB1", "20")
    assert (row["first_frame"], row["last_frame"], row["last_second"]) == ("0", "19", "1.9")
    film, photograph = json.loads((to / "plates.json").read_text())
    assert (film["frames"], film["rate"], len(film["tracks"])) == (20, 10, 1)
    assert film["tracks"][0]["last_frame"] == 19
    assert photograph == {"file": "2.png", "nums": []}
    assert (to / "drawn" / "ride.avi.mp4").stat().st_size > 0
    # Cut off: what was read is told and written, and the exit tells of it.
    path.write_bytes(path.read_bytes()[: int(0.8 * path.stat().st_size)])
    with pytest.raises(ValueError, match="1 of 1 files could not be read, or not whole"):
        predict.predict(predict.Config((path,), csv=to / "plates.csv"))
    assert "ends early, after frame" in capsys.readouterr().err
    assert [row["text"] for row in table(to / "plates.csv")] == ["AB1"]


@pytest.mark.parametrize("size", [(60, 45), (12000, 300)])
def test_small_and_large(size: tuple[int, int], contest: Path, tmp_path: Path) -> None:
    path = tmp_path / "odd.jpg"
    Image.new("RGB", size, (60, 60, 60)).save(path)
    predict.predict(predict.Config((path,), draw=tmp_path / "drawn"))
    with Image.open(tmp_path / "drawn" / "odd.jpg") as drawn:
        assert drawn.size == (size if size[0] > 480 else (480, 360))


def test_bad_settings(contest: Path) -> None:
    for options, message in (
        ({"every": 0}, "`every` must be positive; received: every=0"),
        ({"seen": 0}, "`seen` must be positive"),
        ({"size": 100}, "`size` must be positive and a multiple of 32; received: size=100"),
        ({"size": -32}, "`size` must be"),
        ({"least": 2.0}, r"`least` must be in \[0, 1\]"),
    ):
        with pytest.raises(ValueError, match=message):
            predict.Config((contest,), **options)
    with pytest.raises(ValueError, match="`draw` must be another folder"):
        predict.predict(predict.Config((contest,), draw=contest))

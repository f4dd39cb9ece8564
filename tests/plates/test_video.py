"""Tiny videos of white plates on grey: followed, cut off, damaged, and drawn."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from plates import video
from plates.pipeline import Found
from plates.reader.decode import Reading

HEIGHT, WIDTH, RATE = 64, 98, 10.0


def film(path: Path, lefts: Sequence[Sequence[int]], codec: str = "MJPG") -> Path:
    """A video with plates of 20 x 10 at these places of each frame."""
    fourcc = cv2.VideoWriter.fourcc(*codec)
    writer = cv2.VideoWriter(str(path), fourcc, RATE, (WIDTH, HEIGHT))
    for places in lefts:
        image = np.full((HEIGHT, WIDTH, 3), (90, 60, 30), np.uint8)
        for x in places:
            image[30:40, x : x + 20] = 255
        writer.write(image)
    writer.release()
    return path


def find(images: Sequence[np.ndarray]) -> list[list[Found]]:
    """White plates; on the left they read AB1, on the right CD2."""
    found = []
    for image in images:
        # RGB, not BGR.
        assert abs(image[5, 5].astype(int) - (30, 60, 90)).max() < 12
        _, _, boxes, _ = cv2.connectedComponentsWithStats((image.min(axis=2) > 180).astype("u1"))
        found.append([_found(*box[:4]) for box in sorted(boxes[1:].tolist())])
    return found


def _found(x: int, y: int, width: int, height: int) -> Found:
    right, bottom = x + width - 1, y + height - 1
    corners = np.array([[x, y], [right, y], [right, bottom], [x, bottom]], np.float64)
    text = "AB1" if x < 40 else "CD2" if x > 60 else ""
    return Found(corners, 0.9, Reading(text, (0.8,) * len(text), 0.7))


def test_each_plate_has_one_answer(tmp_path: Path) -> None:
    # One that moves and is hidden twice, one that stands, and a false alarm in a single frame.
    places = [[i] if i not in (4, 5) else [] for i in range(12)]
    for i in range(3, 9):
        places[i] = [*places[i], 70]
    places[9] = [*places[9], 48]
    path = film(tmp_path / "a.avi", places)
    read = video.read(path, find)
    assert (read.frames, read.rate, read.problem) == (12, RATE, "")
    spans = [(t.frames[0], t.frames[-1], len(t.frames), t.reading.text) for t in read.tracks]
    assert spans == [(0, 11, 10, "AB1"), (3, 8, 6, "CD2")]
    assert read.tracks[0].frames == [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]
    np.testing.assert_allclose(read.tracks[0].found[6].corners[0], [8, 30], atol=1)
    assert len(video.read(path, find, seen=1).tracks) == 3
    assert video.read(path, find, every=5).tracks[0].frames == [0, 10]


def test_drawn_from_the_first_frame_on_to_the_last(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", [[10], [], [14], []])
    read = video.read(path, find)
    to = tmp_path / "drawn.mp4"
    video.annotate(read, to)
    frames = video.Frames(to)
    drawn = [image for _, image in frames]
    assert (len(drawn), frames.rate, frames.problem) == (4, RATE, "")
    # Enlarged, like a small photograph.
    assert drawn[0].shape == (HEIGHT * 5, WIDTH * 5, 3)
    green = [int(((image[..., 1] > 150) & (image[..., 0] < 120)).sum()) for image in drawn]
    # In frame 1 the plate was not found, and is drawn where it must have been.
    assert min(green[:3]) > 100
    assert green[3] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.avi", "drawn.mp4"]


def test_ends_early(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", [[i] for i in range(20)])
    path.write_bytes(path.read_bytes()[: int(0.8 * path.stat().st_size)])
    read = video.read(path, find)
    assert 5 <= read.frames < 18
    assert read.problem == f"{path}: ends early, after frame {read.frames - 1} of 20"
    assert [t.frames for t in read.tracks] == [list(range(read.frames))]
    video.annotate(read, tmp_path / "drawn.mp4")
    assert sum(1 for _ in video.Frames(tmp_path / "drawn.mp4")) == read.frames


@pytest.mark.parametrize("damage", ["garbage", "empty", "no index"])
def test_no_video(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.mp4"
    whole = film(path, [[1]] * 5, "mp4v").read_bytes()
    cut = {"garbage": bytes(range(256)) * 20, "empty": b"", "no index": whole[: len(whole) // 2]}
    path.write_bytes(cut[damage])
    read = video.read(path, find)
    assert (read.frames, read.tracks) == (0, [])
    assert read.problem == f"{path}: cannot be opened as a video"
    video.annotate(read, tmp_path / "drawn.mp4")
    assert not (tmp_path / "drawn.mp4").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    read = video.read(film(tmp_path / "a.avi", [[1]] * 2), find)
    with pytest.raises(OSError, match="cannot be written as a video of 490 x 320 pixels"):
        video.annotate(read, tmp_path / "none" / "drawn.mp4")

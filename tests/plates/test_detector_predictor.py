"""Finding plates with a stand-in for the model, which sees what is pure red."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from plates import geometry
from plates.detector import predictor
from plates.detector.config import Config
from plates.detector.predictor import Detector
from triptych.stage import Stage

RED, GREY = (255, 0, 0), 90
STRIDE = 4


def _cells(share: np.ndarray) -> np.ndarray:
    """Means [h / stride, w / stride] of [h, w]."""
    height, width = (side // STRIDE for side in share.shape)
    return share.reshape(height, STRIDE, width, STRIDE).mean(axis=(1, 3))


class StandIn:
    """Answers as a perfect model with the head unet; remembers the shapes it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def __call__(self, canvases: np.ndarray) -> np.ndarray:
        self.asked.append(canvases.shape)
        red = (canvases[..., 0] - canvases[..., 1].astype(np.float32)).clip(0, 255) / 255
        cores = [cv2.erode(one, np.ones((3, 3)), iterations=1) for one in red]
        both = [np.stack([_cells(m), _cells(c)], -1) for m, c in zip(red, cores, strict=True)]
        return np.stack(both).astype(np.float32)


def _detector(side: int = 256) -> tuple[Detector, StandIn]:
    maps = StandIn()
    config = Config(Path("data"), stages=(Stage(size=str(side)),))
    return Detector(maps, config), maps


def _picture(height: int, width: int, *quads: np.ndarray) -> np.ndarray:
    """Grey, with each quad filled; drawn eight times finer, so that its edges are exact."""
    fine = np.zeros((8 * height, 8 * width), np.uint8)
    for quad in quads:
        cv2.fillPoly(fine, [np.rint(8 * (quad + 0.5) - 0.5).astype(np.int32)], 255)
    share = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)[..., None] / 255
    return np.rint(share * RED + (1 - share) * GREY).astype(np.uint8)


LARGE = np.array([[40.0, 60], [190, 80], [188, 130], [38, 110]])
MOVED = LARGE - [-20, -150]
SMALL = np.array([[600.0, 400], [645, 404], [644, 418], [599, 414]])  # 14 pixels wide in the canvas


def test_back_in_the_photographs_pixels_whatever_their_shapes() -> None:
    detector, maps = _detector()
    tall = _picture(400, 260, MOVED)
    pictures = [_picture(300, 500, LARGE), np.full((60, 60, 3), 90, np.uint8), tall, tall]
    found = detector.detect(pictures)
    assert [len(plates) for plates in found] == [1, 0, 1, 1]
    for i, true in ((0, LARGE), (2, MOVED), (3, MOVED)):
        assert geometry.polygon_iou(found[i][0].corners, true) > 0.93
        assert found[i][0].score > 0.9
    # 500 x 300 becomes 256 x 154; pictures of one shape go together.
    assert maps.asked == [(1, 160, 256, 3), (1, 256, 256, 3), (2, 256, 192, 3)]


def test_a_small_plate_is_looked_at_again() -> None:
    """Of 1000 pixels 320 are left: both plates' corners get nearer, and the scores stay."""
    detector, maps = _detector(320)
    picture = _picture(800, 1000, LARGE, SMALL)
    plain = detector.detect([picture], refine=False)[0]
    assert len(maps.asked) == 1
    refined = detector.detect([picture])[0]
    assert maps.asked[1:] == [(1, 256, 320, 3), (2, 256, 256, 3)]
    assert [p.score for p in refined] == [p.score for p in plain]
    for before, after in zip(plain, refined, strict=True):
        true = LARGE if before.corners[0, 0] < 300 else SMALL
        was, now = (geometry.polygon_iou(p.corners, true) for p in (before, after))
        assert now > 0.93
        assert now >= was


def test_no_second_look_where_there_is_no_more_to_see() -> None:
    detector, maps = _detector(512)
    found = detector.detect([_picture(380, 500, SMALL - 200)])
    assert (len(found[0]), len(maps.asked)) == (1, 1)


def test_plates_at_the_edge_a_panorama_and_nothing_at_all() -> None:
    detector, _ = _detector()
    edge = _picture(500, 700, SMALL - [610, 405])
    panorama = _picture(60, 3000, LARGE - [-2000, 70])
    found = detector.detect([edge, panorama, np.full((1, 1, 3), 90, np.uint8)], least=0.1)
    assert [len(plates) for plates in found] == [1, 1, 0]
    assert detector.detect([]) == []
    # Answers that lie outside the picture make a window of one pixel.
    assert predictor._window((50, 60, 3), SMALL) == (59, 49, 60, 50)
    with pytest.raises(ValueError, match="`least` must be in"):
        detector.detect([edge], least=2)


def test_located(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert predictor.located(Path("shipped")) == predictor.SHIPPED
    (tmp_path / "shipped").mkdir()
    assert predictor.located(Path("shipped")) == Path("shipped")
    with pytest.raises(ValueError, match="is not a run folder"):
        predictor.open(tmp_path)

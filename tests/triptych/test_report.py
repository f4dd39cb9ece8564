"""The drawn reports and the gallery: what is on them is read back from the pixels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from triptych import gallery, report


def share_of(path: Path, red: bool) -> float:
    """Share of clearly red, or clearly blue, pixels."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    most, least = (pixels[..., 0], pixels[..., 2]) if red else (pixels[..., 2], pixels[..., 0])
    return float((most - least > 40).mean())


def test_curves(tmp_path: Path) -> None:
    history = tmp_path / "history.csv"
    history.write_text(
        "epoch,loss,accuracy,val_loss,learning_rate\n1,2,.3,2.1,1e-3\n2,1,.6,1.5,0\n"
    )
    report.curves(history, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as drawn:
        width, height = drawn.size
    assert width > 3 * height


@pytest.mark.parametrize("classes", [2, 41])
def test_confusion_shows_mistakes_in_red(tmp_path: Path, classes: int) -> None:
    names = [f"a class with the long name {i}" for i in range(classes)]
    right = np.eye(classes, dtype=int) * 5
    # A class without pictures has a row of zeros.
    right[-1, -1] = 0
    report.confusion(right, names, tmp_path / "right.png")
    assert share_of(tmp_path / "right.png", red=True) == 0
    assert share_of(tmp_path / "right.png", red=False) > 0
    wrong = right.copy()
    wrong[0, 1] = 3
    report.confusion(wrong, names, tmp_path / "wrong.png")
    assert share_of(tmp_path / "wrong.png", red=True) > 0


def test_reliability_of_a_bin_without_pictures(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "low": [0.0, 0.5],
            "high": [0.5, 1.0],
            "pictures": [0, 4],
            "confidence": [np.nan, 0.9],
            "accuracy": [np.nan, 0.5],
        }
    )
    report.reliability(table, 0.4, tmp_path / "calibration.png")
    assert share_of(tmp_path / "calibration.png", red=True) > 0


def test_gallery_lays_out_row_by_row(tmp_path: Path) -> None:
    """Five flat pictures in two columns: each colour is found where its tile is."""
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0), (0, 250, 250)]
    tiles = [
        gallery.Tile([np.full((30, 40, 3), colour, np.uint8)], [("name", gallery.GREY)])
        for colour in colours
    ]
    gallery.write(tiles, tmp_path / "sheet.png", columns=2, box=(60, 80))
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    centres = []
    for colour in colours:
        rows, columns = np.nonzero((sheet == colour).all(axis=-1))
        assert len(rows) == 60 * 80
        centres.append((rows.mean(), columns.mean()))
    (y0, x0), (y1, x1), (y2, x2), (y3, x3), (y4, x4) = centres
    assert y0 == y1 < y2 == y3 < y4
    assert x0 == x2 == x4 < x1 == x3


def test_gallery_refuses_unlike_tiles(tmp_path: Path) -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    tiles = [gallery.Tile([picture], []), gallery.Tile([picture, picture], [])]
    with pytest.raises(ValueError, match="tiles must be alike"):
        gallery.write(tiles, tmp_path / "sheet.png")
    with pytest.raises(ValueError, match="tiles must be alike"):
        gallery.write([], tmp_path / "sheet.png")


def test_overlay_is_grey_where_cold_and_coloured_where_hot() -> None:
    picture = np.full((40, 80, 3), (200, 0, 0), np.uint8)
    shown = gallery.overlay(picture, np.array([[0.0, 1.0]])).astype(int)
    assert shown.shape == picture.shape
    assert np.ptp(shown[20, 2]) == 0
    assert np.ptp(shown[20, -3]) > 50


def test_stretch_keeps_range_and_place() -> None:
    heat = gallery.stretch(np.array([[0.0, 0.0], [1.0, 0.0]]), (50, 70))
    assert heat.shape == (50, 70)
    assert heat.min() >= 0
    assert heat.max() <= 1
    assert heat[40, 10] > 0.9
    assert heat[10, 60] < 0.1


@pytest.mark.parametrize("width", [40, 120])
def test_shorten(width: int) -> None:
    text = "Bentley Continental Flying Spur.jpg"
    cut = gallery.shorten(text, width)
    assert gallery.font(15).getlength(cut) <= width
    assert "…" in cut
    assert cut[0] == text[0]
    assert gallery.shorten(text, 1000) == text

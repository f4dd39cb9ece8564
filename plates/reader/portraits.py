"""Pictures of readings: crops with what was read in them, and curves of confidence."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from PIL import Image, ImageDraw

from plates.reader import scores
from plates.reader.decode import Reading
from triptych import gallery

# Files are drawn, never windows.
mpl.use("Agg")

_WIDTH, _CROP, _BAR, _CELL = 300, 110, 22, 24
_SIZE = (_CROP + 2 * _CELL + _BAR + 12, _WIDTH)


def draw(picture: np.ndarray, true: str, reading: Reading) -> np.ndarray:
    """The crop [H, W, 3] with its true text, the text read and how sure that is, below it.

    The two texts are aligned: green and red characters are read rightly and wrongly, a dash is a
    character left out, or none that is there. The bars below are the confidence of each character
    read, full where it is 1. All such pictures are of one size, uint8 [H', W', 3].
    """
    canvas = Image.new("RGB", _SIZE[::-1], "#eeeeee")
    crop = gallery.fit(picture, (_CROP, _WIDTH))
    canvas.paste(crop, ((_WIDTH - crop.width) // 2, (_CROP - crop.height) // 2))
    pen = ImageDraw.Draw(canvas)
    pairs = scores.align(true, reading.text) or [("", "")]
    width = min(28.0, _WIDTH / len(pairs))
    confidences = iter(reading.characters)
    for column, (wanted, read) in enumerate(pairs):
        colour = gallery.GREEN if wanted == read else gallery.RED
        x, y = (_WIDTH - width * len(pairs)) / 2 + (column + 0.5) * width, _CROP + 0.6 * _CELL
        pen.text((x, y), wanted or scores.NOTHING, gallery.BLACK, gallery.font(20), "mm")
        pen.text((x, y + _CELL), read or scores.NOTHING, colour, gallery.font(20), "mm")
        if read:
            left, right, bottom = x - 0.35 * width, x + 0.35 * width, _SIZE[0] - 4
            full = next(confidences) * _BAR
            pen.rectangle((left, bottom - _BAR, right, bottom), "#dcdcdc")
            pen.rectangle((left, bottom - full, right, bottom), colour)
    return np.asarray(canvas)


def sheet(
    read: Callable[[int], np.ndarray],
    chosen: Sequence[int],
    names: Sequence[str],
    true: Sequence[str],
    readings: Sequence[Reading],
    title: str,
    to: Path,
) -> None:
    """Write a sheet of the `chosen` crops in that order; `read(i)` gives crop i. None: no file."""
    to.unlink(missing_ok=True)
    tiles = []
    for i in chosen:
        lines = (
            (f"sure {readings[i].confidence:.2f}, weakest {readings[i].weakest:.2f}", "#000000"),
            (names[i], gallery.GREY),
        )
        tiles.append(gallery.Tile((draw(read(i), true[i], readings[i]),), lines))
    if tiles:
        gallery.write(tiles, to, title=title, columns=5, box=_SIZE)


def precision_curves(curves: Mapping[str, pd.DataFrame], precision: float, to: Path) -> None:
    """Draw `scores.coverage` of several confidences: precision over the share answered.

    A dashed line is the wanted `precision`; the legend names the share that is answered at it.
    """
    figure, axis = plt.subplots(figsize=(7, 5), layout="constrained")
    low = precision
    for name, curve in curves.items():
        share, threshold = scores.answerable(curve, precision)
        label = f"{name}: {share:.1%} of the crops"
        label += "" if threshold is None else f", gate {threshold:.3f}"
        axis.plot(curve["answered"], curve["precision"], label=label)
        if len(curve):
            low = min(low, curve["precision"].iloc[len(curve) // 10 :].min())
    axis.axhline(precision, color="black", linestyle="--", linewidth=1)
    axis.set(xlim=(0, 1), ylim=(max(0.0, low - 0.1 * (1 - low) - 0.002), 1.002))
    axis.set(xlabel="share of crops that are answered, the surest first")
    axis.set(ylabel="share of right answers among them")
    axis.set_title(f"answered with {precision:.0%} precision", fontsize=11)
    axis.legend(loc="lower left")
    axis.grid(alpha=0.3)
    figure.savefig(to, dpi=100)
    plt.close(figure)

"""Pictures of points: on the faces themselves, on the mean face, and as a curve of errors."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from PIL import Image

from landmarks.geometry import Affine, resized, shift
from landmarks.warp import warp
from triptych import gallery
from triptych.images import decode

# Files are drawn, never windows.
mpl.use("Agg")

_PREDICTED, _TRUE, _SPREAD = (229, 57, 53), (67, 220, 90), (255, 214, 0)
_MOST_NUMBERED = 100
_MOST_AVERAGED = 200
_SHIFT = 4  # bits of a pixel's fraction that cv2 draws with


def draw(
    image: np.ndarray,
    predicted: np.ndarray,
    true: np.ndarray | None = None,
    spread: np.ndarray | None = None,
    faces: int = 1,
) -> np.ndarray:
    """The picture [H, W, 3] with its points [N, 2] as red dots, true ones green and tied to them.

    A small picture is enlarged (`gallery.enlarged`). Dots are as large as the first of `faces`
    equal parts of the points and their number allow; a yellow circle has `spread` [N] (pixels) as
    its radius.
    """
    canvas, times = gallery.enlarged(image)
    to_canvas = resized(image.shape[:2], canvas.shape[:2])
    shape = (predicted if true is None else true)[: len(predicted) // faces]
    face = float(np.sqrt(np.prod(np.ptp(to_canvas(shape), axis=0))))
    radius = max(1.0, 0.010 * face * min(1.0, np.sqrt(68 / len(shape))))
    if spread is not None:
        for point, size_px in zip(to_canvas(predicted), spread, strict=True):
            _circle(canvas, point, float(size_px) * times, _SPREAD, thickness=1)
    if true is not None:
        for start, end in zip(to_canvas(predicted), to_canvas(true), strict=True):
            cv2.line(canvas, _fixed(start), _fixed(end), (255, 255, 255), 1, cv2.LINE_AA, _SHIFT)
        _dots(canvas, to_canvas(true), radius, _TRUE)
    _dots(canvas, to_canvas(predicted), radius, _PREDICTED)
    return canvas


def write(path: Path, points: np.ndarray, spread: np.ndarray | None, folder: Path) -> None:
    """Write the picture file `path` with its points drawn into `folder`, as a PNG of its stem."""
    drawn = draw(decode(path), points, spread=spread)
    Image.fromarray(drawn).save(folder / f"{path.stem}.png")


def faces(
    paths: Sequence[Path],
    predicted: np.ndarray,
    true: np.ndarray,
    captions: Sequence[str],
    title: str,
    to: Path,
) -> None:
    """Write a sheet of faces in the order given: points [R, N, 2] predicted (red) and true (green).

    Below each stand its file name and its caption. No faces: no file.
    """
    to.unlink(missing_ok=True)
    tiles = []
    for path, found, known, caption in zip(paths, predicted, true, captions, strict=True):
        image, by = _close_up(decode(path), np.concatenate([known, found]))
        lines = ((path.name, gallery.GREY), (caption, gallery.BLACK))
        tiles.append(gallery.Tile((draw(image, found - by, known - by),), lines))
    if tiles:
        gallery.write(tiles, to, title=title, columns=6, box=(300, 300))


def mean_face(
    paths: Sequence[Path], true: np.ndarray, nme: np.ndarray, measure: str, to: Path
) -> None:
    """Draw the mean error [N] of every point by colour and size on the mean of shapes [R, N, 2].

    Faces are laid over each other by the box of their points; behind them is the mean of at most
    200 pictures. Up to 100 points have their numbers.
    """
    to_mean = [_to_unit(shape) for shape in true]
    mean = np.mean([affine(shape) for affine, shape in zip(to_mean, true, strict=True)], axis=0)
    side = 512
    frame = _to_frame(mean, side)
    step = max(1, -(-len(paths) // _MOST_AVERAGED))
    pictures = [
        warp(decode(path), affine.then(frame), side).mean(axis=2)
        for path, affine in zip(paths[::step], to_mean[::step], strict=True)
    ]
    points = frame(mean)
    errors = 100 * nme
    figure, axis = plt.subplots(figsize=(10, 8.6), layout="constrained")
    face = np.mean(pictures, axis=0)
    low, high = np.percentile(face, [1, 99])
    axis.imshow(face, cmap="gray", vmin=low, vmax=max(high, low + 1), alpha=0.4)
    few = len(points) <= _MOST_NUMBERED
    area = (40 + 160 * errors / errors.max()) * (1 if few else 0.3) if errors.max() > 0 else 40
    dots = axis.scatter(
        points[:, 0],
        points[:, 1],
        s=area,
        c=errors,
        cmap="YlOrRd",
        edgecolors="black",
        linewidths=0.4,
        zorder=2,
    )
    if few:
        for number, (x, y) in enumerate(points):
            axis.annotate(str(number), (x, y), (6, 5), textcoords="offset points", fontsize=8)
    figure.colorbar(dots, label=f"mean error of the point in % ({measure} = 100 %)", shrink=0.8)
    worst = int(errors.argmax())
    axis.set_title(
        f"mean error {errors.mean():.3g} %; the largest at point {worst}: {errors[worst]:.3g} %"
    )
    axis.set_axis_off()
    figure.savefig(to, dpi=100)
    plt.close(figure)


def error_curve(
    nme: np.ndarray, threshold: float, failures: float, area: float, measure: str, to: Path
) -> None:
    """Draw the share of pictures whose NME [R] is at most x, up to one and a half thresholds."""
    steps = np.sort(nme)
    share = np.arange(1, len(steps) + 1) / len(steps)
    figure, axis = plt.subplots(figsize=(7, 5), layout="constrained")
    x, y = 100 * np.append(0, steps), np.append(0, share)
    limit = 100 * threshold
    end = max(1.5 * limit, x[-1])
    axis.step(np.append(x, end), np.append(y, 1), where="post", color="tab:blue")
    inside = x <= limit
    x, y = np.append(x[inside], limit), np.append(y[inside], y[inside][-1])
    axis.fill_between(x, y, step="post", color="tab:blue", alpha=0.15)
    axis.axvline(limit, color="black", linestyle="--", linewidth=1)
    axis.set(xlim=(0, 1.5 * limit), ylim=(0, 1.02))
    axis.set(
        xlabel=f"NME in % ({measure} = 100 %)", ylabel="share of pictures with at most this error"
    )
    axis.set_title(
        f"{len(steps)} pictures: median NME {np.median(nme):.2%}; at {threshold:.0%}, "
        f"failures {failures:.1%}, area under the curve {area:.3f}",
        fontsize=10,
    )
    axis.grid(alpha=0.3)
    figure.savefig(to, dpi=100)
    plt.close(figure)


def _dots(
    canvas: np.ndarray, points: np.ndarray, radius: float, colour: tuple[int, int, int]
) -> None:
    # A dark rim, so that a dot is seen on any skin; around the smallest it would hide the colour.
    rim = min(0.8, 0.4 * (radius - 1))
    for point in points:
        _circle(canvas, point, radius + rim, (0, 0, 0), cv2.FILLED)
    for point in points:
        _circle(canvas, point, radius, colour, cv2.FILLED)


def _circle(
    canvas: np.ndarray,
    point: np.ndarray,
    radius: float,
    colour: tuple[int, int, int],
    thickness: int,
) -> None:
    # cv2 counts in 32 bits, and in sixteenths of a pixel.
    size = round(min(radius, 1e5) * 2**_SHIFT)
    cv2.circle(canvas, _fixed(point), size, colour, thickness, cv2.LINE_AA, _SHIFT)


def _fixed(point: np.ndarray) -> tuple[int, int]:
    x, y = np.rint(point.clip(-1e5, 1e5) * 2**_SHIFT).astype(int).tolist()
    return x, y


def _close_up(image: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of the picture around `points` with a margin, and its upper left corner (x, y)."""
    size = np.array([image.shape[1], image.shape[0]])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.2 * (high - low).max() + 4
    left, top = np.floor(low - margin).clip(0, size - 1).astype(int)
    right, bottom = np.ceil(high + margin).clip([left + 1, top + 1], size).astype(int)
    return np.ascontiguousarray(image[top:bottom, left:right]), np.array([left, top])


def _to_unit(shape: np.ndarray) -> Affine:
    """The way that puts the box of the points around 0, 0 and makes its area 1."""
    low, high = shape.min(axis=0).astype(np.float64), shape.max(axis=0).astype(np.float64)
    # A box without area, as that of a single point, cannot be made 1.
    scale = 1 / (float(np.sqrt(np.prod(high - low))) or 1.0)
    x, y = ((low + high) / 2).tolist()
    return shift(-x, -y).then(Affine(np.array([[scale, 0, 0], [0, scale, 0]])))


def _to_frame(mean: np.ndarray, side: int) -> Affine:
    """From there into a square picture, with a margin around the points."""
    scale = 0.72 * side / (float(np.ptp(mean, axis=0).max()) or 100.0)
    x, y = (side / 2 - scale * (mean.min(axis=0) + mean.max(axis=0)) / 2).tolist()
    return Affine(np.array([[scale, 0, x], [0, scale, y]]))

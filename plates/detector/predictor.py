"""A run folder, or its export -> an object that finds plates: the one way corners are found."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plates import geometry
from plates.detector import decode
from plates.detector.config import Config, Head
from plates.detector.letterbox import Letterbox, fit
from plates.detector.plate import Plate
from plates.detector.rcnn import reading
from triptych import config as configs
from triptych import exported
from triptych import run as runs
from triptych.frozen import frozen
from triptych.stage import require

if TYPE_CHECKING:
    import keras

TASK = "plates.detector"
SHIPPED = Path(__file__).with_name("shipped")
"""Run folder of the detector in the package, trained on drawn scenes alone."""
LEAST = 0.8
"""Score, 0..1, that a plate must have to be told of: the model is sure of nearly all real ones."""

_BATCH = 8
SMALL = 64  # pixels in the canvas: less wide plates are looked at again
WORTH = 0.8  # canvas pixels a photograph's pixel; with more, a second look sees nothing new
AROUND = 3.0  # sides of the second look, in sides of the plate
ZOOMED = 256  # pixels of its canvas
AGAIN = 0.3  # score of the second look, whatever was asked for
SAME = 0.3  # IoU over which both looks have found the same plate

Maps = Callable[[np.ndarray], np.ndarray]
"""Canvases [B, H, W, 3] uint8 -> maps [B, h, w, C] with probabilities (`model.probable`), or Mask
R-CNN's rows [B, K, C] (`rcnn.reading`)."""


class Detector:
    """A trained detector; made by `open`. `config` is that of its training.

    With `fixed` every canvas is the square of `config.side`, as a LiteRT file needs it; without,
    canvases are as small as a photograph and the second look allow.
    """

    def __init__(self, maps: Maps, config: Config, *, fixed: bool = False) -> None:
        self.maps = maps
        self.config = config
        self.fixed = fixed

    def detect(
        self, images: Sequence[np.ndarray], least: float = LEAST, *, refine: bool = True
    ) -> list[list[Plate]]:
        """The plates of each photograph [H, W, 3] uint8 RGB, in its pixels, best score first.

        Scores are `least`, 0..1, at least. With `refine`, plates that are small in the canvas are
        looked at once more in a part of the photograph that shows them larger, if it does: their
        corners come from there where the plate is found again; scores stay those of the first look.

        Raises:
            ValueError: not uint8 [H, W, 3], or `least` not in 0..1.
        """
        frames = [self.frame(image) for image in images]
        found = self._look(images, frames, least)
        return self._refined(images, frames, found) if refine else found

    def frame(self, image: np.ndarray) -> Letterbox:
        """How a photograph [H, W, 3] is laid on the canvas of the first look."""
        return self._fitted(image, self.config.side, square=False)

    def _fitted(self, image: np.ndarray, longer: int, *, square: bool) -> Letterbox:
        height, width = image.shape[:2]
        if not self.fixed:
            return fit(height, width, longer, square=square)
        side = self.config.side
        return replace(fit(height, width, min(longer, side), square=True), canvas=(side, side))

    def _look(
        self, images: Sequence[np.ndarray], frames: Sequence[Letterbox], least: float
    ) -> list[list[Plate]]:
        """Plates in pixels of the pictures, each laid on a canvas as its frame has it."""
        places = defaultdict(list)
        for i, frame in enumerate(frames):
            places[frame.canvas].append(i)
        found: list[list[Plate]] = [[] for _ in images]
        with ThreadPoolExecutor() as pool:
            for same in places.values():
                for start in range(0, len(same), _BATCH):
                    some = same[start : start + _BATCH]
                    canvases = list(pool.map(lambda i: frames[i].apply(images[i]), some))
                    maps = self.maps(np.stack(canvases))
                    for i, plates in zip(some, pool.map(self._decoder(least), maps), strict=True):
                        found[i] = [_moved(p, frames[i].to_picture(p.corners)) for p in plates]
        return found

    def _decoder(self, least: float) -> Callable[[np.ndarray], list[Plate]]:
        if self.config.head == "maskrcnn":
            return lambda rows: reading.read(rows, least)
        read = decode.from_masks if self.config.head == "unet" else decode.from_corners
        return lambda maps: read(maps, self.config.stride, least)

    def _refined(
        self,
        images: Sequence[np.ndarray],
        frames: Sequence[Letterbox],
        found: list[list[Plate]],
    ) -> list[list[Plate]]:
        """`found`, with the corners of small plates from a second look.

        With which score a plate is found again changes no corners.
        """
        small = [
            (i, number)
            for i, (frame, plates) in enumerate(zip(frames, found, strict=True))
            for number, plate in enumerate(plates)
            if max(frame.scale) < WORTH
            and geometry.sides(frame.to_canvas(plate.corners))[0] < SMALL
        ]
        windows = [_window(images[i].shape, found[i][number].corners) for i, number in small]
        parts = [
            images[i][top:bottom, left:right]
            for (i, _), (left, top, right, bottom) in zip(small, windows, strict=True)
        ]
        # Square, so that all go through the model together.
        squares = [self._fitted(part, ZOOMED, square=True) for part in parts]
        refined = [list(plates) for plates in found]
        for (i, number), window, seen in zip(
            small, windows, self._look(parts, squares, AGAIN), strict=True
        ):
            first = found[i][number]
            quads = [plate.corners + window[:2] for plate in seen]
            overlaps = [geometry.polygon_iou(quad, first.corners) for quad in quads]
            if max(overlaps, default=0.0) > SAME:
                refined[i][number] = _moved(first, quads[int(np.argmax(overlaps))])
        return refined


def located(run: Path) -> Path:
    """The run folder; the word `shipped` is that in the package, unless there is such a path."""
    return SHIPPED if run == Path("shipped") and not run.exists() else run


def open(run: Path, size: int | None = None, threads: int = 0) -> Detector:
    """Load the best model of a run folder, or its ONNX or LiteRT export.

    It looks at photographs at `size` pixels, or at the size of its training; a LiteRT file knows
    one alone. Of an export neither Keras nor TensorFlow is imported; `threads` is what one call of
    it may use, 0: one a core.

    Raises:
        ValueError: `run` is no finished run folder and no such export, or no canvas may be of
            that size.
        ModuleNotFoundError: the package that runs the export is not installed.
    """
    if exported.is_file(run):
        session = exported.open(run, TASK, threads)
        known = exported.config(session, Config)
        fixed = session.metadata.get("format") == "litert"
        wanted = f"left out, or {known.side}, which {run} was made for"
        require(not fixed or size in (None, known.side), "size", wanted, size)
        return Detector(lambda c: session(c)["maps"], _sized(known, size), fixed=fixed)
    model, config = load(run, size)
    return Detector(compiled(model, config.head), config)


def load(run: Path, size: int | None = None) -> "tuple[keras.Model, Config]":
    """The best model of a run folder, as `heads.build` makes it, and the config of its training.

    With a `size` the config's `eval_size` is that.

    Raises:
        ValueError: `run` is no finished run folder.
    """
    runs.check(run)
    # Here, so that an export can do without Keras.
    from plates.detector.heads import build

    config = _sized(configs.load(Config, run / runs.CONFIG), size)
    model = build(config)
    model.load_weights(run / runs.MODEL)
    return model, config


def _sized(config: Config, size: int | None) -> Config:
    return replace(config, eval_size=size) if size is not None else config


def compiled(model: "keras.Model", head: Head) -> Maps:
    """What a model from `load` says of canvases.

    One graph for canvases of every size: `predict` compiles each by XLA, which takes seconds.
    """
    from plates.detector.heads import answering

    return frozen(answering(model, head))


def _moved(plate: Plate, corners: np.ndarray) -> Plate:
    return replace(plate, corners=corners)


def _window(shape: tuple[int, ...], corners: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom, in whole pixels, of a square around a plate, inside the picture."""
    left, top, right, bottom = geometry.bounds(corners)
    half = AROUND * max(right - left, bottom - top) / 2
    across, down = (left + right) / 2, (top + bottom) / 2
    edges = np.rint([across - half, down - half, across + half, down + half]).astype(int)
    height, width = shape[:2]
    # A plate may be told of beyond the picture's edge: one pixel there is always taken.
    x0, y0, x1, y1 = np.clip(edges, 0, [width - 1, height - 1, width, height]).tolist()
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)

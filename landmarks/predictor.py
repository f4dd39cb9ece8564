"""A run folder, or its export -> an object that answers: the one way points are found."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from landmarks import geometry
from landmarks.config import Config
from landmarks.ensemble import View
from landmarks.geometry import Affine, centre_crop
from landmarks.labelled import Known, read_points
from landmarks.warp import crop, warp
from triptych import config as configs
from triptych import exported
from triptych import run as runs
from triptych.frozen import Call, frozen

if TYPE_CHECKING:
    import keras

TASK = "landmarks"

_BATCH = 32


@dataclass(frozen=True)
class Answers:
    """Points [R, N, 2] float64 in pixels of the original pictures, and their spread.

    `spread` [R, N] in the same pixels is None for a model that has none.
    """

    points: np.ndarray
    spread: np.ndarray | None


class Predictor:
    """A trained regressor; made by `open`.

    Of the model only `predict_on_batch` is used here: crops [B, side, side, 3] uint8 -> what
    `landmarks.model.build` says; with `call`, which does the same, not even that.

    `known` is what the run knows of its points: `mirror` [N], the points of a mirrored picture,
    None without symmetry; `mean` [N, 2], the mean shape as shares of the crop's side; `shift`, the
    pixels to the right that the data's points lie aside of what they mark, and so the answers.
    """

    def __init__(
        self,
        model: "keras.Model | Exported",
        side: int,
        known: Known,
        spread: bool,
        call: Call | None = None,
    ) -> None:
        # What exports a model knows that it is Keras's.
        self.model: Any = model
        self.side = side
        self.points = known.points
        self.mirror = known.mirror
        self.mean = known.mean
        self.shift = known.shift
        self.spread = spread
        self._call = call

    def predict(
        self, count: int, read: Callable[[int], np.ndarray], tta: Sequence[View] = ()
    ) -> Answers:
        """Points of `count` pictures; `read(i)` gives picture i as [H, W, 3] uint8 RGB.

        It is called from several threads. `tta` names the views whose answers are averaged: "flip"
        the mirror image, its points swapped back; "shift" four crops 3 % aside; "scale" two, 5 %
        nearer and farther. The flip of every view is taken.

        Raises:
            ValueError: "flip" for points without a mirror symmetry.
        """
        if "flip" in tta and self.mirror is None:
            raise ValueError("`tta` cannot be flip: the run found no mirror symmetry of its points")
        chosen = _views(self.side, tta)
        points = np.zeros((count, self.points, 2))
        spread = np.zeros((count, self.points))
        flips = (False, True) if "flip" in tta else (False,)
        with ThreadPoolExecutor() as pool:
            for start in range(0, count, _BATCH):
                images = list(pool.map(read, range(start, min(start + _BATCH, count))))
                rows = slice(start, start + len(images))
                for view in chosen:
                    made = list(pool.map(partial(self._crop, view=view), images))
                    batch = np.stack([picture for picture, _ in made])
                    for flip in flips:
                        answer = self._flipped(batch, flip)
                        for row, (_, affine), one in zip(
                            range(rows.start, rows.stop), made, answer, strict=True
                        ):
                            back = affine.inverse()
                            points[row] += back(one[:, :2] * self.side - 0.5)
                            if self.spread:
                                spread[row] += np.exp(one[:, 2]) * self.side * back.scale
        views = len(chosen) * len(flips)
        points = points / views + [self.shift, 0.0]
        return Answers(points, spread / views if self.spread else None)

    def answer(self, images: np.ndarray) -> np.ndarray:
        """What `landmarks.model.build` says of crops [B, side, side, 3] uint8."""
        return np.asarray((self._call or self.model.predict_on_batch)(images))

    def _crop(self, image: np.ndarray, view: Affine | None) -> tuple[np.ndarray, Affine]:
        """A view of a picture and the way there from the picture's pixels."""
        whole = centre_crop(image.shape[0], image.shape[1], self.side)
        if view is None:
            return crop(image, self.side), whole
        affine = whole.then(view)
        return warp(image, affine, self.side), affine

    def _flipped(self, batch: np.ndarray, flip: bool) -> np.ndarray:
        """The model's answer [B, N, 2 or 3] as if the pictures had not been flipped."""
        if not flip:
            return self.answer(batch).astype(np.float64)
        answer = self.answer(batch[:, :, ::-1]).astype(np.float64)
        answer[..., 0] = 1 - answer[..., 0]
        return answer[:, self.mirror]


class Exported:
    """An export in a model's place: what it says of a crop's points, as the model would.

    `side` is the crop's, `shift` what the export adds to x, both in pixels.
    """

    def __init__(self, session: exported.Session, side: int, shift: float) -> None:
        self._session = session
        self._side = side
        self._aside = np.array([shift - 0.5, -0.5])

    def predict_on_batch(self, crops: np.ndarray) -> np.ndarray:
        """Points as shares of the side, and where there is one the logarithm of their spread."""
        answers = self._session(crops)
        shares = (answers["points"] - self._aside) / self._side
        if "spread" not in answers:
            return np.asarray(shares)
        return np.concatenate([shares, np.log(answers["spread"] / self._side)[..., None]], axis=-1)


def open(run: Path, threads: int = 0) -> Predictor:
    """Load the best model of a run folder, or an export of it.

    Of an export in ONNX or LiteRT neither Keras nor TensorFlow is imported; `threads` is what one
    call of it may use, 0: one a core.

    Raises:
        ValueError: `run` is no finished run folder and no export of one.
        ModuleNotFoundError: the package that runs the export is not installed.
    """
    if runs.is_export(run):
        session = exported.open(run, TASK, threads)
        text = session.metadata
        mirror = None if text["mirror"] is None else np.array(text["mirror"])
        known = Known(text["points"], mirror, text["shift"], np.array(text["mean"]))
        side = text["size"]["height"]
        return Predictor(Exported(session, side, known.shift), side, known, text["spread"])
    runs.check(run)
    # Here, so that an export can do without Keras.
    from landmarks.model import build

    config = configs.load(Config, run / runs.CONFIG)
    known = read_points(run)
    model = build(config, known.points)
    model.load_weights(run / runs.MODEL)
    call = frozen(model, (config.side, config.side))
    return Predictor(model, config.side, known, config.spread, call)


def _views(side: int, tta: Sequence[View]) -> list[Affine | None]:
    """The plain crop (None) and moves of it, in pixels of the crop."""
    chosen: list[Affine | None] = [None]
    if "shift" in tta:
        step = 0.03 * side
        chosen += [geometry.shift(dx, dy) for dx in (-step, step) for dy in (-step, step)]
    if "scale" in tta:
        centre = ((side - 1) / 2, (side - 1) / 2)
        chosen += [geometry.turn(0, scale, centre) for scale in (0.95, 1.05)]
    return chosen

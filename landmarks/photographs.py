"""Whole photographs: the points of every face that is found in them, as tables and pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from landmarks import detect, portraits, submission
from landmarks.ensemble import View
from triptych import run
from triptych.ensemble import How
from triptych.images import ImageError, decode

if TYPE_CHECKING:
    from landmarks.predictor import Predictor

Found = list[tuple[detect.Face, np.ndarray, np.ndarray | None]]


def find(
    models: "Sequence[Predictor]", paths: Sequence[Path], tta: tuple[View, ...], how: How
) -> dict[Path, Found]:
    """The faces of every photograph with their points, left to right, in photo pixels.

    One that cannot be read is named on the terminal and has none.
    """
    found: dict[Path, Found] = {}
    for path in paths:
        try:
            found[path] = detect.predict(models, decode(path), tta, how)
        except ImageError as error:
            print(f"left out: {error}", flush=True)
            found[path] = []
    return found


def write_points(found: dict[Path, Found], count: int, to: Path) -> None:
    """Write a csv, a row a face: file_name, its number from the left, box, score, every point."""
    faces = [
        (path, number, *one) for path, some in found.items() for number, one in enumerate(some)
    ]
    points = np.array([points for *_, points, _ in faces]).reshape(len(faces), count, 2)
    spreads = [spread for *_, spread in faces if spread is not None]
    columns, rows = submission.all_points(
        [path for path, *_ in faces], points, np.array(spreads) if spreads else None
    )
    header = ["file_name", "face", "left", "top", "right", "bottom", "score", *columns[1:]]
    table = [
        (row[0], number, *map("{:.1f}".format, face.box), f"{face.score:.3f}", *row[1:])
        for row, (_, number, face, *_) in zip(rows, faces, strict=True)
    ]
    run.write_rows(to, header, table)


def draw(found: dict[Path, Found], folder: Path) -> None:
    """Write every photograph that has faces into `folder`, their points drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, faces in found.items():
        if faces:
            spreads = [spread for *_, spread in faces if spread is not None]
            points = np.concatenate([points for _, points, _ in faces])
            spread = np.concatenate(spreads) if spreads else None
            drawn = portraits.draw(decode(path), points, spread=spread, faces=len(faces))
            Image.fromarray(drawn).save(folder / f"{path.stem}.png")


def show(found: dict[Path, Found]) -> None:
    """Print a line a face."""
    for path, faces in found.items():
        if not faces:
            print(f"no face  {path}")
        for number, (face, _, _) in enumerate(faces):
            left, top, right, bottom = face.box
            print(
                f"face {number} at x {left:.0f}..{right:.0f}, y {top:.0f}..{bottom:.0f}, "
                f"score {face.score:.2f}  {path}"
            )

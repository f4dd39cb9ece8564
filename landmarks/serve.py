"""Serve a model of points: `python -m landmarks.serve RUN [--detect] [--port 8000]`.

RUN is a run folder, or a SavedModel that `landmarks.export` made of one. A picture is the crop of a
face, as in training; with --detect it is a photograph with any number of faces. `POST /predict`
takes pictures, `/docs` says how; `/` is a page to drop one on, which draws the points.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from triptych import command
from triptych.config import parse
from triptych.serving.address import Address
from triptych.serving.limits import Limits

if TYPE_CHECKING:
    import numpy as np

    from triptych.serving.service import Answer, Service, Shown


@dataclass(frozen=True)
class Config:
    """Which model to serve, where, and what it bears."""

    run: tyro.conf.Positional[Path]
    """Run folder, or a SavedModel made of one."""
    detect: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Pictures are whole photographs: find faces first (pip install 'triptych[detect]')."""
    address: Address = field(default_factory=Address)
    limits: Limits = field(default_factory=Limits)


def main() -> None:
    """The command line."""
    command.run(serve, parse(Config, prog="landmarks.serve", description=str(__doc__)))


def serve(config: Config) -> None:
    """Serve until it is told to end.

    Raises:
        ValueError: no such run or export, --detect of an export, or the port is taken.
        ModuleNotFoundError: --detect, and what finds faces is not installed.
    """
    from triptych.serving import server

    server.run(lambda: [service(config.run, config.detect)], config.address, config.limits)


def service(run: Path, detect: bool = False) -> "Service":
    """What is served of a run folder or a SavedModel.

    An answer has `faces`, each with `points` [N][2] in pixels of the upright picture and, where the
    model has it, `spread` [N] in the same; with `detect` also `box` (left, top, right, bottom) and
    `score`, from left to right.

    Raises:
        ValueError: neither a finished run folder nor a SavedModel of such a model, or `detect` of
            the latter.
        ModuleNotFoundError: `detect`, and what finds faces is not installed.
    """
    from triptych.serving import card
    from triptych.serving.service import Service

    if card.is_export(run):
        if detect:
            raise ValueError(f"--detect needs a run folder; received: {run}, an export")
        answer, info = _exported(run)
    else:
        answer, info = _opened(run, detect)
    return Service("landmarks", answer, _shown, _examples, info)


_Model = tuple["Callable[[list[np.ndarray]], Sequence[Answer]]", dict[str, Any]]


def _opened(run: Path, detect: bool) -> _Model:
    from landmarks import predictor
    from triptych.serving import card

    model = predictor.open(run)
    size = {"height": model.side, "width": model.side}
    info = card.of_run(run, "landmarks") | {"size": size, "points": model.points, "detect": detect}

    def crops(images: "list[np.ndarray]") -> "list[Answer]":
        found = model.predict(len(images), images.__getitem__)
        spreads = [None] * len(images) if found.spread is None else found.spread
        return [
            {"faces": [_face(points, spread)]}
            for points, spread in zip(found.points, spreads, strict=True)
        ]

    if not detect:
        return crops, info
    from landmarks import detect as finder

    def photographs(images: "list[np.ndarray]") -> "list[Answer]":
        return [
            {
                "faces": [
                    {"box": [round(edge, 2) for edge in face.box], "score": round(face.score, 4)}
                    | _face(points, spread)
                    for face, points, spread in finder.predict([model], image)
                ]
            }
            for image in images
        ]

    return photographs, info


def _exported(folder: Path) -> _Model:
    from triptych.export import SavedModel
    from triptych.serving import card

    info = card.of_export(folder, "landmarks", "saved_model")
    model = SavedModel(folder)

    def crop(image: "np.ndarray") -> "Answer":
        found = model.from_pixels(image[None])
        spread = found["spread"][0] if "spread" in found else None
        return {"faces": [_face(found["points"][0], spread)]}

    # One by one: its signature takes pictures of one size together, and these are of any.
    return lambda images: [crop(image) for image in images], info


def _face(points: "np.ndarray", spread: "np.ndarray | None") -> dict[str, Any]:
    told = {"points": points.astype(float).round(3).tolist()}
    return told if spread is None else told | {"spread": spread.astype(float).round(3).tolist()}


def _shown(image: "np.ndarray", answer: "Answer") -> "Shown":
    import numpy as np

    from landmarks import portraits
    from triptych.serving.service import Part, Shown

    faces = answer["faces"]
    if not faces:
        return Shown(image, [Part("no face")])
    points = np.concatenate([face["points"] for face in faces])
    spreads = [face["spread"] for face in faces if "spread" in face]
    spread = np.concatenate(spreads) if spreads else None
    drawn = portraits.draw(image, points, spread=spread, faces=len(faces))
    return Shown(drawn, [Part(_said(face)) for face in faces])


def _said(face: dict[str, Any]) -> str:
    spread = face.get("spread")
    sure = f", spread {sum(spread) / len(spread):.1f} px" if spread else ""
    score = f", face {face['score']:.0%}" if "score" in face else ""
    return f"{len(face['points'])} points{sure}{score}"


def _examples() -> "list[np.ndarray]":
    import numpy as np

    from landmarks import synth

    return [synth.draw(np.random.default_rng([7, number]))[0] for number in range(4)]


if __name__ == "__main__":
    main()

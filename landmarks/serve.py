"""Serve a model of points: `python -m landmarks.serve RUN [--detect] [--port 8000]`.

RUN is a run folder, or what `landmarks.export` made of one. A picture is the crop of a face, as in
training; with --detect it is a photograph with any number of faces. `POST /predict` takes pictures,
`/docs` says how; `/` is a page to drop one on, which draws the points.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import tyro

from triptych import command
from triptych.config import parse
from triptych.serving.address import Address
from triptych.serving.limits import Limits

if TYPE_CHECKING:
    import numpy as np

    from landmarks.predictor import Predictor
    from triptych.serving.service import Answer, Service, Shown


@dataclass(frozen=True)
class Config:
    """Which model to serve, where, and what it bears."""

    run: tyro.conf.Positional[Path]
    """Run folder, or an export of one."""
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
        ValueError: no such run or export, or the port is taken.
        ModuleNotFoundError: --detect, and what finds faces is not installed.
    """
    from triptych.serving import server

    server.run(lambda: [service(config.run, config.detect)], config.address, config.limits)


def service(run: Path, detect: bool = False) -> "Service":
    """What is served of a run folder or an export.

    An answer has `faces`, each with `points` [N][2] in pixels of the upright picture and, where the
    model has it, `spread` [N] in the same; with `detect` also `box` (left, top, right, bottom) and
    `score`, from left to right.

    Raises:
        ValueError: neither a finished run folder nor an export of such a model.
        ModuleNotFoundError: `detect`, and what finds faces is not installed.
    """
    from landmarks import predictor
    from triptych.serving import card
    from triptych.serving.service import Service

    model = predictor.open(run)
    size = {"height": model.side, "width": model.side}
    known = {"size": size, "points": model.points, "detect": detect}
    answer = _photographs(model) if detect else _crops(model)
    info = card.of(run, predictor.TASK) | known
    return Service(predictor.TASK, answer, _shown, _examples, info)


_Answers: TypeAlias = "Callable[[list[np.ndarray]], Sequence[Answer]]"


def _crops(model: "Predictor") -> _Answers:
    def crops(images: "list[np.ndarray]") -> "list[Answer]":
        found = model.predict(len(images), images.__getitem__)
        spreads = [None] * len(images) if found.spread is None else found.spread
        return [
            {"faces": [_face(points, spread)]}
            for points, spread in zip(found.points, spreads, strict=True)
        ]

    return crops


def _photographs(model: "Predictor") -> _Answers:
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

    return photographs


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

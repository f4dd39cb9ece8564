"""Serve a classifier: `python -m carclf.serve RUN [--port 8000]`.

RUN is a run folder, or what `carclf.export` made of one. `POST /predict` takes pictures,
`/docs` says how; `/` is a page to drop a photograph on, which shows the likeliest classes and, of a
run folder, what speaks for the first (Grad-CAM).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import tyro

from triptych import command
from triptych.config import parse
from triptych.serving.address import Address
from triptych.serving.limits import Limits

if TYPE_CHECKING:
    import numpy as np

    from carclf.predictor import Predictor
    from triptych.serving.service import Answer, Service, Shown

_MOST = 5  # classes of an answer


@dataclass(frozen=True)
class Config:
    """Which model to serve, where, and what it bears."""

    run: tyro.conf.Positional[Path]
    """Run folder, or an export of one."""
    address: Address = field(default_factory=Address)
    limits: Limits = field(default_factory=Limits)


def main() -> None:
    """The command line."""
    command.run(serve, parse(Config, prog="carclf.serve", description=str(__doc__)))


def serve(config: Config) -> None:
    """Serve until it is told to end.

    Raises:
        ValueError: no such run or export, or the port is taken.
    """
    from triptych.serving import server

    server.run(lambda: [service(config.run)], config.address, config.limits)


def service(run: Path) -> "Service":
    """What is served of a run folder or an export.

    An answer has `id`, `name` and `probability` of the likeliest class, and these of the five
    likeliest as `classes`.

    Raises:
        ValueError: neither a finished run folder nor an export of a classifier.
    """
    from carclf import predictor
    from triptych import run as runs
    from triptych.serving import card
    from triptych.serving.service import Service

    model = predictor.open(run)
    classes, names = model.classes, model.names
    size = {"height": model.size[0], "width": model.size[1]}
    info = card.of(run, predictor.TASK) | {"size": size, "classes": classes, "names": names}
    heat = None if runs.is_export(run) else _heat(model)

    def answer(images: "list[np.ndarray]") -> "Sequence[Answer]":
        rows = model.probabilities(len(images), images.__getitem__)
        return [_told(row, classes, names) for row in rows]

    def show(image: "np.ndarray", answer: "Answer") -> "Shown":
        return _shown(image, answer, heat, classes.index(answer["id"]))

    return Service(predictor.TASK, answer, show, _examples, info)


Heat: TypeAlias = "Callable[[np.ndarray, int], np.ndarray]"
"""What in a picture speaks for a class: a map [h, w] in [0, 1]."""


def _heat(model: "Predictor") -> Heat:
    import numpy as np

    from carclf import gradcam
    from triptych.images import resize

    return lambda image, best: gradcam.heat_maps(
        model.model, resize(image, model.size)[None], np.array([best])
    )[0]


def _told(row: "np.ndarray", classes: Sequence[str], names: Sequence[str]) -> "Answer":
    likeliest = [
        {"id": classes[i], "name": names[i], "probability": round(float(row[i]), 6)}
        for i in (-row).argsort(kind="stable")[:_MOST]
    ]
    return {**likeliest[0], "classes": likeliest}


def _shown(
    image: "np.ndarray",
    answer: "Answer",
    heat: "Heat | None",
    best: int,
) -> "Shown":
    from triptych import gallery
    from triptych.images import shrink_to_show
    from triptych.serving.service import Part, Shown

    picture = shrink_to_show(image)
    if heat:
        picture = gallery.overlay(picture, heat(image, best))
    bars = [(one["name"], one["probability"]) for one in answer["classes"]]
    return Shown(picture, [Part(answer["name"], bars)])


def _examples() -> "list[np.ndarray]":
    import numpy as np

    from carclf import synth

    return [synth.draw(style, np.random.default_rng([7, style])) for style in (0, 3, 6, 9)]


if __name__ == "__main__":
    main()

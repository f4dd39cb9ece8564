"""Serve number plates: `python -m plates.serve [--detector RUN --reader RUN] [--port 8000]`.

The models are run folders or their ONNX or LiteRT exports; left out, those in the package. `POST
/predict` takes photographs, `/docs` says how; `/` is a page to drop one on, which draws the plates
and shows what they say, character by character.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from plates import gate
from triptych import command
from triptych.config import parse
from triptych.serving.address import Address
from triptych.serving.limits import Limits

if TYPE_CHECKING:
    import numpy as np

    from triptych.serving.service import Answer, Service, Shown


@dataclass(frozen=True)
class Config:
    """Which models to serve, how sure an answer must be, where, and what the server bears."""

    detector: Path | None = None
    """Run folder of a detector of yours, or its ONNX or LiteRT export; default: the package's."""
    reader: Path | None = None
    """Run folder of a reader of yours, or its ONNX or LiteRT export; default: the package's."""
    least: float = gate.LEAST
    """Score from which a plate is told; what `plates.predict` says of it."""
    least_reading: float = gate.LEAST_READING
    """The same of the weakest character's confidence."""
    address: Address = field(default_factory=Address)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        gate.check(self.least, self.least_reading)


def main() -> None:
    """The command line."""
    command.run(serve, parse(Config, prog="plates.serve", description=str(__doc__)))


def serve(config: Config) -> None:
    """Serve until it is told to end.

    Raises:
        ValueError: no such run or export, none in the package, or the port is taken.
    """
    from triptych.serving import server

    server.run(
        lambda: [service(config.detector, config.reader, config.least, config.least_reading)],
        config.address,
        config.limits,
    )


def service(
    detector: Path | None = None,
    reader: Path | None = None,
    least: float = gate.LEAST,
    least_reading: float = gate.LEAST_READING,
) -> "Service":
    """What is served of a detector and a reader; None: those in the package.

    An answer has `plates` in the order of `plates.pipeline.in_order`, each with `box` [4][2] (its
    corners in pixels of the upright picture, in reading order), `text`, `score`, `confidence`,
    `weakest` and `characters`, all 0..1: see `plates.tables`.

    Raises:
        ValueError: neither run folders nor their exports, none in the package, or a limit that is
            not 0..1.
    """
    from plates import pipeline, tables
    from plates.detector import predictor as detectors
    from plates.reader import predictor as readers
    from triptych.serving import card
    from triptych.serving.service import Service

    model = pipeline.open(detector, reader, least, least_reading)

    def answer(images: "list[np.ndarray]") -> "Sequence[Answer]":
        return [{"plates": tables.entry("", found)["nums"]} for found in model.read(images)]

    info = {
        "task": "plates",
        "detector": card.of(detectors.located(detector or detectors.SHIPPED), "plates.detector"),
        "reader": card.of(readers.located(reader or readers.SHIPPED), "plates.reader")
        | {"alphabet": model.reader.config.alphabet},
        "gate": {"least": least, "least_reading": least_reading},
    }
    return Service("plates", answer, _shown, _examples, info)


def _shown(image: "np.ndarray", answer: "Answer") -> "Shown":
    import numpy as np

    from plates import draw
    from plates.reader.decode import Reading
    from triptych.serving.service import Part, Shown

    plates = answer["plates"]
    readings = [Reading(one["text"], tuple(one["characters"]), one["confidence"]) for one in plates]
    labels = [
        draw.label(reading, one["score"]) for reading, one in zip(readings, plates, strict=True)
    ]
    drawn = draw.draw(image, [np.array(one["box"]) for one in plates], labels)
    parts = [
        Part(
            f"{one['text'] or 'not read'} ({one['confidence']:.0%}, plate {one['score']:.0%})",
            list(zip(one["text"], one["characters"], strict=True)),
        )
        for one in plates
    ]
    return Shown(drawn, parts or [Part("no plate")])


def _examples() -> "list[np.ndarray]":
    import numpy as np

    from plates import synth

    return [synth.scene(np.random.default_rng([7, number]))[0] for number in range(3)]


if __name__ == "__main__":
    main()

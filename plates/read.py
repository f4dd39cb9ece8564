"""Read plates with the reader in the package: `python -m plates.read PICTURE...`

PICTURE is a crop of one plate, or a folder of such; a list of crops, or a folder with a
train_recognition.json, counts as what that names, and of a contest's train.json every plate is cut.
Prints a line for each: its file (of a photograph with the plate's number, 7.jpg#0), the text, how
sure the whole text is, and how sure its weakest character (0..1). `plates.reader.predict` does
more: several readers, grammars, submissions.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import tyro

from triptych import command
from triptych.config import parse
from triptych.stage import require

LEAST = 0.5
"""Below one half, other texts at this character are together likelier than the one that was read:
see `plates.reader.decode`."""


@dataclass(frozen=True)
class Config:
    """Which plates, and how sure an answer must be."""

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """Pictures, or folders or lists of them."""
    run: Path | None = None
    """Run folder of a reader of yours, or its ONNX or LiteRT export; default: the package's."""
    least: float = LEAST
    """A text with a character less sure than this is not told: "-" stands there, as for none."""
    csv: Path | None = None
    """Write file, text, confidence, the weakest character's confidence, and every character's."""

    def __post_init__(self) -> None:
        require(bool(self.paths), "paths", "at least one picture or folder", "none")
        require(0 <= self.least <= 1, "least", "in [0, 1]", self.least)


def main() -> None:
    """The command line."""
    command.run(read, parse(Config, prog="plates.read", description=str(__doc__)))


def read(config: Config) -> None:
    """Print a line for each picture; one that cannot be read has a line on stderr instead.

    Raises:
        ValueError: at the end, when a picture could not be read; at once, when there is no such
            path, or no reader.
    """
    from plates.reader import inputs

    # Path by path: two pictures of one name in different folders are two answers here.
    crops = [crop for path in config.paths for crop in inputs.find([path]).plates]
    # The models' library comes after that: a wrong path must not cost the wait.
    from plates.reader import decode, predictor, submission
    from plates.reader.crops import Crops, Tolerant
    from triptych import run

    if config.run is None and not predictor.SHIPPED.exists():
        raise ValueError("this copy of the package has no reader in it; name a run with --run")
    reader = predictor.open(predictor.located(config.run) if config.run else predictor.SHIPPED)
    pictures = Tolerant(Crops(crops, reader.config, shrink=False))
    found = reader.read(len(crops), pictures.read)
    answered = [
        (replace(crop, name=crop.where), reading)
        for i, (crop, reading) in enumerate(zip(crops, found, strict=True))
        if i not in pictures.unreadable
    ]
    for crop, reading in answered:
        text = decode.gate(reading, config.least).text or "-"
        print(f"{crop.name}: {text}  {reading.confidence:.2f}  {reading.weakest:.2f}")
    for reason in pictures.unreadable.values():
        print(reason, file=sys.stderr)
    if config.csv:
        gated = [decode.gate(reading, config.least) for _, reading in answered]
        rows = submission.readings_rows([crop for crop, _ in answered], gated)
        run.write_rows(config.csv, submission.READINGS, rows)
    if pictures.unreadable:
        raise ValueError(f"{len(pictures.unreadable)} of {len(crops)} pictures could not be read")


if __name__ == "__main__":
    main()

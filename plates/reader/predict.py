"""Read plates: `python -m plates.reader.predict [RUN...] INPUT... [--to readings.csv]`.

Several RUNs make an ensemble; without one the reader in the package answers. INPUT is a picture of
one plate, a folder of such, a csv or json list of them, or a contest's train.json, from whose
photographs every plate is cut by its corners.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from plates.reader.views import Merge, View
from triptych import command
from triptych.config import parse
from triptych.stage import require


@dataclass(frozen=True)
class Config:
    """Which plates, how to read them, and where to write the texts."""

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders, ONNX or LiteRT exports or the word shipped, then pictures, folders or lists."""
    to: Path | None = None
    """Write file, text, confidence, the weakest character's confidence, and every character's."""
    submission: Path | None = None
    """Write file_name,plates_string here: each picture's plates from left to right, by number."""
    tta: Annotated[tuple[View, ...], tyro.conf.arg(metavar="VIEW...")] = ()
    """Views of every crop to read as well: shift, scale, contrast."""
    merge: Merge = "average"
    """How views and runs are put together: the texts' log-probabilities averaged, or a vote."""
    grammar: str | None = None
    """Patterns that answers must fit, such as LDDDLLDD[D]; default: the first run's."""
    beam: int = 0
    """Width of the beam search; 0: greedy decoding, or 16 with a grammar."""
    least: float = 0.0
    """An answer with a character less sure than this is left empty."""

    def __post_init__(self) -> None:
        require(self.beam >= 0, "beam", "0 or more", self.beam)
        require(0 <= self.least <= 1, "least", "in [0, 1]", self.least)


def main() -> None:
    """The command line."""
    command.run(predict, parse(Config, prog="plates.reader.predict", description=str(__doc__)))


def predict(config: Config) -> None:
    """Read the plates and write what `config` asks for.

    A crop that cannot be read, or is not there, is named on the terminal and answered with "".
    """
    from plates.reader import decode, inputs, predictor, submission
    from plates.reader.crops import Crops, Tolerant
    from plates.reader.decode import Reading
    from triptych import run

    named = [predictor.located(path) for path in config.paths]
    folders = [path for path in named if predictor.is_reader(path)]
    paths = [path for path in named if path not in folders]
    require(bool(paths), "paths", "at least one picture, folder or list", "none")
    # Before any model is loaded: a bad list must not cost the wait.
    wanted = inputs.find(paths)
    plates = wanted.plates
    models = [predictor.open(folder) for folder in folders or [predictor.SHIPPED]]
    crops = Tolerant(Crops(plates, models[0].config, shrink=False))
    found = predictor.readings(
        models, len(plates), crops.read, config.tta, config.merge, config.grammar, config.beam
    )
    for i, reason in crops.unreadable.items():
        print(f"answered with an empty text: {reason}")
        found[i] = Reading("", (), 0.0)
    found = [decode.gate(reading, config.least) for reading in found]
    if config.to:
        run.write_rows(config.to, submission.READINGS, submission.readings_rows(plates, found))
        print(f"{config.to}: {len(found)} rows")
    if config.submission:
        rows = submission.rows(wanted.pictures, plates, found)
        run.write_rows(config.submission, submission.HEADER, rows)
        print(f"{config.submission}: {len(rows)} rows")
    if not (config.to or config.submission):
        for plate, reading in zip(plates, found, strict=True):
            sure = f"confidence {reading.confidence:.2f}, weakest {reading.weakest:.2f}"
            print(f"{reading.text or '-':10}  {sure}  {plate.name}")


if __name__ == "__main__":
    main()

"""The contest's answer, and a csv of every reading with its confidences."""

import re
from collections.abc import Sequence

from plates.reader.decode import Reading
from plates.reader.records import Crop

HEADER = ("file_name", "plates_string")
READINGS = ("file", "text", "confidence", "weakest", "characters")


def rows(
    pictures: Sequence[str], crops: Sequence[Crop], readings: Sequence[Reading]
) -> list[tuple[str, str]]:
    """(picture, its plates from left to right with a space between) in the order of the numbers.

    Each of the names `pictures` has one row. A plate without a text is left out, and a picture
    without any plate, or any text, has an empty string, as the contest allows.
    """
    plates: dict[str, list[tuple[float, str]]] = {name: [] for name in pictures}
    for crop, reading in zip(crops, readings, strict=True):
        name = crop.name if crop.quad is None else crop.name.rpartition("#")[0]
        left = 0.0 if crop.quad is None else sum(x for x, _ in crop.quad)
        plates[name].append((left, reading.text))
    return [
        (name, " ".join(text for _, text in sorted(plates[name]) if text))
        for name in sorted(plates, key=_by_number)
    ]


def readings_rows(crops: Sequence[Crop], readings: Sequence[Reading]) -> list[tuple[str, ...]]:
    """Name, text, confidence, the weakest character's, and each character's, in `READINGS`."""
    return [
        (
            crop.name,
            reading.text,
            f"{reading.confidence:.4f}",
            f"{reading.weakest:.4f}",
            " ".join(f"{value:.4f}" for value in reading.characters),
        )
        for crop, reading in zip(crops, readings, strict=True)
    ]


def _by_number(name: str) -> tuple[list[int], str]:
    return [int(digits) for digits in re.findall(r"\d+", name)], name

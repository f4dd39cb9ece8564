"""Which plates are told: the detector and the reader vouch for each other.

A plate is kept when `score / least + weakest / least_reading` is 2 or more: one that is as sure as
both limits, or twice as sure in one and nothing in the other. So what the detector doubts is kept
where it reads surely, and what reads badly is kept where the detector is sure of it. `weakest` is
that of the reading's least sure character. Where the answer is that there is nothing to read, it is
how sure that is, taken away: the reader has learned what is no plate.
"""

from plates.reader.decode import Reading
from triptych.stage import require

LEAST = 0.45
"""With this, a plate that reads badly is still one where its score is 0.9."""
LEAST_READING = 0.4
"""With the reader in the package, 95 % of labelled real plates have 0.34 or more, 95 % of places
beside them 0.18 or less."""


def check(least: float, least_reading: float) -> None:
    """Look at the limits.

    Raises:
        ValueError: one is not 0..1.
    """
    require(0 <= least <= 1, "least", "in [0, 1]", least)
    require(0 <= least_reading <= 1, "least_reading", "in [0, 1]", least_reading)


def keeps(
    score: float, reading: Reading, least: float = LEAST, least_reading: float = LEAST_READING
) -> bool:
    """Whether a plate of this `score` (0..1) and reading is told; with a limit of 0 all are."""
    # The rule times both limits, so that 0 divides nothing.
    return score * least_reading + _weakest(reading) * least >= 2 * least * least_reading


def evidence(score: float, reading: Reading) -> float:
    """How much speaks for a plate, -1..2: by this the surest of a photograph are chosen."""
    return score + _weakest(reading)


def floor(least: float = LEAST, least_reading: float = LEAST_READING) -> float:
    """The score, 0..1, below which no reading can save a plate."""
    return least * max(0.0, 2 - 1 / least_reading) if least_reading else 0.0


def _weakest(reading: Reading) -> float:
    return reading.weakest if reading.text else -reading.weakest

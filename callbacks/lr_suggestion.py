"""Learning rates read off the curve of a range test."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np


class Suggestion(NamedTuple):
    """Learning rates that a range test suggests.

    `steepest`: where the loss falls the fastest against the logarithm of the rate, by a line laid
    through a fifth of the points, for noise is steep. `valley`: in the middle of the longest fall,
    fastai's default. `minimum`: a tenth of the rate of the least loss.
    """

    steepest: float
    valley: float
    minimum: float

    @classmethod
    def of(cls, rates: Sequence[float], losses: Sequence[float]) -> Self:
        """From at least 3 rising rates and the smoothed loss at each."""
        at, curve = np.array(rates), np.array(losses)
        return cls(
            steepest=float(at[_middle_of_steepest_part(np.log(at), curve)]),
            valley=float(at[_middle_of_longest_fall(curve)]),
            minimum=float(at[curve.argmin()]) / 10,
        )


def _middle_of_steepest_part(x: np.ndarray, y: np.ndarray) -> int:
    length = max(3, len(x) // 5)
    starts = range(len(x) - length + 1)
    slopes = [np.polyfit(x[i : i + length], y[i : i + length], 1)[0] for i in starts]
    return int(np.argmin(slopes)) + length // 2


def _middle_of_longest_fall(losses: np.ndarray) -> int:
    """Its index, as fastai's `valley` has it.

    The fall is the longest decreasing subsequence, of equally long ones the first to end. It is
    taken to start its length before its end, and its middle to be a third and a sixth after that.
    """
    lengths = np.ones(len(losses), dtype=int)
    for i in range(1, len(losses)):
        lengths[i] += lengths[:i][losses[:i] > losses[i]].max(initial=0)
    end = int(lengths.argmax())
    length = int(lengths[end])
    return max(end - length + length // 3 + length // 6, 0)

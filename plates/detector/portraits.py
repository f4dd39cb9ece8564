"""Pictures of what was found: the plates it was wrong about, and curves of precision and recall."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from plates import gallery, geometry
from plates.detector import scores
from plates.detector.scores import Matched, Scored
from plates.gallery import BLACK, GREY, RED, Case

# Files are drawn, never windows.
mpl.use("Agg")

_LOOSE = 0.75


def worst(
    read: Callable[[int], np.ndarray],
    names: Sequence[str],
    true: Sequence[Sequence[np.ndarray]],
    found: Sequence[Sequence[Scored]],
    told: Matched,
    most: int,
    to: Path,
) -> None:
    """Write a sheet of at most `most` plates each missed, found where none is, and found loosely.

    `read(i)` gives photograph i as [H, W, 3] uint8 RGB; `told` is what the plates
    `found` are. Missed ones are the largest first, false ones the surest first, loose ones (IoU
    under 0.75) the loosest first. Nothing wrong, or `most` 0: no file.
    """
    seen = {(p, t) for p, t in zip(told.photograph.tolist(), told.truth.tolist(), strict=True)}
    places = [(p, t) for p, some in enumerate(true) for t in range(len(some)) if (p, t) not in seen]
    places.sort(key=lambda at: -geometry.area(true[at[0]][at[1]]))
    missed = [
        Case(p, true[p][t], ((f"missed, {_width(true[p][t])} px wide", RED), (names[p], GREY)))
        for p, t in places
    ]
    false: list[Case] = []
    loose: list[Case] = []
    for i in np.lexsort((-told.score, np.nan_to_num(told.iou))).tolist():
        p, plate = int(told.photograph[i]), found[told.photograph[i]][told.place[i]]
        if not told.hit[i]:
            said = (f"no label there, score {plate.score:.2f}", RED)
            false.append(Case(p, plate.corners, (said, (names[p], GREY))))
        elif told.iou[i] < _LOOSE:
            said = (f"loose: IoU {told.iou[i]:.2f}, score {plate.score:.2f}", BLACK)
            loose.append(Case(p, true[p][told.truth[i]], (said, (names[p], GREY))))
    title = (
        f"of {told.total} plates in {len(names)} photographs {len(missed)} missed, "
        f"{len(false)} found without a label, {len(loose)} loose; green: the labels, yellow: found"
    )
    cases = [*missed[:most], *false[:most], *loose[:most]]
    corners = [[plate.corners for plate in some] for some in found]
    gallery.sheet(cases, read, true, corners, title, to)


def _width(quad: np.ndarray) -> int:
    return round(geometry.sides(quad)[0])


def curves(told: Mapping[float, Matched], least: float, to: Path) -> None:
    """Draw precision over recall for each level of IoU; a dot is the threshold `least`."""
    figure, axis = plt.subplots(figsize=(7, 5), layout="constrained")
    low = 1.0
    for colour, (level, one) in zip(mpl.color_sequences["tab10"], told.items(), strict=False):
        curve, here = one.curve, scores.at(one, least)
        label = f"IoU {level:g}: AP {scores.average_precision(curve):.3f}"
        axis.plot(curve["recall"], curve["precision"], color=colour, label=label)
        recall, precision = here["recall"], here["precision"]
        if recall is not None and precision is not None:
            axis.plot(recall, precision, "o", color=colour)
            low = min(low, precision)
    axis.set(xlim=(0, 1.01), ylim=(max(0.0, min(0.5, low - 0.1)), 1.01))
    axis.set(xlabel="recall: share of the labelled plates that is found")
    axis.set(ylabel="precision: share of those found that is labelled")
    axis.set_title(f"dots: score {least:g} and more", fontsize=11)
    axis.legend(loc="lower left")
    axis.grid(alpha=0.3)
    figure.savefig(to, dpi=100)
    plt.close(figure)

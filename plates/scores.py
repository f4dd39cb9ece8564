"""What reading the plates of whole photographs is judged by, and where the errors come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from plates.detector import scores as detector
from plates.detector.records import Sample
from plates.pipeline import Found, in_order
from plates.reader.decode import Reading
from plates.text import fold, normalize

Cause = Literal["missed", "loose", "misread", "false"]
CAUSES: tuple[Cause, ...] = get_args(Cause)


@dataclass(frozen=True)
class Mistake:
    """A plate that went wrong, and why.

    - missed: nothing that was found overlaps the true plate (IoU of 0.1 or more);
    - loose: found with an IoU under 0.5, and read wrongly or not to be judged by a text;
    - misread: found well, and read wrongly;
    - false: found and read where the data have no plate, or one that is found already.

    A plate that is read rightly is no mistake, however loosely it was found. `truth` and `found`
    are its numbers in the `photograph`, -1: none; the texts, "" for none; `iou` as a "label" of
    `plates.detector.scores`, 0 where there is none.
    """

    cause: Cause
    photograph: int
    truth: int
    found: int
    true_text: str
    text: str
    iou: float

    @property
    def folded(self) -> bool:
        """Whether it would be right with O as 0 and I as 1 on both sides."""
        return bool(self.true_text) and fold(self.text) == fold(self.true_text)


def answer(found: Sequence[Found]) -> str:
    """The contest's string of a photograph: its plates' texts with a space between."""
    return " ".join(one.reading.text for one in found if one.reading.text)


def truth(sample: Sample, cyrillic: bool = True) -> str | None:
    """What `answer` should be, plates from left to right; None: a text is not known.

    Texts are normalized (`plates.text`), as the reader was taught them.
    """
    texts = [normalize(text, cyrillic) for text in sample.texts]
    if not all(texts):
        return None
    true = [
        Found(np.array(quad, np.float64), 1.0, Reading(text, (), 1.0))
        for quad, text in zip(sample.quads, texts, strict=True)
    ]
    return answer(in_order(true))


def mistakes(
    samples: Sequence[Sample], found: Sequence[Sequence[Found]], cyrillic: bool = True
) -> list[Mistake]:
    """All that went wrong in photographs, from the plates found in each.

    Raises:
        ValueError: not as many photographs in both.
    """
    true = [[np.array(quad, np.float64) for quad in sample.quads] for sample in samples]
    levels = (detector.FOUND, detector.TOUCHED)
    (told,) = detector.matched(found, true, "label", [levels])
    pairs = zip(told.photograph.tolist(), told.place.tolist(), told.truth.tolist(), strict=True)
    mine: list[dict[int, tuple[int, float]]] = [{} for _ in samples]
    wrong: list[Mistake] = []
    for (photograph, place, number), iou in zip(pairs, told.iou.tolist(), strict=True):
        if number >= 0:
            mine[photograph][number] = (place, iou)
        else:
            text = found[photograph][place].reading.text
            wrong.append(Mistake("false", photograph, -1, place, "", text, 0.0))
    for photograph, sample in enumerate(samples):
        for number, raw in enumerate(sample.texts):
            wanted = normalize(raw, cyrillic)
            if number not in mine[photograph]:
                wrong.append(Mistake("missed", photograph, number, -1, wanted, "", 0.0))
                continue
            place, iou = mine[photograph][number]
            text = found[photograph][place].reading.text
            if wanted and text == wanted:
                continue
            if iou < detector.FOUND:
                wrong.append(Mistake("loose", photograph, number, place, wanted, text, iou))
            elif wanted:
                wrong.append(Mistake("misread", photograph, number, place, wanted, text, iou))
    return sorted(wrong, key=lambda one: (CAUSES.index(one.cause), one.photograph))

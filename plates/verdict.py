"""Plates found and read in photographs, and the labels -> scores, tables and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from plates import gallery, records, scores
from plates.detector import portraits
from plates.detector import scores as detector
from plates.detector.records import Sample
from plates.detector.verdict import quads, write_detections
from plates.gallery import BLACK, GREY, RED, Case
from plates.pipeline import Found
from plates.reader import scores as texts
from plates.scores import CAUSES, Cause, Mistake
from plates.text import distance, normalize
from triptych import calibration
from triptych.images import decode

_SHOWN = ["kind", "iou", "ap", "precision", "recall", "f1", "mean_iou", "corner_error"]
_TITLES: dict[Cause, str] = {
    "missed": "missed, the largest first",
    "loose": "found loosely (IoU under 0.5) and not read, the loosest first",
    "misread": "found well and read wrongly, the surest first",
    "false": "found where no label is, the surest first",
}


@dataclass(frozen=True)
class Judged:
    """P photographs, what was found and read in each from left to right, and where each is from.

    `regions` [P] are names; `cyrillic` is whether the reader takes Cyrillic letters for Latin ones.
    """

    samples: Sequence[Sample]
    found: Sequence[Sequence[Found]]
    regions: Sequence[str]
    cyrillic: bool = True


def regions(source: Path) -> Mapping[str, str]:
    """File -> its `country` in the contest's json, else its `source`, of those that have one.

    Raises:
        ValueError: as `plates.records.load`.
    """
    rows = [row for row in records.load(source) if isinstance(row, dict)]
    named = [(str(row.get("file")), row.get("country") or row.get("source")) for row in rows]
    return {file: str(name) for file, name in named if name}


def judge(judged: Judged, to: Path) -> dict[str, Any]:
    """Write tables and the curve into `to`; print and return the scores.

    Writes answers.csv (a row a photograph), mistakes.csv, by_region.csv, detections.csv and
    curve.png. A photograph with a plate of unknown text counts for the detection alone.

    Average precision is of the plates that are told: what both models doubt is not among them.

    Raises:
        ValueError: no photograph has a plate, or none has only plates with known texts.
    """
    names, true = [sample.name for sample in judged.samples], quads(judged.samples)
    found = detector.summary(judged.found, true, 0.0)
    write_detections(names, judged.found, true, to / "detections.csv")
    levels = dict(zip(detector.LEVELS, detector.matched(judged.found, true, "label"), strict=True))
    portraits.curves(levels, 0.0, to / "curve.png")
    wrong = scores.mistakes(judged.samples, judged.found, judged.cyrillic)
    _write_mistakes(names, wrong, to / "mistakes.csv")
    answers = _answers(judged)
    answers.to_csv(to / "answers.csv", index=False)
    true_texts, read = answers["truth"].tolist(), answers["text"].tolist()
    if not any(true_texts):
        raise ValueError(f"none of the {len(names)} photographs has a text to be read")
    by_region = texts.by_part(answers["region"].tolist(), true_texts, read)
    by_region = by_region.rename(columns={"crops": "photographs"})
    by_region.to_csv(to / "by_region.csv", index=False, float_format="%.5f")
    result = {
        "photographs": len(names),
        "read": len(answers),
        **texts.summary(true_texts, read),
        "plates": _plates(judged, wrong),
        "mistakes": {cause: sum(one.cause == cause for one in wrong) for cause in CAUSES},
        "by_region": by_region.to_dict("records"),
        "detection": found,
    }
    _show(result, by_region)
    return result


def show_mistakes(judged: Judged, most: int, to: Path) -> None:
    """Write missed.png, loose.png, misread.png and false.png, of at most `most` plates each.

    A sheet shows the plate with what is around it, the label green, what was found yellow; below
    are the true text and the text read. None of a kind, or `most` 0: no file.
    """
    wrong = scores.mistakes(judged.samples, judged.found, judged.cyrillic)
    true = quads(judged.samples)
    found = [[one.corners for one in some] for some in judged.found]
    for cause in CAUSES:
        some = sorted((one for one in wrong if one.cause == cause), key=lambda m: _rank(judged, m))
        chosen = some[:most]
        title = f"{len(chosen)} of {len(some)} plates {_TITLES[cause]}; green: label, yellow: found"
        cases = [_case(judged, one) for one in chosen]
        gallery.sheet(
            cases,
            lambda i: decode(judged.samples[i].path),
            true,
            found,
            title,
            to / f"{cause}.png",
        )


def _rank(judged: Judged, mistake: Mistake) -> float:
    """The worst has the least."""
    if mistake.cause == "missed":
        (x0, _), (x1, _) = judged.samples[mistake.photograph].quads[mistake.truth][:2]
        return x0 - x1
    if mistake.cause == "loose":
        return mistake.iou
    one = judged.found[mistake.photograph][mistake.found]
    return -(one.score if mistake.cause == "false" else one.reading.confidence)


def _case(judged: Judged, mistake: Mistake) -> Case:
    sample, found = judged.samples[mistake.photograph], judged.found[mistake.photograph]
    read, sure = "not found", ""
    if mistake.found >= 0:
        one = found[mistake.found]
        read = f"read: {mistake.text or texts.NOTHING}"
        sure = f"weakest {one.reading.weakest:.2f}, score {one.score:.2f}, IoU {mistake.iou:.2f}"
    lines = (
        (f"label: {mistake.true_text or texts.NOTHING}", BLACK),
        (read, RED),
        (sure, GREY),
        (sample.name, GREY),
    )
    if mistake.truth >= 0:
        return Case(mistake.photograph, quads([sample])[0][mistake.truth], lines)
    return Case(mistake.photograph, found[mistake.found].corners, lines)


def _answers(judged: Judged) -> pd.DataFrame:
    """A row for each photograph whose texts are known."""
    rows = []
    for sample, found, region in zip(judged.samples, judged.found, judged.regions, strict=True):
        wanted = scores.truth(sample, judged.cyrillic)
        if wanted is not None:
            text = scores.answer(found)
            rows.append((sample.name, region, wanted, text, distance(wanted, text)))
    return pd.DataFrame(rows, columns=["file", "region", "truth", "text", "distance"])


def _write_mistakes(names: Sequence[str], wrong: Sequence[Mistake], to: Path) -> None:
    rows = [{"file": names[one.photograph], **asdict(one), "folded": one.folded} for one in wrong]
    columns = ["file", "cause", "truth", "found", "true_text", "text", "iou", "folded"]
    pd.DataFrame(rows, columns=columns).to_csv(to, index=False, float_format="%.4f")


def _plates(judged: Judged, wrong: Sequence[Mistake]) -> dict[str, float]:
    """Of the labelled plates with a text: how many are read rightly, whatever else is found."""
    named = (text for sample in judged.samples for text in sample.texts)
    total = sum(bool(normalize(text, judged.cyrillic)) for text in named)
    lost = [one for one in wrong if one.true_text]
    right = total - len(lost)
    folded = right + sum(one.folded for one in lost)
    return {"plates": total, "right": right / total, "right_folded": folded / total}


def _show(result: dict[str, Any], by_region: pd.DataFrame) -> None:
    table = pd.DataFrame(result["detection"])
    print(table[_SHOWN].to_string(index=False, float_format="{:.4f}".format))
    print("polygon: quads as they are; box: their bounding boxes; label: boxes where the label is")
    print("an upright rectangle; corner_error: per cent of the plate's width")
    print(f"\n{by_region.to_string(index=False, float_format='{:.4f}'.format)}")
    low, high = calibration.interval(result["exact"], result["read"])
    print(
        f"\nexact {result['exact']:.4f} of {result['read']} photographs, 95 % interval "
        f"{low:.3f}..{high:.3f}; with O = 0 and I = 1 {result['exact_folded']:.4f}"
    )
    print(
        f"mean distance {result['distance']:.4f} characters ({result['distance_folded']:.4f}), "
        f"character error rate {result['cer']:.2%} ({result['cer_folded']:.2%})"
    )
    plates = result["plates"]
    print(
        f"of {plates['plates']} labelled plates {plates['right']:.4f} are found and read rightly, "
        f"with O = 0 and I = 1 {plates['right_folded']:.4f}"
    )
    told = ", ".join(f"{number} {cause}" for cause, number in result["mistakes"].items())
    print(f"mistakes: {told}")

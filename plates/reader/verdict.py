"""Readings and the true texts -> the scores, tables and pictures of an evaluation."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from plates.reader import portraits, scores
from plates.reader.decode import Reading
from plates.reader.records import Crop
from triptych import calibration, report

_UNKNOWN = "unknown"
_CONFUSIONS = 12
_BY = {"confidence": "confidence of the whole text", "weakest": "weakest character"}


@dataclass(frozen=True)
class Judged:
    """R crops, and what was read in them."""

    crops: Sequence[Crop]
    readings: Sequence[Reading]

    def __post_init__(self) -> None:
        if len(self.crops) != len(self.readings):
            raise ValueError(
                "`crops` and `readings` must be as many; "
                f"received: {len(self.crops)} and {len(self.readings)}"
            )

    @property
    def table(self) -> pd.DataFrame:
        """A row a crop, as readings.csv has it."""
        true, found = [c.text for c in self.crops], [r.text for r in self.readings]
        columns = {
            "file": [c.name for c in self.crops],
            "truth": true,
            "text": found,
            "distance": scores.distances(true, found),
            "confidence": [r.confidence for r in self.readings],
            "weakest": [r.weakest for r in self.readings],
            "characters": [" ".join(map("{:.3f}".format, r.characters)) for r in self.readings],
            "country": [c.country or _UNKNOWN for c in self.crops],
            "rows": [c.rows or _UNKNOWN for c in self.crops],
        }
        return pd.DataFrame(columns)


def judge(judged: Judged, alphabet: str, precision: float, to: Path) -> dict[str, Any]:
    """Write tables and pictures into `to`; print and return the scores.

    Writes readings.csv, by_country.csv, by_rows.csv, by_length.csv, confusion.csv, confusion.png,
    confidence.png and answered.png. Crops without a plate (a true text of "") count in their own
    scores alone. `alphabet` is what the reader can read; the share of plates that can be answered
    is that at `precision`.

    Raises:
        ValueError: there is no plate among the crops.
    """
    table = judged.table
    table.to_csv(to / "readings.csv", index=False, float_format="%.5f")
    plates, empty = table[table["truth"] != ""], table[table["truth"] == ""]
    if plates.empty:
        raise ValueError(f"none of the {len(table)} crops has a text to be read")
    true, found = plates["truth"].tolist(), plates["text"].tolist()
    parts = {
        "country": plates["country"].tolist(),
        "rows": plates["rows"].tolist(),
        "length": plates["truth"].str.len().tolist(),
    }
    tables = {name: scores.by_part(part, true, found) for name, part in parts.items()}
    for name, part in tables.items():
        part.to_csv(to / f"by_{name}.csv", index=False, float_format="%.5f")
    result = {
        "crops": len(plates),
        **scores.summary(true, found),
        **{f"by_{name}": part.to_dict("records") for name, part in tables.items()},
        "confusions": _confusions(true, found, alphabet, to),
        **_confidence(plates, precision, to),
    }
    if len(empty):
        # By the weakest character, as `decode.gate` and so --least of the commands have it.
        gate = result["answerable"]["weakest"]["threshold"]
        silent = (empty["text"] == "").to_numpy()
        gated = silent | (empty["weakest"] < (np.inf if gate is None else gate)).to_numpy()
        result["without_plate"] = {
            "crops": len(empty),
            "silent": float(silent.mean()),
            "silent_at_gate": float(gated.mean()),
        }
    _show(result, tables, precision)
    return result


def show_worst(judged: Judged, read: Callable[[int], np.ndarray], most: int, to: Path) -> None:
    """Write worst.png: at most `most` crops read wrongly, those the reader was surest of first.

    `read(i)` gives crop i as [H, W, 3] uint8 RGB. A wrong answer that is sure does the most harm,
    and is often a wrong label. No wrong answer, or `most` 0: no file.
    """
    true = [c.text for c in judged.crops]
    wrong = [i for i, r in enumerate(judged.readings) if r.text != true[i]]
    # What says nothing does less harm than anything that is wrong.
    wrong.sort(key=lambda i: (not judged.readings[i].text, -judged.readings[i].confidence))
    chosen = wrong[:most]
    title = (
        f"{len(chosen)} of {len(wrong)} wrong readings of {len(true)} crops, the surest first; "
        "above: the truth, below: what was read"
    )
    names = [c.name for c in judged.crops]
    portraits.sheet(read, chosen, names, true, judged.readings, title, to / "worst.png")


def _confusions(
    true: Sequence[str], found: Sequence[str], alphabet: str, to: Path
) -> list[dict[str, Any]]:
    """Write the confusion of characters; the mistakes with how often, the most frequent first."""
    # Labels of other data may hold characters that the run's alphabet has not.
    known = alphabet + "".join(sorted({*"".join(true), *"".join(found)} - {*alphabet}))
    counts = scores.confusion(true, found, known)
    names = [*known, scores.NOTHING]
    pd.DataFrame(counts, names, names).to_csv(to / "confusion.csv", index_label="true")
    report.confusion(counts, names, to / "confusion.png")
    totals = dict(zip(names, counts.sum(axis=1).tolist(), strict=True))
    wrong = Counter(
        {
            (names[row], names[column]): int(counts[row, column])
            for row, column in zip(*np.nonzero(counts), strict=True)
            if row != column
        }
    )
    return [
        {"true": pair[0], "read": pair[1], "times": times, "of": totals[pair[0]]}
        for pair, times in wrong.most_common()
    ]


def _confidence(plates: pd.DataFrame, precision: float, to: Path) -> dict[str, Any]:
    """How far either confidence can be believed; a plate answered with "" is not answered."""
    right = (plates["distance"] == 0).to_numpy()
    reliability = calibration.reliability(plates["confidence"].to_numpy(), right)
    error = calibration.error(reliability)
    report.reliability(reliability, error, to / "confidence.png")
    answered = (plates["text"] != "").to_numpy()
    curves = {
        name: scores.coverage(plates[name].to_numpy()[answered], right[answered], total=len(plates))
        for name in _BY
    }
    named = {_BY[name]: curve for name, curve in curves.items()}
    portraits.precision_curves(named, precision, to / "answered.png")
    answerable: dict[str, Any] = {"precision": precision}
    for name, curve in curves.items():
        share, threshold = scores.answerable(curve, precision)
        area = scores.risk_area(curve)
        answerable[name] = {"share": share, "threshold": threshold, "risk_area": area}
    answerable["best"] = max(
        _BY, key=lambda n: (answerable[n]["share"], -answerable[n]["risk_area"])
    )
    return {
        "mean_confidence": float(plates["confidence"].mean()),
        "calibration_error": error,
        "answerable": answerable,
    }


def _show(result: dict[str, Any], tables: dict[str, pd.DataFrame], precision: float) -> None:
    """Print the scores, the parts first."""
    named = [
        part.assign(part=f"{name} " + part["part"].astype(str)) for name, part in tables.items()
    ]
    print(pd.concat(named).to_string(index=False, float_format="{:.4f}".format))
    shown = [
        f"{c['true']} read as {c['read']} {c['times']} of {c['of']}"
        for c in result["confusions"][:_CONFUSIONS]
    ]
    print(f"\nmistakes: {', '.join(shown) or 'none'}")
    lines = [
        f"{part['exact']:.4f} of {part['crops']} with rows {part['part']}"
        for part in result["by_rows"]
    ]
    low, high = calibration.interval(result["exact"], result["crops"])
    print(
        f"exact {result['exact']:.4f} of {result['crops']} plates, 95 % interval "
        f"{low:.3f}..{high:.3f} ({', '.join(lines)}); "
        f"with O = 0 and I = 1 {result['exact_folded']:.4f}"
    )
    print(
        f"mean distance {result['distance']:.4f} characters ({result['distance_folded']:.4f}), "
        f"character error rate {result['cer']:.2%} ({result['cer_folded']:.2%})"
    )
    print(
        f"mean confidence {result['mean_confidence']:.4f}, "
        f"expected calibration error {result['calibration_error']:.4f}"
    )
    for name, said in _BY.items():
        share, threshold, area = result["answerable"][name].values()
        gate = "no gate does it" if threshold is None else f"gate {threshold:.4f}"
        print(
            f"answered with {precision:.0%} precision: {share:.1%}, by the {said} "
            f"({gate}; area of risk {area:.4f})"
        )
    if rest := result.get("without_plate"):
        print(
            f"of {rest['crops']} crops without a plate {rest['silent']:.1%} are answered with "
            f"nothing, {rest['silent_at_gate']:.1%} behind the gate of the weakest "
            "character"
        )

"""Score a finished run on its own validation side, with and without TTA."""

from pathlib import Path

from plates.reader import predictor
from plates.reader.crops import Crops, Tolerant
from plates.reader.labelled import Labelled
from plates.reader.scores import summary
from plates.reader.views import View
from triptych import run

VALIDATION = "validation.csv"
_TTA: tuple[View, ...] = ("shift", "scale")


def validate(folder: Path, data: Labelled) -> dict[str, float]:
    """Write metrics.json and validation.csv (texts and confidences, with TTA) into the run folder.

    The scores are `scores.summary` of the plates, the same with TTA (_tta), and of crops without a
    plate the share that is answered with nothing (silent).
    """
    model = predictor.open(folder)
    records = [data.records[i] for i in data.validation]
    crops = Tolerant(Crops(records, model.config, shrink=False))
    plain = model.read(len(records), crops.read)
    averaged = model.read(len(records), crops.read, _TTA)
    for reason in crops.unreadable.values():
        print(f"left out: {reason}", flush=True)
    kept = [i for i in range(len(records)) if i not in crops.unreadable]
    plates = [i for i in kept if records[i].text]
    empty = [i for i in kept if not records[i].text]
    metrics: dict[str, float] = {"crops": len(plates), "without_plate": len(empty)}
    if plates:
        true = [records[i].text for i in plates]
        metrics |= summary(true, [plain[i].text for i in plates])
        tta = summary(true, [averaged[i].text for i in plates])
        metrics |= {f"{name}_tta": value for name, value in tta.items()}
        print(
            f"validation: {metrics['exact']:.1%} read exactly, mean distance "
            f"{metrics['distance']:.3f}; with TTA ({', '.join(_TTA)}) {metrics['exact_tta']:.1%}, "
            f"{metrics['distance_tta']:.3f}; of {len(plates)} plates",
            flush=True,
        )
    if empty:
        metrics["silent"] = sum(not plain[i].text for i in empty) / len(empty)
        print(
            f"of {len(empty)} crops without a plate {metrics['silent']:.1%} answered with nothing"
        )
    run.write_json(folder / "metrics.json", metrics)
    rows = [
        (
            records[i].name,
            records[i].text,
            averaged[i].text,
            f"{averaged[i].confidence:.4f}",
            f"{averaged[i].weakest:.4f}",
        )
        for i in kept
    ]
    header = ("file", "text", "read", "confidence", "weakest")
    run.write_rows(folder / VALIDATION, header, rows)
    return metrics

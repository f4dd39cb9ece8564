"""Score a finished run on its own validation side, with and without TTA."""

from pathlib import Path

from carclf import predictor
from carclf.labelled import Labelled
from carclf.metrics import accuracy
from triptych import run
from triptych.inputs import Readable
from triptych.tta import Kind

TTA: tuple[Kind, ...] = ("flip", "zoom")


def validate(folder: Path, data: Labelled) -> dict[str, float]:
    """Write metrics.json and validation.csv (probabilities) into the run folder."""
    model = predictor.open(folder)
    pictures, labels = data.side(data.validation)
    images = Readable(pictures.paths, model.size)
    plain = model.probabilities(len(labels), images.read)
    averaged = model.probabilities(len(labels), images.read, TTA)
    for reason in images.unreadable.values():
        print(f"left out: {reason}", flush=True)
    kept = [i for i, path in enumerate(pictures.paths) if path not in images.unreadable]
    pictures, labels = pictures.select(kept), labels[kept]
    plain, averaged = plain[kept], averaged[kept]
    metrics = {
        "pictures": len(labels),
        "accuracy": accuracy(plain, labels),
        "accuracy_tta": accuracy(averaged, labels),
    }
    run.write_json(folder / "metrics.json", metrics)
    rows = [
        (path.name, model.classes[label], *map("{:.6f}".format, row))
        for path, label, row in zip(pictures.paths, labels, averaged, strict=True)
    ]
    run.write_rows(folder / "validation.csv", ("Id", "Category", *model.classes), rows)
    print(
        f"validation accuracy {metrics['accuracy']:.4f}, with TTA ({', '.join(TTA)}) "
        f"{metrics['accuracy_tta']:.4f}, of {len(labels)} pictures",
        flush=True,
    )
    return metrics

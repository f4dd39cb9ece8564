"""Score a finished run on its own validation side, with and without TTA."""

from pathlib import Path

import numpy as np

from carclf import predictor
from carclf.labelled import Labelled
from carclf.metrics import accuracy
from triptych import run
from triptych.images import ImageError
from triptych.tta import Kind

TTA: tuple[Kind, ...] = ("flip", "zoom")


def validate(folder: Path, data: Labelled) -> dict[str, float]:
    """Write metrics.json and validation.csv (probabilities) into the run folder."""
    model = predictor.open(folder)
    pictures, labels = data.side(data.validation)
    gone: set[int] = set()

    def read(index: int) -> np.ndarray:
        try:
            return pictures[index]
        except ImageError as error:
            if index not in gone:
                print(f"left out: {error}", flush=True)
            gone.add(index)
            return np.zeros((*model.size, 3), np.uint8)

    plain = model.probabilities(len(labels), read)
    averaged = model.probabilities(len(labels), read, TTA)
    kept = [i for i in range(len(labels)) if i not in gone]
    pictures, labels, plain, averaged = (
        pictures.select(kept),
        labels[kept],
        plain[kept],
        averaged[kept],
    )
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

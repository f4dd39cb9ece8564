"""Score a finished run on its own validation side, with and without TTA."""

from pathlib import Path

import numpy as np

from landmarks import predictor
from landmarks.ensemble import View
from landmarks.labelled import Labelled
from landmarks.metrics import mse
from triptych import run
from triptych.inputs import Readable

VALIDATION = "validation.csv"


def validate(folder: Path, data: Labelled) -> dict[str, float]:
    """Write metrics.json and validation.csv (points in pixels) into the run folder."""
    model = predictor.open(folder)
    paths = [data.pictures.paths[i] for i in data.validation]
    images = Readable(paths, None)
    tta: tuple[View, ...] = () if model.mirror is None else ("flip",)
    plain = model.predict(len(paths), images.read).points
    averaged = model.predict(len(paths), images.read, tta).points if tta else plain
    for reason in images.unreadable.values():
        print(f"left out: {reason}", flush=True)
    kept = np.array([path not in images.unreadable for path in paths])
    true = data.points[data.validation].astype(np.float64)[kept]
    metrics = {
        "pictures": int(kept.sum()),
        "mse": float(mse(plain[kept], true)),
        "mse_tta": float(mse(averaged[kept], true)),
    }
    run.write_json(folder / "metrics.json", metrics)
    header = [f"Point_M{i}_{axis}" for i in range(model.points) for axis in "XY"]
    rows = [
        (data.names[i], *map("{:.3f}".format, row.ravel()))
        for i, row, known in zip(data.validation, averaged, kept, strict=True)
        if known
    ]
    run.write_rows(folder / VALIDATION, ("file_name", *header), rows)
    print(
        f"validation MSE {metrics['mse']:.3f} px^2, with TTA ({', '.join(tta) or 'none'}) "
        f"{metrics['mse_tta']:.3f}, of {metrics['pictures']} pictures",
        flush=True,
    )
    return metrics

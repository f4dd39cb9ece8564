"""Crops that show what quantizing a reader costs, and such to calibrate it on."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from plates import sides
from plates.reader import labelled, records
from plates.reader.crops import Crops
from plates.reader.predictor import Predictor
from plates.reader.views import render
from plates.sides import Split
from triptych.images import decode


@dataclass(frozen=True)
class Trial:
    """`samples` [B, height, width, 3] uint8 to calibrate on; crops to judge on, and their texts."""

    samples: np.ndarray
    crops: Sequence[np.ndarray] | Crops
    texts: Sequence[str]
    measure: str

    def exact(self, model: Predictor) -> float:
        """Share of the crops that are read without a mistake, with the model's own grammar."""
        found = model.read(len(self.texts), self.crops.__getitem__)
        return float(np.mean([r.text == t for r, t in zip(found, self.texts, strict=True)]))


def from_data(model: Predictor, data: Path, splits: Sequence[Split]) -> Trial:
    """Of labelled `data` what `plates.sides.trial` takes, by the splits of the model's run.

    Raises:
        ValueError: the data cannot be read, or as `plates.sides.trial`.
    """
    found, problems = records.read(data, cyrillic=model.config.cyrillic)
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(labelled.digest, found)) if splits else [""] * len(found)
    judged, others = sides.trial(found, digests, splits, "crops")
    settings, workers = replace(model.config, data=data), os.cpu_count() or 1
    crops, _, remarks = labelled.usable(judged, settings, workers, shrink=False)
    some, _, more = labelled.usable(others, settings, workers, shrink=False)
    left_out = [*remarks[: len(judged) - len(crops)], *more[: len(others) - len(some)]]
    for remark in [*problems, *left_out]:
        print(f"{remark.where}: {remark.reason}")
    print(f"judged on {len(crops)} crops, calibrated on {len(some)} others", flush=True)
    samples = np.stack([render(some[i], model.config.size)[0] for i in range(len(some))])
    return Trial(samples, crops, [crop.text for crop in crops.records], "texts read exactly")


def from_pictures(model: Predictor, pictures: Sequence[bytes]) -> Trial:
    """Of encoded crops whose texts nobody knows: what the run reads counts as right."""
    images = [decode(data) for data in pictures]
    texts = [reading.text for reading in model.read(len(images), images.__getitem__)]
    samples = np.stack([render(i, model.config.size)[0] for i in images[: sides.CALIBRATING]])
    return Trial(samples, images, texts, "texts that are the run's")

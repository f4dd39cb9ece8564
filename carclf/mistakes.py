"""The worst mistakes as a sheet of pictures, each with what the answer was read from."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from carclf.gradcam import heat_maps
from carclf.predictor import Predictor
from triptych import gallery
from triptych.images import resize
from triptych.pictures import Pictures


def worst(probabilities: np.ndarray, labels: np.ndarray, most: int) -> np.ndarray:
    """Positions of at most `most` wrongly answered pictures, the farthest from right first.

    How far is the probability of the answer less that of the true class.
    """
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    lead = (probabilities.max(axis=1) - own)[wrong]
    return wrong[np.argsort(-lead, kind="stable")][:most]


def draw(
    models: Sequence[Predictor],
    pictures: Pictures,
    probabilities: np.ndarray,
    labels: np.ndarray,
    most: int,
    to: Path,
) -> int:
    """Write the gallery of the worst mistakes and return how many it shows; none: no file.

    Beside each picture stands the Grad-CAM heat of the answered class (mean over `models`).
    """
    chosen = worst(probabilities, labels, most)
    if not len(chosen):
        to.unlink(missing_ok=True)
        return 0
    images = [pictures[i] for i in chosen]
    answers = probabilities[chosen].argmax(axis=1)
    heats = np.mean([_heat(model, images, answers) for model in models], axis=0)
    names = models[0].names
    tiles = []
    for image, heat, answer, i in zip(images, heats, answers, chosen, strict=True):
        label, row = labels[i], probabilities[i]
        lines = (
            (f"{row[answer]:4.0%}  {names[answer]}  (answer)", gallery.RED),
            (f"{row[label]:4.0%}  {names[label]}  (true)", gallery.GREEN),
            (pictures.paths[i].name, gallery.GREY),
        )
        tiles.append(gallery.Tile((image, gallery.overlay(image, heat)), lines))
    wrong = int((probabilities.argmax(axis=1) != labels).sum())
    gallery.write(
        tiles,
        to,
        title=f"{len(chosen)} of {wrong} mistakes in {len(labels)} pictures, the worst first; "
        "right of each: what speaks for the answer (bright: most)",
    )
    return len(chosen)


def _heat(model: Predictor, images: Sequence[np.ndarray], classes: np.ndarray) -> np.ndarray:
    batch = np.stack([resize(image, model.size) for image in images])
    maps = heat_maps(model.model, batch, classes)
    # Runs of an ensemble may have maps of different sizes.
    return np.stack([gallery.stretch(heat, model.size) for heat in maps])

"""Score a finished run on its own validation side."""

from pathlib import Path
from typing import Any

from plates.detector import predictor, scores, verdict
from plates.detector.labelled import Labelled
from triptych import run

VALIDATION = "validation.csv"
_FLOOR = 0.05  # average precision is of what is found with this score or more


def validate(folder: Path, data: Labelled) -> dict[str, Any]:
    """Write metrics.json and validation.csv (all plates found) into the run folder.

    The scores are `scores.at` the detector's own threshold, at IoU 0.5, where labels that are
    upright rectangles are compared as boxes; and the average precision there.
    """
    detector = predictor.open(folder)
    samples, found, problems = verdict.ask(
        [data.samples[i] for i in data.validation], lambda images: detector.detect(images, _FLOOR)
    )
    for problem in problems:
        print(f"left out: {problem.where}: {problem.reason}", flush=True)
    true = verdict.quads(samples)
    metrics: dict[str, Any] = {"photographs": len(samples), "plates": sum(map(len, true))}
    if metrics["plates"]:
        (told,) = scores.matched(found, true, "label", [scores.FOUND])
        metrics |= scores.at(told, predictor.LEAST)
        metrics["ap"] = scores.average_precision(told.curve)
        precision = metrics["precision"]
        print(
            f"validation: recall {metrics['recall']:.1%}, precision "
            f"{'unknown' if precision is None else f'{precision:.1%}'} at IoU {scores.FOUND}, "
            f"average precision {metrics['ap']:.3f}; of {metrics['plates']} plates",
            flush=True,
        )
    run.write_json(folder / "metrics.json", metrics)
    verdict.write_detections([s.name for s in samples], found, true, folder / VALIDATION)
    return metrics

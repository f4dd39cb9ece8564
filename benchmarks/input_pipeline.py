"""Does the input keep up? tf.data alone (decode, augment) against the training step, images/s.

`python benchmarks/input_pipeline.py [--data DIR]`: without data, the drawn cars. Both sides are
measured in turns, in one process, with the `lite` recipe's backbone at 224 px; the pictures are
decoded anew each time ("from disk") or come from the cache ("cached").
"""

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Config:
    """What to measure on."""

    data: Path | None = None
    """Folder as `carclf.train` takes it; default: drawn cars."""
    rounds: int = 5
    steps: int = 4
    """Batches of 32 in each round of each side."""


def main() -> None:
    """Print images a second of both sides and their ratio."""
    config = tyro.cli(Config, description=str(__doc__))
    if config.data:
        measure(config, config.data)
    else:
        from carclf.synth import generate

        with tempfile.TemporaryDirectory() as folder:
            measure(config, generate(Path(folder) / "cars", train_per_class=30, test_per_class=1))


def measure(config: Config, data: Path) -> None:
    """Time the three sides in turns and print medians."""
    from statistics import median

    from carclf import labelled, stages
    from carclf.model import build
    from carclf.recipes import RECIPES
    from triptych.stage import Stage

    stage = Stage("all", 1, 3e-4, size="224")
    recipe = replace(RECIPES["lite"], data=data, stages=(stage,), val_fraction=0.0, monitor="loss")
    model = build(recipe, len(labelled.load(recipe, 2).classes), "imagenet")
    sides = {}
    for name, cache_mb in (("from disk", 0), ("cached", 4000)):
        loaded = labelled.load(replace(recipe, cache_mb=cache_mb), 2)
        (phase,) = stages.phases(recipe, loaded, 2)
        sides[name] = iter(phase.train(0))
    phase.compile(model)
    batch = next(sides["cached"])
    model.train_on_batch(*batch)
    times: dict[str, list[float]] = {name: [] for name in (*sides, "training step")}
    for _ in range(config.rounds):
        for name, batches in sides.items():
            # The buffer filled up while the other side was measured.
            for _ in range(8):
                next(batches)
            start = time.perf_counter()
            for _ in range(4 * config.steps):
                next(batches)
            times[name].append((time.perf_counter() - start) / (4 * config.steps))
        start = time.perf_counter()
        for _ in range(config.steps):
            model.train_on_batch(*batch)
        times["training step"].append((time.perf_counter() - start) / config.steps)
    rate = {name: stage.batch / median(values) for name, values in times.items()}
    for name, images in rate.items():
        print(
            f"{name:>14}: {images:7.1f} images/s, {images / rate['training step']:.1f} x the step"
        )


if __name__ == "__main__":
    main()

"""What do checkpoints cost? The share of a training's time that goes into them.

`python -m benchmarks.checkpointing [--data DIR]`: without data, the drawn cars. The middle stage of
the `lite` recipe, one epoch a round, with checkpoints at the recipe's interval and without in
turns. The share is the time inside `Checkpoints.save` over the time of the epochs it was called in;
the ratio, of epochs with to epochs without, holds everything, and the noise of the machine.
"""

import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import tyro


@dataclass(frozen=True)
class Config:
    """What to measure on."""

    data: Path | None = None
    """Folder as `carclf.train` takes it; default: drawn cars."""
    rounds: int = 4


def main() -> None:
    """Print the share and the ratio."""
    config = tyro.cli(Config, description=str(__doc__))
    with tempfile.TemporaryDirectory() as folder:
        if config.data:
            measure(config.rounds, config.data, Path(folder))
        else:
            from carclf.synth import generate

            data = generate(Path(folder) / "cars", train_per_class=75, test_per_class=1)
            measure(config.rounds, data, Path(folder))


def measure(rounds: int, data: Path, folder: Path) -> None:
    """Train epochs with and without checkpoints in turns."""
    from statistics import median

    from carclf import labelled, stages
    from carclf.model import build
    from carclf.recipes import RECIPES
    from triptych import runtime
    from triptych.checkpoint import Checkpoints, Position

    runtime.setup(seed=0)
    recipe = replace(RECIPES["lite"], data=data, stages=RECIPES["lite"].stages[1:2])
    loaded = labelled.load(recipe, 2)
    model = build(recipe, len(loaded.classes), "imagenet")
    (phase,) = stages.phases(recipe, loaded, 2)
    phase.compile(model)
    model.optimizer.build(model.trainable_variables)
    model.save(best := folder / "model.keras")
    (folder / "checkpoints").mkdir()
    checkpoints = Checkpoints(folder / "checkpoints", best, {}, recipe.checkpoint_steps)
    callbacks = [*phase.callbacks(), *stages.callbacks(recipe, folder)]
    batches = iter(phase.train(0))
    model.train_on_batch(*next(batches))
    seconds: dict[str, list[float]] = {"with": [], "without": [], "saving": []}

    def epoch(save: Any) -> float:
        start = time.perf_counter()
        for step in range(1, phase.steps + 1):
            model.train_on_batch(*next(batches))
            if step % checkpoints.every == 0 or step == phase.steps:
                save(Position(0, 0, step), model, callbacks)
        return time.perf_counter() - start

    def timed(save: Any, *arguments: Any) -> None:
        start = time.perf_counter()
        save(*arguments)
        seconds["saving"].append(time.perf_counter() - start)

    for number in range(rounds):
        turns = {"with": partial(timed, checkpoints.save), "without": lambda *_: None}
        for name in list(turns)[:: 1 if number % 2 else -1]:
            seconds[name].append(epoch(turns[name]))
    size = max(f.stat().st_size for f in (folder / "checkpoints").glob("*.safetensors"))
    share = sum(seconds["saving"]) / sum(seconds["with"])
    ratios = [a / b for a, b in zip(seconds["with"], seconds["without"], strict=True)]
    print(
        f"{phase.steps} steps an epoch, {median(seconds['without']) / phase.steps:.2f} s each; "
        f"checkpoint of {size / 1e6:.0f} MB in {median(seconds['saving']):.2f} s\n"
        f"share of the time: {100 * share:.2f} %\n"
        f"epochs with / without: {median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
    )


if __name__ == "__main__":
    main()

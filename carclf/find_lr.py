"""Find a learning rate: `python -m carclf.find_lr [RECIPE] --data DIR [--stage 2]`."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from carclf.config import Config
from carclf.recipes import RECIPES
from triptych import command
from triptych.config import parse

# What a training has and a range test has not.
NoText = Annotated[str, tyro.conf.Fixed, tyro.conf.Suppress]
NoSwitch = Annotated[bool, tyro.conf.Fixed, tyro.conf.Suppress]


@dataclass(frozen=True)
class FindLR(Config):
    """Train a few batches at rising learning rates, and say which rates look good.

    The flags are those of `carclf.train`. Nothing is kept of what was trained.
    """

    stage: int = 1
    """Which of `--stages` to test, from 1; those before it are not trained."""
    from_run: Path | None = None
    """Run whose best weights to start from, for a later stage; default: as a training begins."""
    min_lr: float = 1e-6
    max_lr: float = 1.0
    batches: int = 100
    scale: Literal["exponential", "linear"] = "exponential"
    """How the rate rises."""
    to: Path = Path("find_lr.png")
    """The picture of the curve; a csv of its points goes beside it."""
    name: NoText = ""
    eval_size: NoText = ""
    runs: Annotated[Path, tyro.conf.Fixed, tyro.conf.Suppress] = Path()
    overwrite: NoSwitch = False
    resume: NoSwitch = False
    checkpoint_steps: Annotated[int, tyro.conf.Fixed, tyro.conf.Suppress] = 1
    time_limit: Annotated[float | None, tyro.conf.Fixed, tyro.conf.Suppress] = None
    ema: Annotated[float, tyro.conf.Fixed, tyro.conf.Suppress] = 0.0
    monitor: Annotated[Literal["loss"], tyro.conf.Fixed, tyro.conf.Suppress] = "loss"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.stage <= len(self.stages):
            raise ValueError(
                f"`stage` must be 1 to {len(self.stages)}; received: stage={self.stage}"
            )
        if self.to.suffix != ".png":
            raise ValueError(f"`to` must end in .png; received: to={self.to}")


# Those of a recipe that do not matter here.
_OWN = ("monitor", "name", "eval_size", "runs", "checkpoint_steps", "ema")


def main() -> None:
    """The command line."""
    recipes = {
        name: FindLR(**{k: v for k, v in vars(recipe).items() if k not in _OWN})
        for name, recipe in RECIPES.items()
    }
    config = parse(FindLR, prog="carclf.find_lr", description=str(__doc__), recipes=recipes)
    command.run(find, config)


def find(config: FindLR) -> None:
    """Draw the curve and print what it suggests."""
    from callbacks import LRFinder
    from carclf import labelled, stages
    from carclf.model import build
    from triptych import report, run, runtime
    from triptych.fit import fit

    workers = config.workers or os.cpu_count() or 1
    runtime.setup(seed=config.seed, gpu_memory_mb=config.gpu_memory_mb)
    finder = LRFinder(config.min_lr, config.max_lr, config.batches, config.scale)
    data = labelled.load(config, workers)
    weights = None if config.weights == "none" else config.weights
    runtime.set_precision("float32" if config.precision == "auto" else config.precision)
    model = build(config, len(data.classes), weights)
    if config.from_run:
        run.check(config.from_run)
        model.load_weights(config.from_run / run.MODEL)
    phase = stages.phases(config, data, workers)[config.stage - 1]
    test = replace(phase, epochs=1, steps=config.batches, validation=None, callbacks=tuple)
    fit(model, [test], best=config.to, callbacks=[finder])
    suggestion = finder.suggest()
    report.range_test(finder, config.to)
    rows = list(zip(finder.rates, finder.losses, finder.smoothed, strict=True))
    run.write_rows(config.to.with_suffix(".csv"), ("learning_rate", "loss", "smoothed"), rows)
    for name, rate in suggestion._asdict().items():
        print(f"{name:>10}: {rate:.2g}")
    own = config.stages[config.stage - 1].lr
    print(f"stage {config.stage} has {own:g}; curve in {config.to}", flush=True)


if __name__ == "__main__":
    main()

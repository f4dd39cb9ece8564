"""Train a classifier: `python -m carclf.train [RECIPE] --data DIR [-n NAME] [--resume]`."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from carclf.config import FREE, Config
from carclf.recipes import RECIPES
from triptych import command
from triptych.config import identity, parse


def main() -> None:
    """The command line."""
    config = parse(Config, prog="carclf.train", description=str(__doc__), recipes=RECIPES)
    command.run(train, config)


def train(config: Config) -> Path:
    """Train as `config` says, or go on with it; returns the run folder."""
    from carclf import labelled, stages
    from carclf.model import build
    from carclf.validation import validate
    from triptych import run, runtime, training

    workers = config.workers or os.cpu_count() or 1
    runtime.setup(seed=config.seed, gpu_memory_mb=config.gpu_memory_mb)
    folder, state = run.choose(
        config.runs, config.name, overwrite=config.overwrite, resume=config.resume
    )
    if state != "new":
        config = run.require_same(folder, config, FREE)
    if state == "finished":
        print(f"the run is finished: {folder}", flush=True)
        return folder
    data = labelled.load(config, workers)
    if state == "unfinished":
        labelled.require_same(data, folder)
    weights = None if config.weights == "none" else config.weights
    precision = runtime.choose_precision(
        config.precision,
        lambda: build(config, len(data.classes)),
        stages.sample(data, config),
    )
    config = replace(config, precision=precision)
    runtime.set_precision(precision)
    model = build(config, len(data.classes), weights)

    if state == "new":
        run.create(folder, config)
        labelled.write(data, folder)
    print(f"run folder {folder}; {data.summary}; {precision}", flush=True)
    training.train(
        folder,
        model,
        stages.phases(config, data, workers),
        stages.callbacks(config, folder),
        identity=identity(config, FREE),
        checkpoint_steps=config.checkpoint_steps,
        validate=partial(validate, folder, data) if len(data.validation) else None,
    )
    return folder


if __name__ == "__main__":
    main()

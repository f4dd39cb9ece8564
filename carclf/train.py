"""Train a classifier: `python -m carclf.train [RECIPE] --data DIR [-n NAME]`."""

import os
from dataclasses import replace
from pathlib import Path

from carclf.config import Config
from carclf.recipes import RECIPES
from triptych import command
from triptych.config import parse


def main() -> None:
    """The command line."""
    config = parse(Config, prog="carclf.train", description=str(__doc__), recipes=RECIPES)
    command.run(train, config)


def train(config: Config) -> Path:
    """Train as `config` says; returns the run folder."""
    from carclf import labelled, stages
    from carclf.model import build
    from carclf.validation import validate
    from triptych import report, run, runtime
    from triptych.fit import fit

    workers = config.workers or os.cpu_count() or 1
    runtime.setup(seed=config.seed, gpu_memory_mb=config.gpu_memory_mb)
    run.require_free(config.runs, config.name, config.overwrite)
    data = labelled.load(config, workers)
    weights = None if config.weights == "none" else config.weights
    precision = runtime.choose_precision(
        config.precision,
        lambda: build(config, len(data.classes)),
        stages.sample(data, config),
    )
    config = replace(config, precision=precision)
    runtime.set_precision(precision)
    model = build(config, len(data.classes), weights)

    folder = run.create(config.runs, config.name, config.overwrite)
    labelled.write(data, folder)
    run.write_config(folder, config)
    print(f"run folder {folder}; {data.summary}; {precision}", flush=True)
    phases = stages.phases(config, data, workers)
    fit(model, phases, best=folder / run.MODEL, callbacks=stages.callbacks(config, folder))
    report.curves(folder / run.HISTORY, folder / "curves.png")
    if len(data.validation):
        validate(folder, data)
    print(f"run folder: {folder}", flush=True)
    return folder


if __name__ == "__main__":
    main()

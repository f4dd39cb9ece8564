"""Train a detector: `python -m plates.detector.train [RECIPE] --data DIR [-n NAME] [--resume]`.

`--start shipped` begins with the detector in the package, which has seen drawn scenes only;
`python -m plates.detector.train unet-resnet34 -d DIR -n NAME` is the published one.
"""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from plates.detector.config import FREE, Config, settled
from plates.detector.recipes import RECIPES
from triptych import command
from triptych.config import identity, parse


def main() -> None:
    """The command line."""
    config = parse(Config, prog="plates.detector.train", description=str(__doc__), recipes=RECIPES)
    command.run(train, config)


def train(config: Config) -> Path:
    """Train as `config` says, or go on with it; returns the run folder."""
    from plates.detector import labelled, pretrained, stages
    from plates.detector.heads import answering, build
    from plates.detector.validation import validate
    from triptych import run, runtime, training

    config = settled(config)
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
    # The checkpoint has the weights: what the run was begun from need not be there any more.
    begins = state == "new"
    start = pretrained.begun_from(config.start, config) if begins and config.start else None
    data = labelled.load(config, workers)
    if state == "unfinished":
        labelled.require_same(data, folder)
    if start and (seen := pretrained.already_seen(start, data)):
        print(f"note: {start} was trained on {seen} photographs of this validation side")
    precision = runtime.choose_precision(
        config.precision,
        lambda: answering(build(config), config.head),
        stages.sample(data, config.side, min(4, config.stages[-1].batch)),
    )
    config = replace(config, precision=precision)
    runtime.set_precision(precision)
    published = begins and not start and config.weights != "none"
    model = build(config, config.weights if published else None)
    if start:
        model.load_weights(start / run.MODEL)

    if begins:
        run.create(folder, config)
        labelled.write(data, folder)
    print(f"run folder {folder}; {data.summary}; {precision}", flush=True)
    training.train(
        folder,
        model,
        stages.phases(config, data, workers),
        stages.callbacks(config, folder),
        identity={**identity(config, FREE), "weights of extra": _weights(config)},
        checkpoint_steps=config.checkpoint_steps,
        validate=partial(validate, folder, data) if len(data.validation) else None,
    )
    return folder


def _weights(config: Config) -> str:
    """Of the extras, in their order: `extra` itself is free, for folders may be moved."""
    from plates.detector.records import weighted

    return ", ".join(str(weighted(extra)[1]) for extra in config.extra) or "none"


if __name__ == "__main__":
    main()

"""Train a landmark regressor: `python -m landmarks.train [RECIPE] --data DIR [-n NAME] [--resume]`.

The published commands run as they stand, the first word aside:
`python -m landmarks.train three-stage -b 32 -e 10 -lr 3e-4 -d DIR -n NAME --gpu`, then
`-e 6 -lr 3e-5 ... -pm runs/NAME`.
"""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from landmarks.config import FREE, Config, settled
from landmarks.recipes import RECIPES
from triptych import command
from triptych.config import identity, parse


def main() -> None:
    """The command line."""
    config = parse(Config, prog="landmarks.train", description=str(__doc__), recipes=RECIPES)
    command.run(train, config)


def train(config: Config) -> Path:
    """Train as `config` says, or go on with it; returns the run folder."""
    from landmarks import labelled, stages
    from landmarks.model import build
    from landmarks.pretrained import already_seen, require_same_model, weights_of
    from landmarks.validation import validate
    from triptych import run, runtime, training

    config = settled(config)
    workers = config.workers or os.cpu_count() or 1
    runtime.setup(seed=config.seed, gpu_memory_mb=config.gpu_memory_mb)
    if config.gpu and not runtime.has_gpu():
        print("note: --gpu, and TensorFlow sees none; training on the CPU", flush=True)
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
    start = weights_of(config.pretrained_model) if begins and config.pretrained_model else None
    data = labelled.load(config, workers)
    points = data.points.shape[1]
    if state == "unfinished":
        labelled.require_same(data, folder)
    if start:
        require_same_model(start.parent, config, points)
        if seen := already_seen(start.parent, data):
            print(f"note: {start.parent} was trained on {seen} pictures of this validation side")
    precision = runtime.choose_precision(
        config.precision, lambda: build(config, points), stages.sample(data, config.side)
    )
    config = replace(config, precision=precision)
    runtime.set_precision(precision)
    published = begins and not start and config.weights != "none"
    model = build(config, points, config.weights if published else None, data.mean)
    if start:
        model.load_weights(start)

    if begins:
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

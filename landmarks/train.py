"""Train a landmark regressor: `python -m landmarks.train [RECIPE] --data DIR [-n NAME] [--resume]`.

The published commands run as they stand, the first word aside:
`python -m landmarks.train three-stage -b 32 -e 10 -lr 3e-4 -d DIR -n NAME --gpu`, then
`-e 6 -lr 3e-5 ... -pm runs/NAME`.
"""

import os
from dataclasses import replace
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
    from triptych import report, run, runtime, split
    from triptych.checkpoint import Checkpoints
    from triptych.fit import fit

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
    start = weights_of(config.pretrained_model) if config.pretrained_model else None
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
    published = None if start or config.weights == "none" else config.weights
    model = build(config, points, published, data.mean)
    if start:
        model.load_weights(start)

    if state == "new":
        run.create(folder, config)
        labelled.write(data, folder)
    print(f"run folder {folder}; {data.summary}; {precision}", flush=True)
    checkpoints = Checkpoints(
        folder / run.CHECKPOINTS,
        folder / run.MODEL,
        identity(config, FREE) | {"data": split.fingerprint(folder)},
        config.checkpoint_steps,
    )
    finished = fit(
        model,
        stages.phases(config, data, workers),
        best=folder / run.MODEL,
        callbacks=stages.callbacks(config, folder),
        checkpoints=checkpoints,
    )
    report.curves(folder / run.HISTORY, folder / "curves.png")
    if len(data.validation):
        validate(folder, data)
    if finished:
        run.finish(folder)
    else:
        print("stopped by --time-limit; the same command with --resume goes on", flush=True)
    print(f"run folder: {folder}", flush=True)
    return folder


if __name__ == "__main__":
    main()

"""The end of every task's training: fit, the curves, the scores, the word that it is done."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras

from triptych import report, run, split
from triptych.checkpoint import Checkpoints
from triptych.fit import Phase, fit


def train(
    folder: Path,
    model: keras.Model,
    phases: Sequence[Phase],
    callbacks: Sequence[keras.callbacks.Callback],
    *,
    identity: Mapping[str, str],
    checkpoint_steps: int,
    validate: Callable[[], object] | None,
) -> None:
    """Train `model` in the run folder, from its newest checkpoint if there is one.

    `identity` says what must be the same to go on (`triptych.config.identity`); `validate` scores
    the best model, None where no sample is kept for that. Raises as `triptych.fit.fit` does.
    """
    checkpoints = Checkpoints(
        folder / run.CHECKPOINTS,
        folder / run.MODEL,
        {**identity, "data": split.fingerprint(folder)},
        checkpoint_steps,
    )
    finished = fit(
        model, phases, best=folder / run.MODEL, callbacks=callbacks, checkpoints=checkpoints
    )
    report.curves(folder / run.HISTORY, folder / "curves.png")
    if validate:
        validate()
    if finished:
        run.finish(folder)
    else:
        print("stopped by --time-limit; the same command with --resume goes on", flush=True)
    print(f"run folder: {folder}", flush=True)

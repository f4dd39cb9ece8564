"""The stages of a config as phases of `triptych.fit`."""

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from callbacks import BestModel, EMAWeights, Log, Throughput, TimeLimit, schedule
from plates.detector import data as batches
from plates.detector.augment import Augmenter
from plates.detector.config import Config
from plates.detector.heads import loss
from plates.detector.labelled import Labelled
from plates.detector.model import set_trainable
from triptych import run
from triptych.fit import Phase
from triptych.optimizer import adamw
from triptych.pipeline import batch_indices
from triptych.stage import Stage, parse_size, parse_table

PATIENCE = 2
"""Epochs without progress that the schedule "plateau" bears, as the published solution had it."""
_EVAL_BATCH = 8


def phases(config: Config, data: Labelled, workers: int) -> list[Phase]:
    """One phase a stage; all are validated at the finished model's picture size."""
    validation = None
    if len(data.validation):
        validation = batches.validation(
            data, config, side=config.side, batch=_EVAL_BATCH, workers=workers
        )
    made = []
    count = batches.epoch(data, config)
    for number, stage in enumerate(config.stages):
        batch = min(stage.batch, count)
        seed = config.seed + 1000 * number
        steps = count // batch
        train = partial(
            batches.training,
            data,
            config,
            side=parse_size(stage.size)[0],
            batch=batch,
            seed=seed,
            workers=workers,
        )
        first = sum(before.epochs for before in config.stages[:number])
        made.append(
            Phase(
                name=f"{number + 1} ({stage.part}, {stage.size})",
                epochs=stage.epochs,
                steps=steps,
                train=partial(_from, train),
                validation=validation,
                compile=partial(compile_for, config, stage),
                callbacks=partial(_own_callbacks, stage, steps, first, config),
                names=partial(_names, data, count, batch, seed),
            )
        )
    return made


def callbacks(config: Config, folder: Path) -> list[keras.callbacks.Callback]:
    """The callbacks that live through all stages, in the order they must run in."""
    made = [
        Throughput(),
        BestModel(folder / run.MODEL, config.monitor),
        Log(folder / run.HISTORY),
        keras.callbacks.TensorBoard(folder / "tensorboard"),
    ]
    if config.time_limit is not None:
        made.append(TimeLimit(config.time_limit))
    return made


def sample(data: Labelled, side: int, count: int = 4) -> np.ndarray:
    """A few canvases [count, side, side, 3] uint8."""
    augmenter, none = Augmenter(side, "none"), np.empty((0, 4, 2))
    chosen = data.training[np.arange(count) % len(data.training)]
    return np.stack([augmenter(data.pictures[i], none, (0,))[0] for i in chosen])


def _from(train: Any, start: int) -> Any:
    return train(start=start)


def _names(data: Labelled, count: int, batch: int, seed: int, step: int) -> list[str]:
    number = step // (count // batch)
    return [
        batches.sample_name(data, seed, number, i)
        for i in batch_indices(step, count, batch=batch, seed=seed)
    ]


def compile_for(config: Config, stage: Stage, model: keras.Model) -> None:
    """Set what `stage` trains, and compile."""
    set_trainable(model, stage.part, stage.freeze_bn)
    model.compile(
        adamw(stage.lr, weight_decay=config.weight_decay, accumulate=config.accumulate),
        loss(config.head),
        jit_compile=config.xla,
    )


def _own_callbacks(
    stage: Stage, steps: int, first: int, config: Config
) -> list[keras.callbacks.Callback]:
    """The callbacks of one stage; Keras runs them before those that live through all stages."""
    made: list[keras.callbacks.Callback] = [EMAWeights(config.ema)] if config.ema else []
    return made + schedule(
        stage.schedule,
        stage.lr,
        stage.epochs * steps,
        monitor=config.monitor,
        patience=PATIENCE,
        table=parse_table(stage.table, stage.lr),
        first_epoch=first,
    )

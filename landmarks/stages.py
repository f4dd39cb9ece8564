"""The stages of a config as phases of `triptych.fit`."""

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from callbacks import BestModel, EMAWeights, Log, Throughput, TimeLimit, schedule
from landmarks import data as batches
from landmarks.config import Config
from landmarks.labelled import Labelled
from landmarks.losses import PixelMSE, loss
from landmarks.model import set_trainable
from landmarks.warp import crop
from triptych import run
from triptych.fit import Phase
from triptych.optimizer import adamw
from triptych.pipeline import batch_indices
from triptych.stage import Stage, parse_size, parse_table


def phases(config: Config, data: Labelled, workers: int) -> list[Phase]:
    """One phase a stage; all are validated at the finished model's picture size."""
    validation = None
    if len(data.validation):
        validation = batches.validation(data, side=config.side, batch=32, workers=workers)
    made = []
    for number, stage in enumerate(config.stages):
        batch = min(stage.batch, len(data.training))
        seed = config.seed + 1000 * number
        steps = len(data.training) // batch
        train = partial(
            batches.training,
            data,
            side=parse_size(stage.size)[0],
            batch=batch,
            augment=config.augment,
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
                names=partial(_names, data, batch, seed),
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


def sample(data: Labelled, side: int, count: int = 8) -> np.ndarray:
    """A few pictures [count, side, side, 3] uint8."""
    chosen = data.training[np.arange(count) % len(data.training)]
    return np.stack([crop(data.pictures[i], side) for i in chosen])


def _from(train: Any, start: int) -> Any:
    return train(start=start)


def _names(data: Labelled, batch: int, seed: int, step: int) -> list[str]:
    chosen = batch_indices(step, len(data.training), batch=batch, seed=seed)
    return [data.names[data.training[i]] for i in chosen]


def compile_for(config: Config, stage: Stage, model: keras.Model) -> None:
    """Set what `stage` trains, and compile."""
    set_trainable(model, stage.part, stage.freeze_bn)
    model.compile(
        adamw(
            stage.lr,
            weight_decay=config.weight_decay,
            accumulate=config.accumulate,
            amsgrad=config.amsgrad,
        ),
        loss(config.loss),
        metrics=[PixelMSE()],
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
        table=parse_table(stage.table, stage.lr),
        first_epoch=first,
    )

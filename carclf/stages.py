"""The stages of a config as phases of `triptych.fit`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from callbacks import (
    BestModel,
    EMAWeights,
    Log,
    Throughput,
    TimeLimit,
    schedule,
)
from carclf import data as batches
from carclf.config import Config
from carclf.labelled import Labelled
from carclf.model import layer_scales, set_trainable
from triptych import run
from triptych.fit import Phase
from triptych.images import resize
from triptych.optimizer import adamw
from triptych.pictures import Pictures
from triptych.pipeline import batch_indices
from triptych.stage import Stage, parse_size, parse_table


def phases(config: Config, data: Labelled, workers: int) -> list[Phase]:
    """One phase a stage; all are validated at the finished model's picture size."""
    classes = len(data.classes)
    pictures, labels = data.side(data.training)
    weights = np.ones(classes, np.float32)
    if config.class_weights:
        weights = batches.balanced_weights(labels, classes)
    validation = None
    if len(data.validation):
        validation = batches.validation(
            *data.side(data.validation),
            classes=classes,
            size=config.size,
            batch=32,
            workers=workers,
        )
    made = []
    for number, stage in enumerate(config.stages):
        batch = min(stage.batch, len(labels))
        seed = config.seed + 1000 * number
        train = partial(
            batches.training,
            pictures,
            labels,
            classes=classes,
            class_weights=weights,
            size=parse_size(stage.size),
            batch=batch,
            augment=config.augment,
            mixup=config.mixup,
            cutmix=config.cutmix,
            seed=seed,
            workers=workers,
        )
        steps = len(labels) // batch
        first = sum(before.epochs for before in config.stages[:number])
        made.append(
            Phase(
                name=f"{number + 1} ({stage.part}, {stage.size})",
                epochs=stage.epochs,
                steps=steps,
                train=partial(_from, train),
                validation=validation,
                compile=partial(_compile, config, stage),
                callbacks=partial(_own_callbacks, stage, steps, first, config),
                names=partial(_names, pictures, batch, seed),
            )
        )
    return made


def callbacks(config: Config, folder: Path) -> list[keras.callbacks.Callback]:
    """The callbacks that live through all stages, in the order they must run in."""
    made = [
        Throughput(),
        BestModel(folder / run.MODEL, config.monitor, _mode(config)),
        Log(folder / run.HISTORY),
        keras.callbacks.TensorBoard(folder / "tensorboard"),
    ]
    if config.time_limit is not None:
        made.append(TimeLimit(config.time_limit))
    return made


def sample(data: Labelled, config: Config, count: int = 8) -> np.ndarray:
    """A few pictures [count, H, W, 3] uint8 at the finished model's size."""
    chosen = data.training[np.arange(count) % len(data.training)]
    return np.stack([resize(data.pictures[i], config.size) for i in chosen])


def _from(train: Callable[..., Any], start: int) -> Any:
    return train(start=start)


def _names(pictures: Pictures, batch: int, seed: int, step: int) -> list[str]:
    chosen = batch_indices(step, len(pictures.paths), batch=batch, seed=seed)
    return [pictures.paths[i].name for i in chosen]


def _compile(config: Config, stage: Stage, model: keras.Model) -> None:
    set_trainable(model, stage.part, stage.freeze_bn)
    scales = layer_scales(model, config.layer_decay) if config.layer_decay < 1 else None
    model.compile(
        adamw(
            stage.lr,
            weight_decay=config.weight_decay,
            accumulate=config.accumulate,
            scales=scales,
        ),
        keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=config.label_smoothing
        ),
        weighted_metrics=[keras.metrics.CategoricalAccuracy("accuracy")],
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
        mode=_mode(config),
        table=parse_table(stage.table, stage.lr),
        first_epoch=first,
    )


def _mode(config: Config) -> Literal["min", "max"]:
    return "max" if config.monitor == "val_accuracy" else "min"

"""The one-cycle policy: learning rate up then down, momentum down then up, batch by batch."""

import math
from collections.abc import Callable
from typing import Any

import keras


class OneCycle(keras.callbacks.Callback):
    """One-cycle learning rate and momentum (Smith 2018, https://arxiv.org/abs/1803.09820).

    The learning rate rises from `max_lr / div_factor` to `max_lr` in the first `pct_start` of the
    `total_steps` batches, then falls to `max_lr / div_factor / final_div_factor`. Momentum (`beta_1`
    of the Adam family, `momentum` of SGD and RMSprop) goes the other way, between `max_momentum`
    and `base_momentum`. The values are those of `torch.optim.lr_scheduler.OneCycleLR`, two phases.

    With `total_steps=None` the length is epochs x steps of the `fit` it is given to.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        max_lr: float,
        total_steps: int | None = None,
        *,
        pct_start: float = 0.3,
        anneal: str = "cos",
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        cycle_momentum: bool = True,
    ) -> None:
        super().__init__()
        if not 0 < pct_start < 1:
            raise ValueError(f"`pct_start` must be in (0, 1); received: pct_start={pct_start}")
        if anneal not in _ANNEAL:
            raise ValueError(f"`anneal` must be 'cos' or 'linear'; received: anneal={anneal!r}")
        if max_lr <= 0:
            raise ValueError(f"`max_lr` must be positive; received: max_lr={max_lr}")
        if total_steps is not None and total_steps < 1:
            raise ValueError(f"`total_steps` must be positive; received: total_steps={total_steps}")
        self.max_lr = max_lr
        self.total_steps = total_steps
        self.pct_start = pct_start
        self.anneal = anneal
        self.div_factor = div_factor
        self.final_div_factor = final_div_factor
        self.base_momentum = base_momentum
        self.max_momentum = max_momentum
        self.cycle_momentum = cycle_momentum
        self.step = 0

    def values(self, step: int, total_steps: int) -> tuple[float, float]:
        """(learning rate, momentum) of batch number `step`, counted from 0.

        Past the end of the cycle both stay at their last values.
        """
        start_lr = self.max_lr / self.div_factor
        last_lr = start_lr / self.final_div_factor
        peak = self.pct_start * total_steps - 1
        end = total_steps - 1
        mix = _ANNEAL[self.anneal]
        if step <= peak:
            share = step / peak
            return (
                mix(start_lr, self.max_lr, share),
                mix(self.max_momentum, self.base_momentum, share),
            )
        share = min((step - peak) / (end - peak), 1.0) if end > peak else 1.0
        return mix(self.max_lr, last_lr, share), mix(self.base_momentum, self.max_momentum, share)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.total_steps is None:
            self.total_steps = self.params["epochs"] * self.params["steps"]

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        assert self.total_steps is not None  # set when training begins
        learning_rate, momentum = self.values(self.step, self.total_steps)
        optimizer = self.model.optimizer
        optimizer.learning_rate = learning_rate
        if self.cycle_momentum:
            # LossScaleOptimizer wraps the optimizer that has the momentum.
            inner = getattr(optimizer, "inner_optimizer", optimizer)
            _set_momentum(inner, momentum)
        self.step += 1


def _set_momentum(optimizer: keras.optimizers.Optimizer, momentum: float) -> None:
    for name in ("beta_1", "momentum"):
        if hasattr(optimizer, name):
            setattr(optimizer, name, momentum)


def _cos(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def _linear(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


_ANNEAL: dict[str, Callable[[float, float, float], float]] = {"cos": _cos, "linear": _linear}

"""The one-cycle policy: learning rate up then down, momentum down then up, batch by batch."""

import math
from collections.abc import Callable
from typing import Any

import keras


class OneCycle(keras.callbacks.Callback):
    """One-cycle learning rate and momentum (Smith 2018, https://arxiv.org/abs/1803.09820).

    The learning rate rises from `max_lr / div_factor` to `max_lr` in the first `pct_start` of the
    `total_steps` batches, then falls to `max_lr / div_factor / final_div_factor`. Momentum
    (`beta_1` of the Adam family, `momentum` of SGD and RMSprop) goes the other way, between
    `max_momentum` and `base_momentum`. The values are those of
    `torch.optim.lr_scheduler.OneCycleLR`, two phases.

    With `total_steps=None` every `fit` is a cycle of its own, as long as its epochs x steps. With a
    number the cycle goes on from one `fit` to the next; past its end the last values stay.

    Works with the compiled training step of the TensorFlow backend, where Keras's optimizers have
    their momentum as a Python number, which compiling would make a constant: while a batch runs, a
    variable stands in its place.

    Raises:
        ValueError: an argument out of its range; or at the start of training, the optimizer has no
            momentum, or the length of the data is unknown and `total_steps` not given.
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
        if not 0 < base_momentum <= max_momentum < 1:
            raise ValueError(
                "`base_momentum` and `max_momentum` must be in (0, 1), in this order; received: "
                f"base_momentum={base_momentum}, max_momentum={max_momentum}"
            )
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
        self._length = total_steps
        self._first = 0
        self._momentum: Any = None
        self._optimizer: Any = None
        self._attribute = ""

    def values(self, step: int, total_steps: int) -> tuple[float, float]:
        """(learning rate, momentum) of batch number `step`, counted from 0.

        Past the end of the cycle both stay at their last values.
        """
        start_lr = self.max_lr / self.div_factor
        last_lr = start_lr / self.final_div_factor
        peak = self.pct_start * total_steps - 1
        end = total_steps - 1
        mix = _ANNEAL[self.anneal]
        if step < peak:
            share = step / peak
            return (
                mix(start_lr, self.max_lr, share),
                mix(self.max_momentum, self.base_momentum, share),
            )
        share = min((step - peak) / (end - peak), 1.0)
        return mix(self.max_lr, last_lr, share), mix(self.base_momentum, self.max_momentum, share)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.total_steps is None:
            self.step, self._length = 0, None
        # LossScaleOptimizer wraps the optimizer that has the momentum.
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        if self.cycle_momentum and optimizer is not self._optimizer:
            self._attribute = _momentum_attribute(optimizer)
            self._optimizer = optimizer
            self._momentum = _Momentum(self.max_momentum, trainable=False, name="momentum")
            # A step that an earlier fit compiled has a constant in it.
            self.model.make_train_function(force=True)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._length is None:
            if self.params["steps"] is None:
                raise ValueError("`total_steps` must be given for data of unknown length")
            self._length = (self.params["epochs"] - epoch) * self.params["steps"]

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        assert self._length is not None  # set when an epoch begins
        learning_rate, momentum = self.values(self.step, self._length)
        self._first = batch
        self.model.optimizer.learning_rate = learning_rate
        if self.cycle_momentum:
            self._momentum.assign(momentum)
            # Past the optimizer's `__setattr__`, which would count the variable among its state.
            vars(self._optimizer)[self._attribute] = self._momentum

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.cycle_momentum:
            # A number again, so that the optimizer can be saved.
            vars(self._optimizer)[self._attribute] = float(self._momentum)
        # With `steps_per_execution` one call stands for several batches.
        self.step += batch - self._first + 1


class _Momentum(keras.Variable):
    """A variable that answers Keras's question, while the step is compiled, whether it is 0."""

    def __ne__(self, other: object) -> bool:
        return True

    def __gt__(self, other: object) -> bool:
        return True


def _momentum_attribute(optimizer: keras.optimizers.Optimizer) -> str:
    for name in ("beta_1", "momentum"):
        # An optimizer that was made with momentum 0 has no room for it.
        if getattr(optimizer, name, 0) > 0:
            return name
    raise ValueError(
        "`cycle_momentum` must be False for an optimizer without momentum; "
        f"received: {type(optimizer).__name__}"
    )


def _cos(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def _linear(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


_ANNEAL: dict[str, Callable[[float, float, float], float]] = {"cos": _cos, "linear": _linear}

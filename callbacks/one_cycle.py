"""The one-cycle policy: learning rate up then down, momentum down then up, batch by batch."""

import math
from collections.abc import Callable
from typing import Any, Self

import keras

from callbacks import hyperparameters


class OneCycle(keras.callbacks.Callback):
    """One-cycle learning rate and momentum (Smith 2018, https://arxiv.org/abs/1803.09820).

    The learning rate rises from `max_lr / div_factor` to `max_lr` in the first `pct_start` of the
    `total_steps` batches, then falls to `max_lr / div_factor / final_div_factor`; if `three_phase`,
    first to where it started, as fast as it rose. Momentum (`beta_1` of the Adam family, `momentum`
    of SGD and RMSprop) goes the other way, between `max_momentum` and `base_momentum`. The values
    are those of `torch.optim.lr_scheduler.OneCycleLR`; a rise of a single batch, where that divides
    by zero, is a start at the top.

    With `total_steps=None` every `fit` is a cycle of its own, as long as its epochs x steps. With a
    number the cycle goes on from one `fit` to the next; past its end the last values stay. Batches
    count, not the optimizer's updates (`gradient_accumulation_steps`); those of one execution
    (`steps_per_execution`) all have the values of its first.

    Raises:
        ValueError: an argument out of its range; or at the start of training, the optimizer has no
            momentum or a schedule as its learning rate, or the length of the data is unknown and
            `total_steps` not given.
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
        three_phase: bool = False,
    ) -> None:
        super().__init__()
        if not 0 < pct_start < 1:
            raise ValueError(f"`pct_start` must be in (0, 1); received: pct_start={pct_start}")
        if three_phase and pct_start > 0.5:
            raise ValueError(
                "`pct_start` must be at most 0.5 with `three_phase=True`; "
                f"received: pct_start={pct_start}"
            )
        if anneal not in _ANNEAL:
            raise ValueError(f"`anneal` must be 'cos' or 'linear'; received: anneal={anneal!r}")
        for name in ("max_lr", "total_steps", "div_factor", "final_div_factor"):
            value = locals()[name]
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` must be positive; received: {name}={value}")
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
        self.three_phase = three_phase
        self.step = 0
        self._length = total_steps
        self._resumed = False
        self._attribute = ""
        self._train_function: Any = None

    @classmethod
    def fastai(cls, max_lr: float, total_steps: int | None = None) -> Self:
        """The cycle with the defaults of fastai's `fit_one_cycle`.

        The same: cosine from `max_lr / 25` up in a quarter of the batches and down to
        `max_lr / 1e5`, momentum 0.95 -> 0.85 -> 0.95. Not the same: of N batches fastai places
        batch i at i / N, so that its top is at batch N / 4 and its last batch just short of the
        end; here, as in PyTorch, the top is at N / 4 - 1 and the last batch at the end.
        """
        return cls(max_lr, total_steps, pct_start=0.25, final_div_factor=1e5 / 25)

    def values(self, step: int, total_steps: int) -> tuple[float, float]:
        """(learning rate, momentum) of batch number `step`, counted from 0.

        Past the end of the cycle both stay at their last values.
        """
        start_lr, rise = self.max_lr / self.div_factor, self.pct_start * total_steps
        corners = [(0.0, start_lr, self.max_momentum), (rise - 1, self.max_lr, self.base_momentum)]
        if self.three_phase:
            corners.append((2 * rise - 2, start_lr, self.max_momentum))
        corners.append((total_steps - 1, start_lr / self.final_div_factor, self.max_momentum))
        last = len(corners) - 1
        phase = next((i for i in range(1, last) if step <= corners[i][0]), last)
        (begin, *before), (end, *after) = corners[phase - 1 : phase + 1]
        share = min((step - begin) / (end - begin), 1.0) if end > begin else 1.0
        rate, momentum = map(_ANNEAL[self.anneal], before, after, (share, share))
        return rate, momentum

    def get_state(self) -> dict[str, Any]:
        """The batches done and the length of the cycle that is under way, for `set_state`."""
        return {"step": self.step, "length": self._length}

    def set_state(self, state: dict[str, Any]) -> None:
        """Let the next `fit` go on where the callback was that gave `state`."""
        self.step, self._length = state["step"], state["length"]
        self._resumed = True

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.total_steps is None and not self._resumed:
            self.step, self._length = 0, None
        self._resumed = False
        hyperparameters.check_learning_rate(self.model.optimizer)
        if self.cycle_momentum:
            self._attribute = hyperparameters.momentum_name(self.model.optimizer)
            self._heed_momentum(anew=True)

    def _heed_momentum(self, *, anew: bool) -> None:
        model, make = self.model, hyperparameters.with_variable_momentum
        if self._train_function not in hyperparameters.wrapped(model.train_function):
            model.train_function = self._train_function = make(model, self._attribute, anew=anew)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._length is None:
            if self.params["steps"] is None:
                raise ValueError("`total_steps` must be given for data of unknown length")
            self._length = (self.params["epochs"] - epoch) * self.params["steps"]

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        assert self._length is not None  # set when an epoch begins
        self._first = batch
        model = self.model
        model.optimizer.learning_rate, momentum = self.values(self.step, self._length)
        if self.cycle_momentum:
            setattr(hyperparameters.inner(model.optimizer), self._attribute, momentum)
            # Again: a callback that unfreezes layers makes a new function.
            self._heed_momentum(anew=False)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # With `steps_per_execution` one call stands for several batches, and Keras counts on past
        # the end of an epoch that they do not divide.
        last = batch if self.params["steps"] is None else min(batch, self.params["steps"] - 1)
        self.step += last - self._first + 1


# Between two values, `share` of the way.
_ANNEAL: dict[str, Callable[[float, float, float], float]] = {
    "cos": lambda start, end, share: end + (start - end) / 2 * (1 + math.cos(math.pi * share)),
    "linear": lambda start, end, share: start + (end - start) * share,
}

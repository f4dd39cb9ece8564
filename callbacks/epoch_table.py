"""Learning rates by epoch: from a table, or in steps of equal length."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping

import keras


class _ByEpoch(keras.callbacks.LearningRateScheduler):
    """The rate is a function of the number of epochs since `first_epoch`, and of nothing else."""

    def __init__(self, first_epoch: int) -> None:
        super().__init__(lambda epoch, _: self.rate(epoch))
        if first_epoch < 0:
            raise ValueError(f"`first_epoch` must not be negative; received: {first_epoch}")
        self.first_epoch = first_epoch

    def rate(self, epoch: int) -> float:
        """The learning rate of `epoch`, as `fit` numbers it."""
        if epoch < self.first_epoch:
            raise ValueError(
                "`first_epoch` must not come after the epoch that begins; received: "
                f"first_epoch={self.first_epoch}, epoch={epoch}"
            )
        return self._rate(epoch - self.first_epoch)

    def _rate(self, done: int) -> float:
        raise NotImplementedError


class EpochTable(_ByEpoch):
    """Learning rate by epoch: `{0: 1e-2, 5: 1e-3}` is 1e-2, and 1e-3 from epoch 5 on.

    Epochs count from `first_epoch`, which for a second stage is the number of epochs before it. The
    rate follows from the epoch's number alone, so there is no state to resume. Sets and logs
    `learning_rate` as `keras.callbacks.LearningRateScheduler` does.

    Raises:
        ValueError: `table` has no row 0, an epoch before it or a rate that is negative; or an epoch
            before `first_epoch` begins.
    """

    def __init__(self, table: Mapping[int, float], first_epoch: int = 0) -> None:
        super().__init__(first_epoch)
        if min(table, default=None) != 0:
            raise ValueError(f"the first row of `table` must be 0; received: table={table}")
        if not all(rate >= 0 for rate in table.values()):
            raise ValueError(f"rates in `table` must not be negative; received: table={table}")
        self.table = {epoch: float(table[epoch]) for epoch in sorted(table)}

    @classmethod
    def multi_step(
        cls, lr: float, milestones: Iterable[int], gamma: float = 0.1, first_epoch: int = 0
    ) -> "EpochTable":
        """`lr`, multiplied by `gamma` at each of `milestones`: `torch`'s `MultiStepLR`."""
        table = {0: lr}
        for epoch in sorted(milestones):
            lr *= gamma
            table[epoch] = lr
        return cls(table, first_epoch)

    def _rate(self, done: int) -> float:
        rows = list(self.table)
        return self.table[rows[bisect_right(rows, done) - 1]]


class StepLR(_ByEpoch):
    """`lr`, multiplied by `gamma` every `step_size` epochs: `torch.optim.lr_scheduler.StepLR`.

    Epochs count from `first_epoch`; there is no state to resume. See `EpochTable` for a table.

    Raises:
        ValueError: an argument out of its range; or an epoch before `first_epoch` begins.
    """

    def __init__(self, lr: float, step_size: int, gamma: float = 0.1, first_epoch: int = 0) -> None:
        super().__init__(first_epoch)
        if lr <= 0:
            raise ValueError(f"`lr` must be positive; received: lr={lr}")
        if step_size < 1:
            raise ValueError(f"`step_size` must be positive; received: step_size={step_size}")
        if gamma <= 0:
            raise ValueError(f"`gamma` must be positive; received: gamma={gamma}")
        self.lr = lr
        self.step_size = step_size
        self.gamma = gamma

    def _rate(self, done: int) -> float:
        return float(self.lr * self.gamma ** (done // self.step_size))

"""Lower the learning rate when a metric stops improving, by PyTorch's rule or by Keras's."""

import math
from typing import Any, Literal

import keras
import numpy as np

_STATE = ("best", "bad_epochs", "cooldown_left", "learning_rate")


class ReduceLROnPlateau(keras.callbacks.Callback):
    """Multiply the learning rate by `factor` on a plateau, by PyTorch's rule unless told otherwise.

    `rule="pytorch"`: after more than `patience` epochs in a row that are not better than the best
    by `threshold`, a share of the best (`threshold_mode="rel"`, the default) or a difference
    ("abs"). The `cooldown` epochs after a reduction do not count. A reduction by no more than `eps`
    (1e-8 by default) is not made. As `torch.optim.lr_scheduler.ReduceLROnPlateau`; the optimizer
    rounds the rate to float32, so `learning_rate` keeps it unrounded for the next reduction.

    `rule="keras"`: at the end of the `patience`th such epoch, and `threshold` is a difference. As
    `keras.callbacks.ReduceLROnPlateau`, which compares and reduces in float32.

    By either rule NaN makes a bad epoch and is never the best (in Keras a NaN of the first epoch
    stays the best for ever). What is remembered lives through further fits. The rate that is
    reduced is the optimizer's at that time, whoever set it; `initial_lr` sets it once, when the
    first epoch begins, to take over from a schedule that ended low. The logs get the rate of the
    epoch that ends as `learning_rate`, as Keras has it.

    Raises:
        ValueError: an argument out of its range, or given to a rule that has no use for it; the
            optimizer was made with a schedule; the logs of an epoch lack `monitor`.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        *,
        rule: Literal["pytorch", "keras"] = "pytorch",
        mode: Literal["min", "max"] = "min",
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] | None = None,
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float | None = None,
        initial_lr: float | None = None,
    ) -> None:
        super().__init__()
        for name, word, words in (
            ("rule", rule, ("pytorch", "keras")),
            ("mode", mode, ("min", "max")),
            ("threshold_mode", threshold_mode, ("rel", "abs", None)),
        ):
            if word not in words:
                raise ValueError(f"`{name}` must be one of {words}; received: {name}={word!r}")
        if rule == "keras" and (threshold_mode == "rel" or eps is not None):
            raise ValueError(
                "with rule='keras' `threshold_mode` must not be 'rel', and `eps` must be None; "
                f"received: threshold_mode={threshold_mode!r}, eps={eps}"
            )
        if not 0 < factor < 1:
            raise ValueError(f"`factor` must be in (0, 1); received: factor={factor}")
        if initial_lr is not None and not initial_lr > 0:
            raise ValueError(f"`initial_lr` must be positive; received: initial_lr={initial_lr}")
        self.monitor = monitor
        self.factor = factor
        self.patience = patience
        self.rule = rule
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode or ("rel" if rule == "pytorch" else "abs")
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.eps = 1e-8 if eps is None else eps
        self.initial_lr = initial_lr
        for name in ("patience", "threshold", "cooldown", "min_lr", "eps"):
            if not (value := getattr(self, name)) >= 0:
                raise ValueError(f"`{name}` must not be negative; received: {name}={value}")
        self._sign = 1 if mode == "max" else -1
        self.best = None if rule == "keras" else -self._sign * math.inf
        self.bad_epochs = 0
        self.cooldown_left = 0
        self.learning_rate: float | None = None

    def get_state(self) -> dict[str, Any]:
        """The best value, both counts and the rate."""
        return {name: getattr(self, name) for name in _STATE}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a `get_state`; the optimizer must have its own state back."""
        for name in _STATE:
            setattr(self, name, state[name])

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        is_first = self.learning_rate is None
        self._set(self.initial_lr if is_first and self.initial_lr else self._rate())

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {} if logs is None else logs
        if self.monitor not in logs:
            raise ValueError(f"`monitor` must be one of {sorted(logs)}; received: {self.monitor!r}")
        value = float(logs[self.monitor])
        logs["learning_rate"] = self._held()
        (self._pytorch if self.rule == "pytorch" else self._keras)(value, self._rate())

    def _pytorch(self, value: float, rate: float) -> None:
        assert self.best is not None  # infinite at first
        by = self._sign * self.threshold
        bar = self.best * (1 + by) if self.threshold_mode == "rel" else self.best + by
        if self._sign * value > self._sign * bar:
            self.best, self.bad_epochs = value, 0
        else:
            self.bad_epochs += 1
        if self.cooldown_left:
            self.cooldown_left -= 1
            self.bad_epochs = 0
        if self.bad_epochs > self.patience:
            lower = max(rate * self.factor, self.min_lr)
            if rate - lower > self.eps:
                self._set(lower)
            self.cooldown_left, self.bad_epochs = self.cooldown, 0

    def _keras(self, value: float, rate: float) -> None:
        if self.cooldown_left:
            self.cooldown_left -= 1
            self.bad_epochs = 0
        by = self._sign * self.threshold
        if self.best is None:
            is_better = not math.isnan(value)
        else:
            # As Keras compares: in its float type, in which the two may be equal.
            is_better = bool(keras.ops.greater(self._sign * (value - by), self._sign * self.best))
        if is_better:
            self.best, self.bad_epochs = value, 0
        elif not self.cooldown_left:
            self.bad_epochs += 1
            if self.bad_epochs >= self.patience and rate > float(np.float32(self.min_lr)):
                self._set(max(rate * self.factor, self.min_lr))
                self.cooldown_left, self.bad_epochs = self.cooldown, 0

    def _held(self) -> float:
        return float(self.model.optimizer.learning_rate)

    def _rate(self) -> float:
        """The optimizer's rate, unrounded where it is this callback's."""
        held, own = self._held(), self.learning_rate
        if self.rule == "pytorch" and own is not None and math.isclose(held, own, rel_tol=1e-6):
            return own
        return held

    def _set(self, rate: float) -> None:
        try:
            self.model.optimizer.learning_rate = rate
        except TypeError as error:
            raise ValueError(
                "the optimizer's `learning_rate` must be a number; received: a LearningRateSchedule"
            ) from error
        self.learning_rate = rate

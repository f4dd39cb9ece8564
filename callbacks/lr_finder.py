"""The learning rate range test: train a little at rising rates, look at the loss, undo it all."""

import math
from typing import Any

import keras
import numpy as np

from callbacks import hyperparameters
from callbacks.lr_suggestion import Suggestion
from callbacks.random_state import RandomState


class LRFinder(keras.callbacks.Callback):
    """Range test of the learning rate (Smith 2015, https://arxiv.org/abs/1506.01186) in one `fit`.

    The rate rises batch by batch from `min_lr` to `max_lr` in `steps` batches, on a logarithmic
    ("exponential") or "linear" scale. The fit ends after these, or when the smoothed loss is more
    than `divergence` times its best so far or not finite. The defaults are those of fastai's
    `lr_find`, but for a `smoothing` of 0.98 there, which lags far behind a test this short.

        finder = LRFinder()
        model.fit(data, epochs=1, callbacks=[finder])
        finder.suggest().valley

    Lists, one entry a batch but for the one that ended the test: `rates`; `losses`, each the
    batch's own; `smoothed`, their exponential average with weight `smoothing` of the past, without
    its bias towards zero.

    When the fit ends the weights, optimizer, metrics and random state (`RandomState`; the seed
    generators of layers) are as they were when it began, and the next fit is as if there had been
    no test. An exception or interrupt that ends the fit keeps Keras from calling its callbacks:
    call `restore` then. Not undone: what data keep for themselves, such as the position of a
    generator or the order of a shuffling `tf.data.Dataset`. Other callbacks take part as in any
    training, so give none that saves or stops, and no validation data.

    With `steps_per_execution` each execution counts as one batch here.

    Raises:
        ValueError: an argument out of its range; or at the start of training, the fit has fewer
            batches than `steps`, the model is not built, or the optimizer has a schedule as its
            learning rate.
    """

    def __init__(
        self,
        min_lr: float = 1e-7,
        max_lr: float = 10.0,
        steps: int = 100,
        scale: str = "exponential",
        smoothing: float = 0.9,
        divergence: float = 4.0,
    ) -> None:
        super().__init__()
        if not 0 < min_lr < max_lr:
            raise ValueError(
                f"`min_lr` must be in (0, max_lr); received: min_lr={min_lr}, max_lr={max_lr}"
            )
        if steps < 2:
            raise ValueError(f"`steps` must be at least 2; received: steps={steps}")
        if scale not in ("exponential", "linear"):
            raise ValueError(f"`scale` must be 'exponential' or 'linear'; received: {scale!r}")
        if not 0 <= smoothing < 1:
            raise ValueError(f"`smoothing` must be in [0, 1); received: smoothing={smoothing}")
        if not divergence > 1:
            raise ValueError(f"`divergence` must be above 1; received: divergence={divergence}")
        space = np.geomspace if scale == "exponential" else np.linspace
        self._all_rates = space(min_lr, max_lr, steps).tolist()
        self.steps = steps
        self.smoothing = smoothing
        self.divergence = divergence
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self._average = 0.0
        self._before: tuple[list[tuple[keras.Variable, np.ndarray]], RandomState] | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        model = self.model
        if self.params["steps"] is not None:
            batches = math.ceil(self.params["steps"] / model.steps_per_execution)
            batches *= self.params["epochs"]
            if batches < self.steps:
                raise ValueError(
                    f"`steps` must be at most the {batches} batches of the fit; "
                    f"received: steps={self.steps}"
                )
        if not model.built:
            raise ValueError("The model must be built, or there is no state to go back to")
        hyperparameters.check_learning_rate(model.optimizer)
        if not model.optimizer.built:
            # Else the first batch makes the slots, of which nobody would know the first values.
            model.optimizer.build(model.trainable_variables)
        state = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
        # Copies, because a backend may lend its own memory.
        values = [(variable, np.array(keras.ops.convert_to_numpy(variable))) for variable in state]
        self._before = values, RandomState()
        self.rates, self.losses, self.smoothed, self._average = [], [], [], 0.0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # The logs are means since the last reset; so they are the batch's own.
        self.model.reset_metrics()
        self.model.optimizer.learning_rate = self._all_rates[len(self.rates)]

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = float((logs or {})["loss"])
        self._average = self.smoothing * self._average + (1 - self.smoothing) * loss
        smoothed = self._average / (1 - self.smoothing ** (len(self.rates) + 1))
        best = min(self.smoothed, default=smoothed)
        # So written, a best below zero is no reason to stop.
        if not math.isfinite(smoothed) or smoothed - best > (self.divergence - 1) * abs(best):
            self.model.stop_training = True
            return
        self.rates.append(self._all_rates[len(self.rates)])
        self.losses.append(loss)
        self.smoothed.append(smoothed)
        if len(self.rates) == self.steps:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.restore()

    def restore(self) -> None:
        """Undo the test's training, once; the fit does it where it ends without an exception."""
        if self._before is not None:
            (values, random_state), self._before = self._before, None
            # Metrics may have come to be during the test.
            self.model.reset_metrics()
            for variable, value in values:
                variable.assign(value)
            random_state.restore()

    def suggest(self) -> Suggestion:
        """The rates that the smoothed losses suggest.

        As in fastai the first tenth of `steps` is left out, where the average is of few losses and
        as noisy as they are.

        Raises:
            ValueError: fewer than 3 batches are left.
        """
        skipped = self.steps // 10
        if len(self.rates) < skipped + 3:
            raise ValueError(
                f"There must be at least {skipped + 3} batches to make a suggestion from; "
                f"received: {len(self.rates)}"
            )
        return Suggestion.of(self.rates[skipped:], self.smoothed[skipped:])

    def plot(self, axes: Any) -> None:
        """Draw losses and suggestions on `axes`, of matplotlib, with a logarithmic axis of rates.

        Raises:
            ValueError: there are too few batches to make a suggestion from.
        """
        axes.plot(self.rates, self.losses, color="C0", alpha=0.3, label="loss")
        axes.plot(self.rates, self.smoothed, color="C0", label="smoothed")
        for number, (name, rate) in enumerate(self.suggest()._asdict().items(), start=1):
            axes.axvline(rate, color=f"C{number}", linestyle="--", label=f"{name} {rate:.2g}")
        margin = 0.1 * (max(self.smoothed) - min(self.losses))
        # Of the end, where it diverges, only as much as leaves the rest to be seen.
        axes.set_ylim(min(self.losses) - margin, max(self.smoothed[0], *self.losses[:10]) + margin)
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
        axes.legend()

"""How fast a training goes, and how much of the time it waits for its data."""

import math
import time
from collections.abc import Iterator
from itertools import chain
from typing import Any

import keras


class Throughput(keras.callbacks.Callback):
    """Add `images_per_second`, `step_ms` and `input_wait` to the logs of each epoch.

    - `images_per_second`: counted by the first dimension of the data, or `images` a batch.
    - `step_ms`: milliseconds from the end of a batch to the end of the next, the wait included.
    - `input_wait`: the share of that time, 0 to 1, in which training waited for data. With PyTorch
      it is the time between two batches, so other callbacks' work at a batch's ends is in it.

    The last epoch's values are attributes of these names. In the logs they are seen by callbacks
    that come later in the list. A batch of a shape that is new to this `fit` is left out, as its
    step may be compiled first; so is validation. NaN means that nothing was counted.

    With TensorFlow and JAX Keras takes the data inside `model.train_function`. For the time of one
    batch a function stands in its place that takes the data itself, looks at the clock and calls
    it. The weights are those of a training without this callback, but it is not for nothing: Keras
    waits for the device after every batch, as it does for any callback with `on_train_batch_end`;
    with TensorFlow a batch of another shape has the step traced once more, and the batches of
    `steps_per_execution` run one by one. Under a TensorFlow strategy of several replicas nothing
    stands in: there `input_wait` is NaN, and `images_per_second` too unless `images` is given.

    Raises:
        ValueError: `images` is not positive.
    """

    def __init__(self, images: int | None = None) -> None:
        super().__init__()
        if images is not None and images < 1:
            raise ValueError(f"`images` must be positive; received: images={images}")
        self.images = images
        self.images_per_second = self.step_ms = self.input_wait = math.nan
        self._trained: Any = None
        self._known_shapes: set[Any] = set()
        self._last = 0.0
        self._first = 0
        # Of the batches between two hooks, then of the epoch: (batches, images, seconds, wait).
        self._shapes: list[Any] = []
        self._wait = 0.0
        self._sums = [0.0] * 4

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._known_shapes = set()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # With JAX each look at `self.model` puts the training's state back into its variables.
        self._trained = self.model
        self._sums = [0.0] * 4
        self._last = time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._first = batch
        self._shapes = []
        self._wait = 0.0
        strategy = getattr(self._trained, "distribute_strategy", None)
        if strategy is not None and strategy.num_replicas_in_sync > 1:
            self._wait = math.nan
        else:
            self._stand_in(self._trained)
        if keras.backend.backend() == "torch":
            self._wait = time.perf_counter() - self._last

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.perf_counter()
        shapes = self._shapes or [()] * (batch - self._first + 1)
        if self._known_shapes.issuperset(shapes):
            images = sum(self.images or _first_dimension(shape) for shape in shapes)
            new = (len(shapes), images, now - self._last, self._wait)
            self._sums = [a + b for a, b in zip(self._sums, new, strict=True)]
        self._known_shapes.update(shapes)
        self._last = now

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        batches, images, seconds, wait = self._sums if self._sums[0] else [math.nan] * 4
        self.images_per_second = images / seconds
        self.step_ms = 1000 * seconds / batches
        self.input_wait = wait / seconds
        if logs is not None:
            for name in ("images_per_second", "step_ms", "input_wait"):
                logs[name] = getattr(self, name)

    def _stand_in(self, model: Any) -> None:
        function = model.train_function

        def once(*args: Any) -> Any:
            # Before anything can go wrong, and unless another callback has set its own.
            if model.train_function is once:
                model.train_function = function
            *state, data = args
            if isinstance(data, list):  # PyTorch
                self._shapes.extend(map(_shape, data))
                return function(data)
            taken = self._take(data)
            # At the end of the data this raises what the trainer waits for.
            first = next(taken)
            return function(*state, chain([first], taken))

        once.__wrapped__ = function  # type: ignore[attr-defined]
        model.train_function = once

    def _take(self, data: Iterator[Any]) -> Iterator[Any]:
        while True:
            start = time.perf_counter()
            try:
                batch = next(data)
            except StopIteration:
                return
            self._wait += time.perf_counter() - start
            self._shapes.append(_shape(batch))
            yield batch


def _shape(batch: Any) -> tuple[tuple[int, ...], ...]:
    """The shapes of all arrays of a batch; what an array lacks, a weight that is None, has none."""
    return tuple(tuple(leaf.shape) for leaf in keras.tree.flatten(batch) if hasattr(leaf, "shape"))


def _first_dimension(shape: tuple[tuple[int, ...], ...]) -> float:
    return next((s[0] for s in shape if s), math.nan)

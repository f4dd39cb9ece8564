"""LRFinder: curves and suggestions by hand, a known quadratic, and that it leaves no trace."""

import functools
import itertools
import math
import random
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras.src.backend.common import global_state
from matplotlib.figure import Figure

from callbacks.lr_finder import LRFinder
from callbacks.lr_suggestion import Suggestion
from callbacks.random_state import RandomState

X = np.random.default_rng(0).normal(size=(48, 3)).astype(np.float32)
Y = (X @ np.array([[1.0], [-2.0], [0.5]]) + 0.3).astype(np.float32)


def linear(optimizer: Any = "sgd", **kwargs: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.set_weights([np.full((3, 1), 0.1), np.zeros(1)])
    model.compile(optimizer, "mse", **kwargs)
    return model


def fit(model: keras.Model, *callbacks: keras.callbacks.Callback, **kwargs: Any) -> Any:
    settings: dict[str, Any] = {"batch_size": 4, "epochs": 1, "shuffle": False, "verbose": 0}
    return model.fit(X, Y, callbacks=list(callbacks), **{**settings, **kwargs})


def by_hooks(finder: LRFinder, losses: list[float]) -> keras.Model:
    """The test of a model whose batches have these losses, in one epoch of 100."""
    model = linear()
    finder.set_model(model)
    finder.set_params({"epochs": 1, "steps": 100})
    model.stop_training = False
    finder.on_train_begin()
    for batch, loss in enumerate(losses):
        assert not model.stop_training
        finder.on_train_batch_begin(batch)
        assert float(model.optimizer.learning_rate) == pytest.approx(finder._all_rates[batch])
        finder.on_train_batch_end(batch, {"loss": loss})
    return model


def test_rates_and_average_by_hand() -> None:
    finder = LRFinder(1e-3, 10.0, steps=5, smoothing=0.5)
    model = by_hooks(finder, [4.0, 2.0, 3.0, 1.0, 1.0])
    assert model.stop_training
    assert finder.rates == pytest.approx([1e-3, 1e-2, 1e-1, 1.0, 10.0])
    assert finder.losses == [4.0, 2.0, 3.0, 1.0, 1.0]
    # 2, 2, 2.5, 1.75, 1.375 over 1/2, 3/4, 7/8, 15/16, 31/32
    expected = [4.0, 8 / 3, 20 / 7, 28 / 15, 44 / 31]
    assert finder.smoothed == pytest.approx(expected)
    finder = LRFinder(1.0, 3.0, steps=5, scale="linear")
    by_hooks(finder, [1.0] * 5)
    assert finder.rates == pytest.approx([1.0, 1.5, 2.0, 2.5, 3.0])
    assert finder.smoothed == pytest.approx([1.0] * 5)


@pytest.mark.parametrize(
    "losses",
    [
        [1.0, 0.5, 2.0, 2.1],  # above 4 x 0.5
        [-1.0, -2.0, 4.0, 4.1],  # as far above -2
        [1.0, 2.0, math.nan],
        [1.0, 2.0, math.inf],
        [1.0, -math.inf],
        [math.inf],
    ],
)
def test_ends_with_a_batch_that_is_not_recorded(losses: list[float]) -> None:
    finder = LRFinder(smoothing=0.0, divergence=4.0)
    model = by_hooks(finder, losses)
    assert model.stop_training
    assert finder.losses == finder.smoothed == losses[:-1]
    assert len(finder.rates) == len(losses) - 1


def test_records_the_loss_of_each_batch_alone() -> None:
    """At rates that change nothing, in two epochs whose last batch is a short one."""
    finder = LRFinder(1e-30, 1e-29, steps=10)
    fit(linear(metrics=["mae"]), finder, batch_size=10, epochs=2)
    error = (X @ np.full((3, 1), 0.1) - Y)[:, 0] ** 2
    expected = [error[i : i + 10].mean() for i in range(0, 48, 10)] * 2
    np.testing.assert_allclose(finder.losses, expected, rtol=1e-5)


def test_suggestions_by_hand() -> None:
    rates = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0]
    # Slopes 0, -0.5, -2, -1, 4, 7 a step; the fall 5, 4, 1 ends at index 3 and counts from 0.
    assert Suggestion.of(rates, [5.0, 5.0, 4.0, 1.0, 2.0, 9.0]) == pytest.approx((1e-2, 1e-3, 1e-2))
    # A fall all along: its six are taken to start before the first, 2 + 1 further is index 2.
    assert Suggestion.of(rates, [9.0, 8.0, 7.0, 6.0, 3.0, 1.0]) == pytest.approx((1.0, 1e-2, 1.0))
    # No fall at all.
    assert Suggestion.of(rates, [1.0, 2.0, 4.0, 7.0, 11.0, 16.0]) == pytest.approx(
        (1e-3, 1e-4, 1e-5)
    )
    # Against the logarithm, not rate or index: 7 in three decades are more than 8 in four.
    assert Suggestion.of([1e-4, 1e-2, 1.0, 10.0], [12.0, 8.0, 4.0, 1.0]).steepest == 1.0
    # A fall of a tenth all along, and a jerk of 0.5 that is steeper than any of it.
    losses = [5 - 0.1 * i - (0.02 * (i - 20) ** 2 if i > 20 else 0) for i in range(30)]
    losses[3] -= 0.25
    assert Suggestion.of(np.geomspace(1e-6, 1.0, 30).tolist(), losses).steepest > 1e-2


def test_valley_is_fastais() -> None:
    """Against all subsequences, on curves of nine."""
    rates = np.geomspace(1e-5, 1.0, 9).tolist()
    for seed in range(15):
        losses = np.random.default_rng(seed).integers(0, 12, 9).tolist()
        falls = [
            picked
            for length in range(2, 10)
            for picked in itertools.combinations(range(9), length)
            if all(losses[a] > losses[b] for a, b in itertools.pairwise(picked))
        ]
        longest = max(falls, key=lambda picked: (len(picked), -picked[-1]))
        start, sections = longest[-1] - len(longest), len(longest) / 3
        expected = max(start + int(sections) + int(sections / 2), 0)
        assert Suggestion.of(rates, losses).valley == rates[expected]


def test_leaves_out_the_first_tenth_and_needs_three_more() -> None:
    finder = LRFinder(1e-4, 1e-4 * 10**19, steps=20, smoothing=0.0)
    by_hooks(finder, [0.1, 9.0])
    with pytest.raises(ValueError, match=r"at least 5 batches .*received: 1"):
        finder.suggest()
    by_hooks(finder, [8.0, 0.5, 1.0, 0.9, 0.7, 0.8, 9.0])
    # Of 1e-2 to 10: the fall 1, 0.9, 0.7 has its middle at the first, for 0.9 counts from none.
    assert finder.suggest() == pytest.approx((1e-1, 1e-2, 1e-1), rel=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_a_quadratic_diverges_near_its_limit(momentum: float) -> None:
    """Descent on a quadratic is stable up to 2 (1 + momentum) / L, L its largest curvature."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3200, 4)) * [1.0, 0.7, 0.5, 0.3]
    y = x @ [[1.0], [-2.0], [0.5], [3.0]] + 0.1 * rng.normal(size=(3200, 1))
    limit = 2 * (1 + momentum) / (2 * np.linalg.eigvalsh(x.T @ x / 3200)[-1])
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.zeros((4, 1))])
    model.compile(keras.optimizers.SGD(momentum=momentum), "mse")
    finder = LRFinder(1e-4, 10.0, steps=100, smoothing=0.5)
    model.fit(x, y, batch_size=32, shuffle=False, verbose=0, callbacks=[finder])
    assert len(finder.rates) < 100
    assert limit / 2 < finder.rates[-1] < limit * 2
    suggestion = finder.suggest()
    assert limit / 20 < suggestion.minimum < limit / 5
    assert limit / 100 < suggestion.valley < limit
    assert suggestion.steepest < limit


def test_plot() -> None:
    finder = LRFinder(1e-4, 10.0, steps=6, smoothing=0.0)
    by_hooks(finder, [5.0, 5.0, 4.0, 1.0, 2.0, 3.0])
    axes: Any = Figure().subplots()
    finder.plot(axes)
    assert axes.get_xscale() == "log"
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["loss", "smoothed", "steepest 0.01", "valley 0.001", "minimum 0.01"]
    assert [line.get_xdata()[0] for line in axes.lines[2:]] == pytest.approx([1e-2, 1e-3, 1e-2])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_lr", 0.0),
        ("min_lr", 20.0),
        ("steps", 1),
        ("scale", "log"),
        ("smoothing", 1.0),
        ("divergence", 1.0),
    ],
)
def test_arguments_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"`{name}` .*received: .*{value}"):
        LRFinder(**{name: value})


def test_refuses_before_anything_is_touched() -> None:
    model = linear()
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"at most the 24 batches .*received: steps=25"):
        fit(model, LRFinder(steps=25), epochs=2)
    for got, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, expected)
    fit(model, LRFinder(steps=24), epochs=2)
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    with pytest.raises(ValueError, match="`learning_rate` must be a number"):
        fit(linear(keras.optimizers.SGD(schedule)), LRFinder(steps=12))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the others build before")
def test_refuses_a_model_without_weights() -> None:
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="must be built"):
        fit(model, LRFinder(steps=12))


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch executes single batches")
def test_an_execution_counts_as_one_batch() -> None:
    finder = LRFinder(1e-30, 1e-29, steps=3)
    with pytest.raises(ValueError, match="at most the 3 batches"):
        fit(linear(steps_per_execution=5), LRFinder(steps=4))
    fit(linear(steps_per_execution=5), finder)
    assert len(finder.rates) == 3


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "adam": keras.optimizers.Adam,
    # Its averages become the weights when a fit ends.
    "loss scale": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.01, momentum=0.9, use_ema=True), dynamic_growth_steps=5
    ),
}


def fresh(optimizer: str) -> keras.Model:
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1),
        ]
    )
    # XLA takes seconds for each; JAX has nothing else.
    jit_compile = keras.backend.backend() == "jax"
    model.compile(OPTIMIZERS[optimizer](), "mse", metrics=["mae"], jit_compile=jit_compile)
    return model


def traces(model: keras.Model) -> dict[str, Any]:
    """What another training of `model` leads to, and where the random numbers are then."""
    history = fit(model, shuffle=True, epochs=2).history
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return {
        "history": history,
        "variables": [np.array(v.numpy()).tolist() for v in variables],
        "random": [random.random(), np.random.rand(), drawn(), drawn_by_the_backend()],  # noqa: NPY002
    }


def drawn() -> float:
    return float(keras.random.uniform(()))


def drawn_by_the_backend() -> float | None:
    tensorflow, torch = sys.modules.get("tensorflow"), sys.modules.get("torch")
    if keras.backend.backend() == "tensorflow" and tensorflow:
        return float(tensorflow.random.uniform(()))
    if keras.backend.backend() == "torch" and torch:
        return float(torch.rand(()))
    return None


class Draws(keras.callbacks.Callback):
    """Takes from every generator, as data and layers of all kinds may."""

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        random.random()
        np.random.rand()  # noqa: NPY002
        drawn()
        drawn_by_the_backend()


def prepared(optimizer: str, trained: bool) -> keras.Model:
    model = fresh(optimizer)
    if trained:
        fit(model, shuffle=True)
    return model


@functools.cache
def traces_without_a_test(optimizer: str, trained: bool) -> dict[str, Any]:
    return traces(prepared(optimizer, trained))


@pytest.mark.parametrize(
    ("optimizer", "trained"), [("adam", False), ("adam", True), ("loss scale", False)]
)
def test_leaves_no_trace(optimizer: str, trained: bool) -> None:
    """Bit for bit, with shuffled data and dropout; the rates go up to where all is lost."""
    model = prepared(optimizer, trained)
    finder = LRFinder(1e-3, 1e4, steps=30, divergence=1e9)
    for _ in range(2):
        fit(model, finder, Draws(), shuffle=True, epochs=3)
        assert len(finder.rates) > 3
    assert traces(model) == traces_without_a_test(optimizer, trained)


class Bomb(keras.callbacks.Callback):
    def __init__(self, error: type[BaseException]) -> None:
        super().__init__()
        self.error = error

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if batch == 4:
            raise self.error


class Interrupted(keras.utils.PyDataset):
    """The data, in whose fifth batch Ctrl-C is pressed."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if index == 4:
            raise KeyboardInterrupt
        return X[index * 4 : index * 4 + 4], Y[index * 4 : index * 4 + 4]


@pytest.mark.parametrize(
    ("error", "trained"), [(RuntimeError, False), (KeyboardInterrupt, True), (None, True)]
)
def test_restore_after_an_exception_leaves_no_trace(
    error: type[BaseException] | None, trained: bool
) -> None:
    """Raised by another callback, or where there is None to raise, by the data."""
    model = prepared("adam", trained)
    finder = LRFinder(1e-3, 10.0, steps=12, divergence=1e9)
    if error:
        test = functools.partial(fit, model, finder, Draws(), Bomb(error), shuffle=True)
    else:
        test = functools.partial(model.fit, Interrupted(), verbose=0, callbacks=[finder, Draws()])
    # TensorFlow has an error of its own for what happens in the data.
    with pytest.raises((KeyboardInterrupt, Exception)):
        test()
    assert 3 <= len(finder.rates) < 12
    finder.restore()
    finder.restore()
    assert traces(model) == traces_without_a_test("adam", trained)


def test_random_state() -> None:
    keras.utils.set_random_seed(5)
    for generator_before in (False, True):
        if not generator_before:
            global_state.set_global_attribute("global_seed_generator", None)
        state = RandomState()

        def draw() -> list[float | None]:
            return [random.random(), np.random.rand(), drawn(), drawn_by_the_backend()]  # noqa: NPY002

        first = draw()
        assert draw() != first
        state.restore()
        if not generator_before:
            assert global_state.get_global_attribute("global_seed_generator") is None
        assert draw() == first
        state.restore()
        assert draw() == first

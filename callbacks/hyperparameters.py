"""An optimizer's learning rate and momentum, as numbers that a callback sets before a batch."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras


def inner(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The optimizer that has the momentum: `LossScaleOptimizer` wraps it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def check_learning_rate(optimizer: keras.optimizers.Optimizer) -> None:
    """Raise ValueError if the learning rate is a schedule or function, which cannot be set."""
    if not isinstance(optimizer.learning_rate, keras.Variable):
        raise ValueError(
            "The optimizer's `learning_rate` must be a number, which can be set; received: "
            f"learning_rate={inner(optimizer)._learning_rate}"
        )


def momentum_name(optimizer: keras.optimizers.Optimizer) -> str:
    """The attribute of `inner(optimizer)` that is its momentum, "beta_1" or "momentum".

    Raises:
        ValueError: it has none, or was made with 0 and has no room for it.
    """
    for name in ("beta_1", "momentum"):
        if getattr(inner(optimizer), name, 0) > 0:
            return name
    raise ValueError(
        "`cycle_momentum` must be False for an optimizer without momentum; "
        f"received: {type(inner(optimizer)).__name__}"
    )


def with_variable_momentum(model: keras.Model, name: str, *, anew: bool) -> Callable[..., Any]:
    """The model's training step, so made that it heeds a change of its optimizer's momentum.

    Keras's optimizers have their momentum as a Python number, which compiling makes a constant. So
    during the step a variable with the number's value stands in its place. During the step only:
    what is saved between two steps, or after an interrupt in one, has a number and no variable too
    many. JAX's pure step has the variable as one more entry of the optimizer's state.

    With `anew` the model makes its step first, for what is compiled has its constant already.
    """
    optimizer, backend = inner(model.optimizer), keras.backend.backend()
    if backend == "torch":
        return model.train_function  # Its optimizers run as Python.
    variable = _Momentum(0.0, trainable=False, dtype="float32", name="momentum")

    @contextlib.contextmanager
    def in_place() -> Iterator[None]:
        number = getattr(optimizer, name)
        variable.assign(number)
        # Past `__setattr__`, which would also make the variable known to TensorFlow's checkpoints.
        vars(optimizer)[name] = variable
        optimizer._track_variable(variable)
        try:
            yield
        finally:
            optimizer._untrack_variable(variable)
            vars(optimizer)[name] = number

    if anew:
        # In place here too: for several devices JAX's step is made for the list of variables.
        with in_place():
            model.make_train_function(force=True)
    plain = model.train_function

    def step(*arguments: Any) -> Any:
        with in_place():
            if backend == "tensorflow":
                return plain(*arguments)
            (weights, others, slots, metrics), data = arguments
            state = (weights, others, [*slots, variable.value], metrics)
            logs, (weights, others, slots, metrics) = plain(state, data)
            return logs, (weights, others, slots[:-1], metrics)

    return step


def wrapped(function: Any) -> Iterator[Any]:
    """`function`, then what it stands in for, and so on."""
    while function is not None:
        yield function
        function = getattr(function, "__wrapped__", None)


class _Momentum(keras.Variable):
    """A variable that answers Keras's question, while the step is compiled, whether it is 0."""

    def __ne__(self, other: object) -> bool:
        return True

    def __gt__(self, other: object) -> bool:
        return True

"""AdamW with what fine-tuning wants: rates by layer, accumulated gradients."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="triptych")
class LayerwiseAdamW(keras.optimizers.AdamW):
    """AdamW (Loshchilov & Hutter 2019) whose step is scaled variable by variable.

    `scales` maps a variable's path to a factor of its learning rate (and so of its weight decay);
    a variable that is not named has factor 1. Adam's step does not depend on the size of the
    gradient, so the rate itself has to be scaled.
    """

    def __init__(self, *args: Any, scales: dict[str, float] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scales = dict(scales or {})

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One variable's AdamW step at its own rate."""
        # The TensorFlow backend hands over its own variable, which knows no path.
        known = self._trainable_variables[self._get_variable_index(variable)]
        scale = self.scales.get(known.path, 1.0)
        super().update_step(gradient, variable, learning_rate * scale)

    def _apply_weight_decay(self, variables: Any) -> None:
        for variable in variables:
            if self._use_weight_decay(variable):
                rate = keras.ops.cast(self.learning_rate, variable.dtype)
                factor = self.weight_decay * self.scales.get(variable.path, 1.0)
                variable.assign(variable - variable * factor * rate)

    def get_config(self) -> dict[str, Any]:
        """Keras's config with `scales`."""
        return {**super().get_config(), "scales": self.scales}


def adamw(
    learning_rate: float,
    *,
    weight_decay: float,
    accumulate: int = 1,
    scales: dict[str, float] | None = None,
    amsgrad: bool = False,
) -> LayerwiseAdamW:
    """AdamW for one phase; with `weight_decay` 0 it is Adam.

    `accumulate` is the number of batches whose gradients make one step, `amsgrad` the variant of
    Reddi et al. 2018. Biases and batch-norm
    parameters are not decayed.
    """
    optimizer = LayerwiseAdamW(
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        gradient_accumulation_steps=accumulate if accumulate > 1 else None,
        scales=scales,
        amsgrad=amsgrad,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer

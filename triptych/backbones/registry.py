"""The list of backbones. Importing it costs no Keras, so that `--help` stays quick."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Family:
    """One module of this package.

    The module has `build(name, input_shape) -> keras.Model` (and `drop_connect` where there is
    stochastic depth) and one `load_WORD(model)` for each word of `weights` (dashes become
    underscores).
    """

    module: str
    sizes: dict[str, int]
    weights: tuple[str, ...] = ("imagenet",)
    stochastic_depth: bool = False


FAMILIES = (
    Family(
        "efficientnet",
        {
            f"efficientnet-b{i}": side
            for i, side in enumerate((224, 240, 260, 300, 380, 456, 528, 600))
        },
        weights=("imagenet", "noisy-student", "autoaugment"),
        stochastic_depth=True,
    ),
    Family(
        "efficientnet_lite",
        {"efficientnet-lite0": 224, "efficientnet-lite1": 240, "efficientnet-lite2": 260},
        stochastic_depth=True,
    ),
    Family("resnet", dict.fromkeys(("resnet18", "resnet34", "resnet50", "resnext50_32x4d"), 224)),
    Family("densenet", {"densenet121": 224, "densenet161": 224}),
    Family("alexnet", {"alexnet": 224}),
    Family("tiny", {"tiny": 64}, weights=()),
)
_FAMILY = {name: family for family in FAMILIES for name in family.sizes}


def names() -> list[str]:
    """All names that `create` knows."""
    return list(_FAMILY)


def default_size(name: str) -> int:
    """Side in pixels of the square pictures the published weights were trained on.

    Raises ValueError for an unknown name.
    """
    return _family(name).sizes[name]


def create(
    name: str,
    weights: str | Path | None = "imagenet",
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    drop_connect: float | None = None,
) -> "keras.Model":
    """A feature extractor: pictures [B, H, W, 3] RGB 0..255 -> float [B, h, w, C], stride 32.

    The scaling is inside the model. `weights` is a published set of the family ("imagenet";
    EfficientNetB0-B7 also "noisy-student", "autoaugment"), None for random weights, or a path:
    `.safetensors` with torchvision's names, `.weights.h5` or `.keras` of the same backbone.
    `drop_connect` is the stochastic depth rate of the last block, in [0, 1); None keeps the
    published one. The model's name is `name`.

    Raises ValueError for an unknown name or option and for weights that do not fit, OSError for
    weights that cannot be read or fetched.
    """
    family = _family(name)
    if len(input_shape) != 3 or input_shape[2] != 3:
        raise ValueError(
            f"`input_shape` must be (height, width, 3); received: input_shape={input_shape}"
        )
    if drop_connect is not None and not family.stochastic_depth:
        raise ValueError(
            f"`drop_connect` must be None for {name}, which has no stochastic depth; "
            f"received: drop_connect={drop_connect}"
        )
    if drop_connect is not None and not 0 <= drop_connect < 1:
        raise ValueError(f"`drop_connect` must be in [0, 1); received: drop_connect={drop_connect}")
    published = str(weights) in family.weights
    if weights is not None and not published and not Path(weights).is_file():
        words = ", ".join([*family.weights, "None", "the path of a file"])
        raise ValueError(f"`weights` of {name} must be one of: {words}; received: {weights!r}")

    module: ModuleType = import_module(f"triptych.backbones.{family.module}")
    rate = {} if drop_connect is None else {"drop_connect": drop_connect}
    model = module.build(name, input_shape, **rate)
    if published:
        getattr(module, "load_" + str(weights).replace("-", "_"))(model)
    elif weights is not None:
        from triptych.backbones.weights import load_path

        load_path(model, Path(weights))
    return model


def _family(name: str) -> Family:
    if name not in _FAMILY:
        raise ValueError(f"`name` must be one of {', '.join(_FAMILY)}; received: name={name!r}")
    return _FAMILY[name]

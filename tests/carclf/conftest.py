"""A run that was never trained, and pictures to export it on."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carclf.config import Config
from triptych import run
from triptych.stage import Stage


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained run of three classes at 48 x 64 with decided answers."""
    import keras

    from carclf.model import build

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    folder.mkdir()
    config = Config(
        data=Path("secret/place"), backbone="tiny", weights="none", stages=(Stage(size="48x64"),)
    )
    run.write_config(folder, config)
    names = ["Škoda Octavia", "日産", "Citroën 2CV"]
    run.write_json(folder / "classes.json", {"classes": ["7", "8", "9"], "names": names})
    keras.utils.set_random_seed(1)
    model = build(config, 3)
    for layer in model.get_layer("head").layers:
        if layer.name == "logits":
            layer.kernel.assign(layer.kernel * 20)
    model.save(folder / run.MODEL)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PNG, a photograph on its side, and what an export cannot or need not read."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(3).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    # A gradient: which side is up must matter to the answer.
    image = Image.fromarray((noise * np.linspace(0, 1, 90)[:, None, None]).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 8
    image.save(folder / "a.png")
    image.save(folder / "b.jpg", exif=exif)
    image.save(folder / "c.webp")
    (folder / "d.jpg").write_bytes(b"no picture")
    return folder

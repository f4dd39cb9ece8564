"""A detector in onnxruntime: the same maps and plates as through Keras, and no TensorFlow."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from plates.detector import export, heads, predictor
from plates.detector.config import Config
from plates.detector.model import build
from plates.detector.predictor import Detector
from triptych import export as exports
from triptych import run
from triptych.stage import Stage

pytest.importorskip("tf2onnx")
pytest.importorskip("onnxruntime")

# What `plates.predict` imports, and the export; the model libraries cannot be.
ALONE = """
import json, sys
from pathlib import Path
sys.modules.update(dict.fromkeys(("keras", "tensorflow", "tf2onnx")))
from plates import answers, pipeline, predict, tables
from plates.detector import predictor
from plates.reader import predictor as readers
from triptych.images import decode
(plates,) = predictor.open(Path(sys.argv[1])).detect([decode(Path(sys.argv[2]))])
print(json.dumps([[plate.score, plate.corners.tolist()] for plate in plates]))
"""


def _config(side: str = "64", **changes: Any) -> Config:
    given: dict[str, Any] = {"backbone": "tiny", "weights": "none", "width": 8} | changes
    return Config(Path("data"), stages=(Stage(size=side),), **given)


def _export(model: keras.Model, config: Config, folder: Path) -> Path:
    """The folder as `plates.detector.export` leaves it."""
    folder.mkdir()
    run.write_config(folder, config)
    known = json.loads((folder / run.CONFIG).read_text())
    (folder / run.CONFIG).unlink()
    metadata = {"task": "plates.detector", "config": known}
    exports.write_file(folder, "onnx", export.maps(model, config), (0, 0), metadata)
    return folder


def test_rows_of_mask_rcnn_are_those_of_keras(tmp_path: Path) -> None:
    """With its proposals, its loop of suppression and its masks inside; canvases of two sizes."""
    keras.utils.set_random_seed(0)
    config = _config(head="maskrcnn", monitor="loss", stride=8)
    model = heads.build(config)
    exported = predictor.open(_export(model, config, tmp_path / "onnx"))
    finder = heads.answering(model, "maskrcnn")
    rng = np.random.default_rng(0)
    for shape in ((2, 96, 64, 3), (1, 64, 160, 3)):
        canvases = rng.integers(0, 256, shape).astype(np.uint8)
        expected = np.asarray(finder(canvases))
        assert (expected[:, :, 4] > 0).sum() > 5
        np.testing.assert_allclose(exported.maps(canvases), expected, atol=1e-3)


def test_maps_are_those_of_keras(tmp_path: Path) -> None:
    """Canvases of two sizes; weights that are far from the first ones, so that the maps are too."""
    keras.utils.set_random_seed(0)
    config = _config(head="corners", stride=8, deepest=32)
    model = build(config)
    kernel, bias = model.get_layer("head").get_layer("maps").get_weights()
    model.get_layer("head").get_layer("maps").set_weights([100 * kernel, 0 * bias])
    session = predictor.open(_export(model, config, tmp_path / "onnx"), threads=1)
    compiled = predictor.compiled(model, config.head)
    rng = np.random.default_rng(0)
    for shape in ((2, 64, 96, 3), (1, 160, 32, 3)):
        canvases = rng.integers(0, 256, shape, dtype=np.uint8)
        expected, found = compiled(canvases), session.maps(canvases)
        assert np.ptp(expected[..., 0]) > 0.2
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
        assert found.dtype == np.float32


def test_an_export_is_opened_like_a_run_without_tensorflow(tmp_path: Path) -> None:
    """To this model the whole picture is a plate, and a small one: it is looked at twice."""
    keras.utils.set_random_seed(0)
    config = _config(side="32")
    model = build(config)
    last = model.get_layer("head").get_layer("maps")
    last.set_weights([last.get_weights()[0], np.array([2.0, 2.0])])
    folder = _export(model, config, tmp_path / "onnx")
    picture = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    compiled, shapes = predictor.compiled(model, "unet"), []

    def maps(canvases: np.ndarray) -> np.ndarray:
        shapes.append(canvases.shape)
        return compiled(canvases)

    ((expected,),) = Detector(maps, config).detect([picture])
    assert shapes == [(1, 32, 32, 3), (1, 256, 256, 3)]
    program = subprocess.run(
        [sys.executable, "-c", ALONE, folder, tmp_path / "a.png"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.returncode == 0, program.stderr[-2000:]
    ((score, corners),) = json.loads(program.stdout)
    assert score == pytest.approx(expected.score, abs=1e-5)
    np.testing.assert_allclose(corners, expected.corners, rtol=0, atol=1e-2)

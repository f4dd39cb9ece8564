"""A run as an ONNX and a LiteRT file: the same points in their own interpreters."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from landmarks import export, predict, predictor
from landmarks.warp import crop
from triptych import images, run
from triptych.exported import Format, Quantize

pytest.importorskip("tf2onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("ai_edge_litert")

SIDE = 64

# onnxruntime and numpy alone; Pillow is there to read the picture.
ONNX = """
import json, sys
sys.modules.update(dict.fromkeys(("tensorflow", "keras", "triptych", "landmarks", "callbacks")))
import numpy as np, onnxruntime
from PIL import Image
session = onnxruntime.InferenceSession(sys.argv[1] + "/model.onnx")
known = session.get_modelmeta().custom_metadata_map
pixels = np.stack([np.asarray(Image.open(sys.argv[2]))] * 2)
points, spread = session.run(["points", "spread"], {"pixels": pixels})
print(json.dumps([points.tolist(), spread.tolist(), json.loads(known["mirror"])]))
"""
# `landmarks.predict` on an export: no framework is there.
PREDICT = """
import sys
sys.modules.update(dict.fromkeys(("tensorflow", "keras", "tf2onnx", "onnx")))
from pathlib import Path
from landmarks import predict
paths = tuple(map(Path, sys.argv[1:-1]))
predict.predict(predict.Config(paths, points=Path(sys.argv[-1]), tta=("flip", "shift")))
"""


def export_to(
    run_dir: Path, folder: Path, to: Format, pictures: Path, quantize: Quantize | None = None
) -> Path:
    """Exported, compared on `pictures`; nothing that quantizing costs is too much."""
    out = folder / f"{to}-{quantize}"
    return export.export(export.Config(run_dir, to, quantize, lose=9, out=out, check=(pictures,)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def onnx(run_dir: Path, folder: Path, pictures: Path) -> Path:
    return export_to(run_dir, folder, "onnx", pictures)


@pytest.fixture(scope="module")
def litert(run_dir: Path, folder: Path, pictures: Path) -> Path:
    return export_to(run_dir, folder, "litert", pictures)


def call(program: str, *args: Path) -> str:
    """What a program prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *args], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_onnx_answers_in_pixels_of_the_picture(run_dir: Path, onnx: Path, pictures: Path) -> None:
    """Of a picture that is cropped, by onnxruntime alone."""
    points, spread, mirror = json.loads(call(ONNX, onnx, pictures / "a.png"))
    picture = images.decode(pictures / "a.png")
    expected = predictor.open(run_dir).predict(1, lambda _: picture)
    assert expected.spread is not None
    np.testing.assert_allclose(points, expected.points[[0, 0]], rtol=0, atol=1e-3)
    np.testing.assert_allclose(spread, expected.spread[[0, 0]], rtol=1e-4)
    assert mirror == [1, 0, 2, 4, 3]


def test_litert_answers_in_pixels_of_the_crop(run_dir: Path, litert: Path, pictures: Path) -> None:
    """Its own interpreter, asked as anybody would ask it."""
    from ai_edge_litert.interpreter import Interpreter

    small = crop(images.decode(pictures / "a.png"), SIDE)
    expected = predictor.open(run_dir).predict(1, lambda _: small)
    model = Interpreter(str(litert / "model.tflite"))
    found = model.get_signature_runner()(pixels=np.stack([small] * 2))
    np.testing.assert_allclose(found["points"], expected.points[[0, 0]], rtol=0, atol=1e-3)
    assert expected.spread is not None
    np.testing.assert_allclose(found["spread"], expected.spread[[0, 0]], rtol=1e-4)


@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_is_predicted_with_like_a_run(
    name: str, run_dir: Path, pictures: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """With views, in a process where no framework can be imported."""
    files, found, expected = pictures / "a.png", tmp_path / "found.csv", tmp_path / "expected.csv"
    call(PREDICT, request.getfixturevalue(name), files, found)
    asked = predict.Config((run_dir, files), points=expected, tta=("flip", "shift"))
    predict.predict(asked)
    assert found.read_text().splitlines()[0] == expected.read_text().splitlines()[0]
    rows = [path.read_text().splitlines()[1].split(",") for path in (found, expected)]
    numbers, wanted = (np.array(row[1:], float) for row in rows)
    np.testing.assert_allclose(numbers, wanted, atol=3e-3)


def test_says_what_it_is(onnx: Path, litert: Path) -> None:
    text = json.loads((onnx / run.METADATA).read_text())
    assert (text["task"], text["format"], text["points"]) == ("landmarks", "onnx", 5)
    assert text["input"] == "pixels uint8 [B, H, W, 3] RGB"
    assert len(text["mean"]) == 5
    assert max(text["parity"]["worst"].values()) <= export.BOUND
    text = json.loads((litert / run.METADATA).read_text())
    assert (text["format"], text["mirror"]) == ("litert", [1, 0, 2, 4, 3])
    assert text["input"] == "pixels uint8 [B, 64, 64, 3] RGB"
    assert "secret" not in json.dumps(text)


@pytest.mark.parametrize("to", ["onnx", "litert"])
def test_int8(to: Format, run_dir: Path, folder: Path, pictures: Path) -> None:
    """Other points than the run's, but not far from them: soft-argmax is no matter of 8 bits."""
    text = json.loads((export_to(run_dir, folder, to, pictures, "int8") / run.METADATA).read_text())
    assert 1e-3 < text["parity"]["worst"]["bytes"] < SIDE / 20
    assert text["quantizing"]["before"] == 0 < text["quantizing"]["after"]

"""A run as an ONNX and a LiteRT file: the same answers in their own interpreters; and in 8 bits."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from carclf import export, predict, predictor
from triptych import export as exports
from triptych import images, run
from triptych.exported import Format, Quantize

pytest.importorskip("tf2onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("ai_edge_litert")

# Each in its interpreter, with numpy alone; Pillow is there to read the picture.
NOTHING = 'dict.fromkeys(("tensorflow", "keras", "triptych", "carclf", "callbacks"))'
ONNX = f"""
import json, sys
sys.modules.update({NOTHING})
import numpy as np, onnxruntime
from PIL import Image
session = onnxruntime.InferenceSession(sys.argv[1] + "/model.onnx")
known = session.get_modelmeta().custom_metadata_map
pixels = np.stack([np.asarray(Image.open(sys.argv[2]))] * 2)
(answer,) = session.run(["probabilities"], {{"pixels": pixels}})
print(json.dumps([answer.tolist(), json.loads(known["names"])]))
"""
LITERT = f"""
import json, sys, zipfile
sys.modules.update({NOTHING})
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
known = json.loads(zipfile.ZipFile(sys.argv[1] + "/model.tflite").read("metadata.json"))
size = known["size"]["width"], known["size"]["height"]
small = Image.open(sys.argv[2]).resize(size, Image.Resampling.BILINEAR)
model = Interpreter(sys.argv[1] + "/model.tflite")
answer = model.get_signature_runner()(pixels=np.stack([np.asarray(small)] * 2))["probabilities"]
print(json.dumps([answer.tolist(), known["names"]]))
"""
# `carclf.predict` on an export: no framework is there.
PREDICT = """
import sys
sys.modules.update(dict.fromkeys(("tensorflow", "keras", "tf2onnx", "onnx")))
from pathlib import Path
from carclf import predict
paths = tuple(map(Path, sys.argv[1:-1]))
predict.predict(predict.Config(paths, probabilities=Path(sys.argv[-1]), tta=("flip",)))
"""


def export_to(
    run_dir: Path, folder: Path, to: Format, pictures: Path, quantize: Quantize | None = None
) -> Path:
    """Exported, compared on `pictures`; nothing that quantizing costs is too much."""
    check = (pictures / "a.png", pictures / "b.jpg")
    out = folder / f"{to}-{quantize}"
    return export.export(export.Config(run_dir, to, quantize, lose=1, out=out, check=check))


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


@pytest.mark.parametrize(("name", "program"), [("onnx", ONNX), ("litert", LITERT)])
def test_answers_in_its_interpreter_alone(
    name: str, program: str, run_dir: Path, pictures: Path, request: pytest.FixtureRequest
) -> None:
    model = predictor.open(run_dir)
    answers, names = json.loads(call(program, request.getfixturevalue(name), pictures / "a.png"))
    expected = model.probabilities(1, lambda _: images.decode(pictures / "a.png"))
    np.testing.assert_allclose(answers, expected[[0, 0]], rtol=0, atol=1e-5)
    assert names == model.names


@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_is_predicted_with_like_a_run(
    name: str, run_dir: Path, pictures: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """With a view, in a process where no framework can be imported."""
    files, found, expected = pictures / "b.jpg", tmp_path / "found.csv", tmp_path / "expected.csv"
    call(PREDICT, request.getfixturevalue(name), files, found)
    predict.predict(predict.Config((run_dir, files), probabilities=expected, tta=("flip",)))
    assert found.read_text().splitlines()[0] == expected.read_text().splitlines()[0]
    rows = [path.read_text().splitlines()[1].split(",") for path in (found, expected)]
    assert rows[0][0] == rows[1][0] == "b.jpg"
    numbers, wanted = (np.array(row[1:], float) for row in rows)
    np.testing.assert_allclose(numbers, wanted, atol=2e-6)


def test_a_view_of_another_size_needs_the_run(onnx: Path) -> None:
    model = predictor.open(onnx)
    picture = np.zeros((60, 80, 3), np.uint8)
    with pytest.raises(ValueError, match=r"answers at 48 x 64 pixels, not at 32 x 64"):
        model.probabilities(1, lambda _: picture, ("scales",))


def test_a_saved_model_is_opened_too(run_dir: Path, tmp_path: Path) -> None:
    folder = export.export(export.Config(run_dir, out=tmp_path / "out"))
    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    both = [predictor.open(one).probabilities(1, lambda _: picture) for one in (run_dir, folder)]
    np.testing.assert_allclose(both[1], both[0], atol=1e-5)


def test_says_what_it_is(onnx: Path, litert: Path) -> None:
    text = json.loads((onnx / run.METADATA).read_text())
    assert (text["task"], text["format"], text["quantize"]) == ("carclf", "onnx", None)
    assert text["input"] == "pixels uint8 [B, H, W, 3] RGB"
    assert max(text["parity"]["worst"].values()) <= export.BOUND
    text = json.loads((litert / run.METADATA).read_text())
    assert (text["format"], text["classes"]) == ("litert", ["7", "8", "9"])
    assert text["input"] == "pixels uint8 [B, 48, 64, 3] RGB"
    assert "secret" not in json.dumps(text)


@pytest.mark.parametrize(
    ("to", "quantize"), [("onnx", "int8"), ("litert", "int8"), ("litert", "float16")]
)
def test_quantized(
    to: Format,
    quantize: Quantize,
    run_dir: Path,
    folder: Path,
    pictures: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Other answers than the run's, but not far from them; and what that costs is told."""
    made = export_to(run_dir, folder, to, pictures, quantize)
    text = json.loads((made / run.METADATA).read_text())
    worst = text["parity"]["worst"]["bytes"]
    assert 1e-6 < worst < (0.2 if quantize == "int8" else 0.01)
    assert text["quantizing"]["before"] == 1
    assert "agreement with the run: 1.0000 before" in capsys.readouterr().out


def test_quantizing_that_costs_too_much_fails(
    run_dir: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from carclf.trial import Trial

    accuracies = iter((0.9, 0.85))
    monkeypatch.setattr(Trial, "accuracy", lambda *_: next(accuracies))
    config = export.Config(run_dir, "litert", "float16", out=tmp_path / "out", check=(pictures,))
    with pytest.raises(exports.ParityError, match=r"costs 0\.0500 of the agreement.*than 0\.02"):
        export.export(config)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("to", "quantize", "reason"),
    [
        ("saved_model", "float16", "`quantize` must be left out, or `to` onnx or litert"),
        ("onnx", "int8", "`quantize` must be given with --data or --check"),
    ],
)
def test_what_is_not_offered(
    to: Format, quantize: Quantize, reason: str, run_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=reason):
        export.export(export.Config(run_dir, to, quantize, out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_data_are_for_quantizing(run_dir: Path) -> None:
    with pytest.raises(ValueError, match="`data` must be given with --quantize"):
        export.Config(run_dir, "onnx", data=Path("cars"))

"""Both models of plates as ONNX and LiteRT files: the run's answers, and what smaller costs."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from csv import DictReader
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from plates import predict
from plates.detector import export as finding
from plates.detector import predictor as detectors
from plates.detector import trial
from plates.detector.config import Config as DetectorConfig
from plates.detector.model import build as build_detector
from plates.reader import export as reading
from plates.reader import predictor as readers
from plates.reader import trial as reader_trial
from plates.reader.config import Config as ReaderConfig
from plates.reader.model import build as build_reader
from triptych import export as exports
from triptych import litert, run
from triptych.exported import Format, Quantize
from triptych.stage import Stage

pytest.importorskip("tf2onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("ai_edge_litert")

ALPHABET = "AB123"
SIDE = 64
SMALLER = [("onnx", "int8"), ("litert", "float16"), ("litert", "int8")]
# No framework is there.
PREDICT = """
import sys
sys.modules.update(dict.fromkeys(("tensorflow", "keras", "tf2onnx", "onnx")))
from pathlib import Path
from plates import predict
picture, detector, reader, csv = map(Path, sys.argv[1:])
predict.predict(predict.Config((picture,), detector, reader, csv=csv, least=0))
"""


@pytest.fixture(scope="module", autouse=True)
def opened_once() -> Iterator[None]:
    """Every export opens its run, which Keras then compiles: here each is opened once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "open", cache(readers.open))
        patch.setattr(detectors, "load", cache(detectors.load))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def reader(folder: Path) -> Path:
    """An untrained run with decided answers: noise reads as a text of several characters."""
    given: Any = {
        "backbone": "tiny",
        "weights": "none",
        "width": 16,
        "units": 8,
        "strides": (16, 8),
    }
    config = ReaderConfig(
        Path(), alphabet=ALPHABET, stages=(Stage(size="32x32"),), max_length=4, **given
    )
    keras.utils.set_random_seed(1)
    model = build_reader(config)
    head = model.get_layer("head")
    lines = head.get_layer("lines")
    kernels = [head.get_layer(name).kernel for name in ("narrow", "finer", "classes")]
    for weight, size in zip([lines.score, lines.vector, *kernels], (2, 2, 3, 3, 20), strict=True):
        weight.assign(keras.random.normal(weight.shape, 0, size, seed=3))
    return saved(folder / "reader", config, model)


@pytest.fixture(scope="module")
def detector(folder: Path) -> Path:
    """An untrained run to which nearly the whole of any picture is a plate."""
    given: Any = {"backbone": "tiny", "weights": "none", "width": 8}
    config = DetectorConfig(Path(), stages=(Stage(size=str(SIDE)),), **given)
    keras.utils.set_random_seed(0)
    model = build_detector(config)
    last = model.get_layer("head").get_layer("maps")
    last.set_weights([0.1 * last.get_weights()[0], np.array([2.0, 2.0])])
    return saved(folder / "detector", config, model)


def saved(folder: Path, config: object, model: keras.Model) -> Path:
    folder.mkdir()
    run.write_config(folder, config)
    model.save(folder / run.MODEL)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise under a gradient: a square one of the canvas's size, and a wide one."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, (height, width) in (("a.png", (SIDE, SIDE)), ("b.png", (40, 110))):
        noise = np.random.default_rng(3).integers(0, 256, (height, width, 3))
        shaded = noise * np.linspace(0.2, 1, height)[:, None, None]
        Image.fromarray(shaded.astype(np.uint8)).save(folder / name)
    return folder


@pytest.fixture(scope="module")
def litert_reader(reader: Path, pictures: Path) -> Path:
    return reading.export(reading.Config(reader, "litert", check=(pictures,)))


@pytest.fixture(scope="module")
def litert_detector(detector: Path, pictures: Path) -> Path:
    return finding.export(finding.Config(detector, "litert", check=(pictures,)))


def test_a_reader_in_litert(litert_reader: Path, reader: Path) -> None:
    """Any batch, and what the file says of itself, where any unzip can see it."""
    assert litert_reader == reader / "export" / "litert"
    crops = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    expected = readers.open(reader).log_probabilities(crops)
    # One column after the other matters, in both directions.
    assert np.abs(expected - expected[:, ::-1]).max() > 1
    opened = readers.open(litert_reader, threads=1)
    for batch in (3, 1):
        found = opened.log_probabilities(crops[:batch])
        np.testing.assert_allclose(found, expected[:batch], rtol=0, atol=1e-4)
    known = json.loads(zipfile.ZipFile(litert_reader / litert.FILE).read("metadata.json"))
    assert (known["alphabet"], known["format"]) == (ALPHABET, "litert")
    assert known["input"] == "pixels uint8 [B, 32, 32, 3] RGB"
    text = json.loads((litert_reader / run.METADATA).read_text())
    assert max(text["parity"]["worst"].values()) <= 1e-3


def test_a_detector_in_litert(litert_detector: Path, detector: Path) -> None:
    """Canvases are the file's square, in the second look too; the run's own maps there."""
    opened, own = detectors.open(litert_detector, threads=1), detectors.open(detector)
    canvases = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    np.testing.assert_allclose(opened.maps(canvases), own.maps(canvases), rtol=0, atol=1e-5)
    picture = np.random.default_rng(1).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    shapes = []

    def maps(canvases: np.ndarray) -> np.ndarray:
        shapes.append(canvases.shape)
        return own.maps(canvases)

    same = detectors.Detector(maps, own.config, fixed=True)
    ((expected,),) = same.detect([picture])
    assert shapes == [(1, SIDE, SIDE, 3)] * 2
    ((found,),) = opened.detect([picture])
    np.testing.assert_allclose(found.corners, expected.corners, rtol=0, atol=1e-2)
    assert found.score == pytest.approx(expected.score, abs=1e-5)
    assert detectors.open(litert_detector, SIDE).config.side == SIDE
    with pytest.raises(
        ValueError, match=r"`size` must be left out, or 64, which .*litert was made"
    ):
        detectors.open(litert_detector, 128)


def test_plates_are_read_with_them_without_a_framework(
    litert_reader: Path,
    litert_detector: Path,
    reader: Path,
    detector: Path,
    pictures: Path,
    tmp_path: Path,
) -> None:
    """As with the runs: on a photograph as large as the canvas, both see the same."""
    picture, csv = pictures / "a.png", tmp_path / "found.csv"
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, picture, litert_detector, litert_reader, csv],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    expected = tmp_path / "expected.csv"
    predict.predict(predict.Config((picture,), detector, reader, csv=expected, least=0))
    texts = (path.read_text().splitlines() for path in (csv, expected))
    (found,), (wanted,) = (list(DictReader(text)) for text in texts)
    assert len(wanted["text"]) > 1
    assert found.keys() == wanted.keys()
    assert found["text"] == wanted["text"]
    for name in ("score", "confidence", "x0", "y2"):
        assert float(found[name]) == pytest.approx(float(wanted[name]), abs=2e-2)


@pytest.mark.parametrize(("to", "quantize"), SMALLER)
def test_a_smaller_reader(
    to: Format,
    quantize: Quantize,
    reader: Path,
    pictures: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = reading.Config(reader, to, quantize, lose=1, out=tmp_path / "out", check=(pictures,))
    text = json.loads((reading.export(config) / run.METADATA).read_text())
    worst = max(text["parity"]["worst"].values())
    assert 1e-5 < worst < (5 if quantize == "int8" else 0.2)
    assert text["quantizing"]["before"] == 1
    assert "texts that are the run's: 1.0000 before" in capsys.readouterr().out
    if (to, quantize) == ("litert", "int8"):
        interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter
        tensors = interpreter(str(tmp_path / "out" / litert.FILE)).get_tensor_details()
        small = {tensor["name"] for tensor in tensors if tensor["dtype"] == np.int8}
        assert any("conv" in name for name in small)
        assert not [name for name in small if "lines" in name or "in_float" in name]


@pytest.mark.parametrize(("to", "quantize"), SMALLER)
def test_a_smaller_detector(
    to: Format, quantize: Quantize, detector: Path, pictures: Path, tmp_path: Path
) -> None:
    config = finding.Config(detector, to, quantize, lose=1, out=tmp_path / "out", check=(pictures,))
    made = finding.export(config)
    text = json.loads((made / run.METADATA).read_text())
    assert (text["quantize"], text["quantizing"]["before"]) == (quantize, 1)
    worst = text["parity"]["worst"]["maps"]
    canvases = np.stack([np.array(Image.open(pictures / "a.png"))])
    off = np.abs(detectors.open(made).maps(canvases) - detectors.open(detector).maps(canvases))
    assert 1e-7 < off.max() <= worst < (0.05 if quantize == "int8" else 1e-3)


def test_corners_in_8_bits(tmp_path: Path) -> None:
    """The last convolution is in float: offsets of tens of cells are off by their inputs alone."""
    given: Any = {"backbone": "tiny", "weights": "none", "width": 8, "head": "corners"}
    config = DetectorConfig(Path(), stages=(Stage(size=str(SIDE)),), **given)
    keras.utils.set_random_seed(0)
    model = build_detector(config)
    last = model.get_layer("head").get_layer("maps")
    kernel, bias = last.get_weights()
    bias[1:] = np.linspace(-40, 40, 8)
    last.set_weights([kernel, bias])
    canvases = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), dtype=np.uint8)
    words = finding.Config(Path(), "litert", "int8")
    judged = trial.Trial([canvases], [], [], "")
    known = {"task": "plates.detector", "config": {"stages": [{"size": str(SIDE)}]}}
    finding._write_file(tmp_path, model, config, known, words, judged)
    found = detectors.open(tmp_path).maps(canvases)
    expected = detectors.compiled(model, "corners")(canvases)
    assert found.shape == expected.shape == (1, SIDE // 4, SIDE // 4, 9)
    assert 1e-6 < np.abs(found - expected).max() < 0.05


def test_quantizing_that_costs_too_much_fails(
    reader: Path, detector: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left of it. What is written does not matter here, so the runs stand for it."""
    texts, plates = readers.open(reader), detectors.open(detector)
    rest: Any = {"out": tmp_path / "out", "check": (pictures,)}

    def written(folder: Path, *_: object) -> exports.Opened:
        run.write_json(folder / run.METADATA, {})
        return exports.Opened(reading.ask(texts), None)

    for task, models, model, kind, measure in (
        (reading, readers, texts, reader_trial.Trial, "exact"),
        (finding, detectors, plates, trial.Trial, "precision"),
    ):
        shares = iter((0.9, 0.85))
        monkeypatch.setattr(task, "_write_file", written)
        monkeypatch.setattr(models, "open", lambda *_, model=model: model)
        monkeypatch.setattr(kind, measure, lambda *_, shares=shares: next(shares))
    with pytest.raises(exports.ParityError, match=r"costs 0\.0500 of the texts.*than 0\.02"):
        reading.export(reading.Config(reader, "onnx", "float16", **rest))
    with pytest.raises(exports.ParityError, match=r"costs 0\.0500 of the average.*than 0\.02"):
        finding.export(finding.Config(detector, "onnx", "float16", **rest))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("task", [reading, finding])
def test_what_is_not_offered(task: Any, reader: Path, detector: Path, tmp_path: Path) -> None:
    source = reader if task is reading else detector
    with pytest.raises(ValueError, match="`quantize` must be left out, or `to` onnx or litert"):
        task.export(task.Config(source, quantize="float16"))
    with pytest.raises(ValueError, match="`quantize` must be given with --data or --check"):
        task.export(task.Config(source, "litert", "int8"))
    with pytest.raises(ValueError, match="`data` must be given with --quantize"):
        task.Config(source, "litert", data=tmp_path)


def test_mask_rcnn_has_two_forms(detector: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = DetectorConfig(Path(), head="maskrcnn", monitor="loss")
    monkeypatch.setattr(detectors, "load", lambda *_: (None, config))
    with pytest.raises(ValueError, match="`to` must be saved_model or onnx, of a maskrcnn"):
        finding.export(finding.Config(detector, "litert"))
    with pytest.raises(ValueError, match="`quantize` must be left out or float16, of a maskrcnn"):
        finding.export(finding.Config(detector, "onnx", "int8", check=(detector,)))
    assert not (detector / "export" / "onnx-int8").exists()

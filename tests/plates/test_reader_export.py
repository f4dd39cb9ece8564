"""A reader exported: its texts and confidences where Triptych is not, or nothing at all."""

import io
import json
import re
import subprocess
import sys
from csv import DictReader
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from plates.reader import decode, export, graph, predict, predictor
from plates.reader.config import Config
from plates.reader.model import build
from triptych import command, run
from triptych.stage import Stage

ALPHABET = "AB123"
SIZE = (32, 64)

# No model library, and nothing of this house, though it may be installed beside TensorFlow.
ALONE = """
import json, sys
sys.modules.update(dict.fromkeys(("keras", "triptych", "plates", "callbacks", "PIL", "cv2")))
import tensorflow as tf
signatures = tf.saved_model.load(sys.argv[1]).signatures
files = [tf.io.read_file(name) for name in sys.argv[2:]]
answers = signatures["serving_default"](bytes=tf.stack(files))
pixels = signatures["pixels"](pixels=tf.io.decode_png(files[0], channels=3)[None])
values = {key: value.numpy().tolist() for key, value in answers.items() if key != "text"}
for key, found in (("text", answers), ("pixels", pixels)):
    values[key] = [text.decode() for text in found["text"].numpy()]
values["json"] = signatures["metadata"]()["json"].numpy().decode()
print(json.dumps(values))
"""


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained run with decided answers: whatever changes in the picture changes the text."""
    config = Config(
        data=Path("secret/place"),
        extra=(Path("secret/more.csv"),),
        start="secret/run",
        backbone="tiny",
        weights="none",
        alphabet=ALPHABET,
        grammar="LD",
        stages=(Stage(size="32x64"),),
        strides=(16, 8),
        width=16,
        units=8,
    )
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    folder.mkdir()
    run.write_config(folder, config)
    keras.utils.set_random_seed(1)
    model = build(config)
    head = model.get_layer("head")
    lines = head.get_layer("lines")
    kernels = [head.get_layer(name).kernel for name in ("narrow", "finer", "classes")]
    kernels.append(head.get_layer("mix").pointwise_kernel)
    for weight, size in zip(
        [lines.score, lines.vector, *kernels], (2, 2, 3, 3, 20, 2), strict=True
    ):
        weight.assign(keras.random.normal(weight.shape, 0, size, seed=3))
    model.save(folder / run.MODEL)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A large PNG of odd sides, and a small JPEG on its side; by their shades they have an up."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(3).integers(0, 256, (41, 121, 3), dtype=np.uint8)
    image = Image.fromarray((noise * np.linspace(0, 1, 41)[:, None, None]).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.resize((1207, 413)).save(folder / "a.png")
    image.crop((0, 0, 3, 41)).save(folder / "thin.png")
    image.save(folder / "b.jpg", exif=exif)
    return folder


@pytest.fixture(scope="module")
def exported(run_dir: Path, pictures: Path) -> Path:
    return export.export(export.Config(run_dir, check=(pictures,)))


@pytest.mark.parametrize(("columns", "blank"), [(1, 0), (7, 0), (24, 3), (24, 100)])
def test_decoding_is_that_of_numpy(columns: int, blank: float) -> None:
    """Crowded columns, plausible ones, and such that hold no text."""
    rng = np.random.default_rng(columns)
    logits = rng.normal(0, 3, (5, columns, len(ALPHABET) + 1))
    logits[..., 0] += blank
    log_probs = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    log_probs = log_probs.astype(np.float32)
    found = tf.function(lambda x: graph.greedy(x, ALPHABET), autograph=False)(log_probs)
    expected = decode.greedy(log_probs, ALPHABET)
    assert [text.decode() for text in found["text"].numpy()] == [e.text for e in expected]
    np.testing.assert_allclose(found["confidence"], [e.confidence for e in expected], atol=1e-6)
    padded = [(*e.characters, *[0.0] * (columns - len(e.text))) for e in expected]
    np.testing.assert_allclose(found["characters"], padded, rtol=0, atol=1e-6)


def test_answers_without_triptych_and_keras(
    run_dir: Path, exported: Path, pictures: Path, tmp_path: Path
) -> None:
    paths = [pictures / "a.png", pictures / "b.jpg"]
    program = subprocess.run(
        [sys.executable, "-c", ALONE, exported, *paths],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.returncode == 0, program.stderr[-2000:]
    answers = json.loads(program.stdout.splitlines()[-1])
    csv = tmp_path / "readings.csv"
    predict.predict(predict.Config((run_dir, *paths), csv, grammar=""))
    expected = list(DictReader(csv.read_text().splitlines()))
    texts = [reading["text"] for reading in expected]
    assert answers["text"] == texts
    assert answers["pixels"] == texts[:1]
    assert texts[0] != texts[1]
    assert all(texts)
    for i, reading in enumerate(expected):
        assert answers["confidence"][i] == pytest.approx(float(reading["confidence"]), abs=1e-4)
        each, sure = answers["characters"][i], [float(c) for c in reading["characters"].split()]
        assert each[: len(texts[i])] == pytest.approx(sure, abs=1e-4)
        assert not any(each[len(texts[i]) :])
    assert np.exp(answers["log_probabilities"]).sum(axis=-1) == pytest.approx(1, abs=1e-5)
    assert "failed" not in program.stderr  # an optimizer that gives up says so, and goes on
    assert json.loads(answers["json"])["alphabet"] == ALPHABET


def test_says_what_it_is(exported: Path, run_dir: Path) -> None:
    assert exported == run_dir / "export" / "saved_model"
    text = json.loads((exported / "metadata.json").read_text())
    assert (text["task"], text["alphabet"], text["blank"]) == ("plates.reader", ALPHABET, 0)
    assert text["size"] == {"height": SIZE[0], "width": SIZE[1]}
    assert "grammar" in text["decoding"]
    assert text["config"]["grammar"] == "LD"
    assert text["parity"]["worst"]["bytes"] <= export.BOUND
    # One of three is too small for the run itself to answer.
    assert text["parity"]["pictures"] == 2
    assert "secret" not in json.dumps(text)


class OtherText:
    """What the run itself answers, but for one character of one text."""

    def __init__(self, model: predictor.Predictor) -> None:
        self.model = model

    def from_bytes(self, pictures: list[bytes]) -> dict[str, np.ndarray]:
        found = export.answers(self.model, pictures)
        found["text"][-1, 0] += 1
        return found

    def from_pixels(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        file = io.BytesIO()
        Image.fromarray(pictures[0]).save(file, "PNG")
        return export.answers(self.model, [file.getvalue()])


def test_another_text_fails(
    run_dir: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """However small the numbers' difference; exit status 1, and nothing is left."""
    monkeypatch.setattr(export, "_write_saved_model", lambda folder, model, text: OtherText(model))
    config = export.Config(run_dir, out=tmp_path / "out", check=(pictures,))
    with pytest.raises(SystemExit) as stop:
        command.run(export.export, config)
    assert stop.value.code == 1
    assert re.search(r"disagrees with the run: bytes of .*b\.jpg", capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


def test_texts_as_numbers() -> None:
    assert export.spelled(["A1", ""], 3).tolist() == [[65, 49, 0], [0, 0, 0]]


def test_onnx(run_dir: Path, tmp_path: Path) -> None:
    """Both GRUs, whatever the batch, and what the file says of itself."""
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    folder = export.export(export.Config(run_dir, to="onnx", out=tmp_path / "out"))
    file = folder / "model.onnx"
    crops = np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3), dtype=np.uint8)
    expected = predictor.open(run_dir).log_probabilities(crops)
    session = predictor.open(folder, threads=1)
    for batch in (1, 3):
        found = session.log_probabilities(crops[:batch])
        np.testing.assert_allclose(found, expected[:batch], rtol=0, atol=1e-4)
    # Opened like a run, it reads as the run does, with views and its grammar.
    both = [predictor.open(one).read(3, crops.__getitem__, ("shift",)) for one in (run_dir, folder)]
    assert [r.text for r in both[1]] == [r.text for r in both[0]]
    assert predictor.open(folder).config.grammar == "LD"
    sure = [r.confidence for r in both[0]]
    assert [r.confidence for r in both[1]] == pytest.approx(sure, abs=1e-3)
    known: dict[str, Any] = onnxruntime.InferenceSession(file).get_modelmeta().custom_metadata_map
    assert known["alphabet"] == ALPHABET
    assert json.loads(known["size"]) == {"height": SIZE[0], "width": SIZE[1]}
    text = json.loads((folder / "metadata.json").read_text())
    assert (text["format"], text["version"]) == ("onnx", json.loads(known["version"]))
    assert max(text["parity"]["worst"].values()) <= export.BOUND
    assert "secret" not in json.dumps([text, known])


def test_a_csv_is_no_picture(run_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "plates.csv").touch()
    config = export.Config(run_dir, out=tmp_path / "out", check=(tmp_path / "plates.csv",))
    with pytest.raises(ValueError, match=r"`check` must be pictures .*plates\.csv"):
        export.export(config)
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_into_the_package(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(predictor, "SHIPPED", run_dir)
    monkeypatch.chdir(tmp_path)
    for name in (Path("shipped"), run_dir):
        with pytest.raises(ValueError, match="`out` must be a folder outside of the package"):
            export.export(export.Config(name))
    (tmp_path / "shipped").mkdir()
    with pytest.raises(ValueError, match="shipped"):  # a folder of one's own is meant by its name
        export.export(export.Config(Path("shipped")))

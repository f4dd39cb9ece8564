"""A detector exported: the run's plates where Triptych is not."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from PIL import Image, ImageDraw

from plates.detector import export, predictor
from plates.detector.config import Config
from plates.detector.plate import Plate
from triptych import export as exports
from triptych import run
from triptych.images import decode
from triptych.stage import Stage

# No model library, and nothing of this house, though it may be installed beside TensorFlow.
ALONE = """
import json, sys
sys.modules.update(dict.fromkeys(("keras", "triptych", "plates", "callbacks", "PIL", "cv2")))
import tensorflow as tf
signatures = tf.saved_model.load(sys.argv[1]).signatures
files = [tf.io.read_file(name) for name in sys.argv[2:]]
answers = signatures["serving_default"](bytes=tf.stack(files))
pixels = signatures["pixels"](pixels=tf.io.decode_png(files[0], channels=3)[None])
values = {key: value.numpy().tolist() for key, value in answers.items()}
values["pixels"] = pixels["corners"].numpy().tolist()
values["json"] = signatures["metadata"]()["json"].numpy().decode()
print(json.dumps(values))
"""


def sized(config: Config, size: int | None) -> Config:
    return replace(config, eval_size=size)


def _stand_in() -> keras.Model:
    """It sees plates in what is pure red, and their cores a few pixels inside."""
    image = keras.Input((None, None, 3), dtype="uint8")
    values = ops.cast(image, "float32")
    red = ops.clip(values[..., :1] - values[..., 1:2], 0, 255) / 255
    core = -layers.MaxPooling2D(5, strides=1, padding="same")(-red)
    means = layers.Conv2D(2, 4, strides=4)
    maps = means(layers.Concatenate()([red, core]))
    kernel = np.zeros((4, 4, 2, 2))
    kernel[..., [0, 1], [0, 1]] = 12 / 16
    means.set_weights([kernel, np.array([-6.0, -6.0])])
    return keras.Model(image, maps)


@pytest.fixture(scope="module", autouse=True)
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run folder whose model is the stand-in."""
    config = Config(Path("secret/place"), stages=(Stage(size="128"),), start="secret/run")
    folder = tmp_path_factory.mktemp("runs") / "red"
    folder.mkdir()
    run.write_config(folder, config)
    model = _stand_in()
    model.save(folder / run.MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictor, "load", lambda _, size=None: (model, sized(config, size)))
        yield folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph with a large plate and a small one, one without any, and one on its side."""
    folder = tmp_path_factory.mktemp("pictures")
    image = Image.new("RGB", (420, 300), (90, 90, 90))
    draw = ImageDraw.Draw(image)
    draw.polygon([(20, 60), (250, 83), (248, 133), (18, 110)], "red")
    draw.polygon([(300, 190), (400, 199), (399, 239), (299, 230)], "red")  # 30 canvas pixels wide
    image.save(folder / "a.png")
    Image.new("RGB", (30, 40), "blue").save(folder / "b.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.crop((0, 40, 200, 150)).save(folder / "c.jpg", exif=exif)
    return folder


@pytest.fixture(scope="module")
def exported(run_dir: Path, pictures: Path) -> Path:
    return export.export(export.Config(run_dir, check=(pictures,)))


def test_answers_without_triptych_and_keras(
    exported: Path, run_dir: Path, pictures: Path, tmp_path: Path
) -> None:
    paths = sorted(pictures.iterdir())
    program = subprocess.run(
        [sys.executable, "-c", ALONE, exported, *paths],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.returncode == 0, program.stderr[-2000:]
    answers = json.loads(program.stdout.splitlines()[-1])
    detector, images = predictor.open(run_dir), [decode(path) for path in paths]
    expected = detector.detect(images)
    assert answers["count"] == [2, 0, 1] == [len(plates) for plates in expected]
    for plates, quads, scores in zip(expected, answers["corners"], answers["scores"], strict=True):
        assert (len(quads), len(scores)) == (2, 2)
        padded = [plate.corners for plate in plates] + [np.zeros((4, 2))] * (2 - len(plates))
        np.testing.assert_allclose(quads, padded, atol=0.01)
        assert scores[: len(plates)] == pytest.approx([p.score for p in plates], abs=1e-5)
    np.testing.assert_allclose(answers["pixels"], answers["corners"][:1], atol=1e-4)
    # The second look moved the small one.
    first = detector.detect(images[:1], refine=False)[0]
    moved = [np.abs(a.corners - b.corners).max() for a, b in zip(first, expected[0], strict=True)]
    assert min(moved) == 0
    assert max(moved) > 0.2
    assert json.loads(answers["json"])["task"] == "plates.detector"


def test_says_what_it_is(exported: Path, run_dir: Path) -> None:
    assert exported == run_dir / "export" / "saved_model"
    text = json.loads((exported / "metadata.json").read_text())
    known = {name: text[name] for name in ("side", "stride", "head", "least")}
    assert known == {"side": 128, "stride": 4, "head": "unet", "least": predictor.LEAST}
    assert max(text["parity"]["worst"].values()) <= export.BOUND
    assert text["parity"]["pictures"] == 3
    assert "secret" not in json.dumps(text)


@pytest.mark.parametrize("to", ["saved_model", "onnx"])
def test_at_another_size(to: Any, run_dir: Path, pictures: Path, tmp_path: Path) -> None:
    """The export looks at photographs as large as it was told, and parity is that of this size."""
    words = export.Config(run_dir, to=to, out=tmp_path / to, size=256, check=(pictures,))
    told = json.loads((export.export(words) / "metadata.json").read_text())
    assert (told["side"], told["config"]["eval_size"]) == (256, 256)
    if to == "onnx":
        assert predictor.open(tmp_path / to).config.side == 256
        assert predictor.open(tmp_path / to, 64).config.side == 64


QUAD = np.array([[0.0, 0], [40, 0], [40, 20], [0, 20]])


class Fixed:
    """Finds one plate in pictures of more than one row."""

    config = Config(Path("data"), stages=(Stage(size="64"),))

    def detect(self, images: list[np.ndarray]) -> list[list[Plate]]:
        return [[Plate(QUAD, 0.5)] * (len(image) > 1) for image in images]


def test_differences_by_hand() -> None:
    """256 pixels are 64 of the canvas: 8 are 2; and 0.01 of a score is 0.5."""
    pictures = {}
    for name, size in (("a", (256, 128)), ("b", (256, 128)), ("c", (256, 1)), ("d", (64, 64))):
        file = io.BytesIO()
        Image.new("RGB", size).save(file, "PNG")
        pictures[name] = file.getvalue()
    answers = {
        "corners": np.stack([[QUAD], [QUAD + np.array([8, -4])], [QUAD], [QUAD]]),
        "scores": np.array([[0.51], [0.5], [0.5], [np.nan]]),
    }

    def ask(count: list[int]) -> dict[str, np.ndarray]:
        ways = {"way": lambda _: export.unpadded(answers | {"count": np.array(count)})}
        return export.differences(ways, Fixed(), pictures)  # type: ignore[arg-type]

    assert ask([1, 1, 0, 1])["way"].tolist() == pytest.approx([0.5, 2, 0, np.inf])
    assert ask([0, 1, 1, 0])["way"].tolist() == pytest.approx([np.inf, 2, np.inf, np.inf])


def test_another_plate_fails(
    run_dir: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = {"corners": np.zeros((0, 4, 2)), "scores": np.zeros(0)}
    ways = {"bytes": lambda some: [nothing] * len(some)}
    monkeypatch.setattr(export, "_write_saved_model", lambda *_: ways)
    config = export.Config(run_dir, out=tmp_path / "out", check=(pictures,))
    with pytest.raises(exports.ParityError, match=r"bytes of .*a\.png differ by inf"):
        export.export(config)
    assert list(tmp_path.iterdir()) == []


def test_onnx(run_dir: Path, pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    config = export.Config(run_dir, to="onnx", out=tmp_path / "out", check=(pictures,))
    folder = export.export(config)
    assert (folder / "model.onnx").exists()
    text = json.loads((folder / "metadata.json").read_text())
    assert (text["format"], text["side"]) == ("onnx", 128)
    assert text["parity"]["worst"]["maps"] <= export.BOUND


def test_nothing_is_written_into_the_package(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(predictor, "SHIPPED", run_dir)
    with pytest.raises(ValueError, match="`out` must be a folder outside of the package"):
        export.export(export.Config(Path("shipped")))
    (tmp_path / "plates.csv").touch()
    config = export.Config(run_dir, out=tmp_path / "out", check=(tmp_path / "plates.csv",))
    with pytest.raises(ValueError, match=r"`check` must be pictures .*plates\.csv"):
        export.export(config)

"""A run exported: points in the picture's own pixels where Triptych is not, or nothing at all."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from landmarks import export, predictor
from landmarks.geometry import centre_crop
from landmarks.warp import crop
from triptych import command, graph_images, images

POINTS, SIDE = 5, 64

# No model library, and nothing of this house, though it may be installed beside TensorFlow.
ALONE = """
import json, sys
sys.modules.update(dict.fromkeys(("keras", "triptych", "landmarks", "callbacks", "PIL", "cv2")))
import tensorflow as tf
signatures = tf.saved_model.load(sys.argv[1]).signatures
files = [tf.io.read_file(name) for name in sys.argv[2:]]
answers = signatures["serving_default"](bytes=tf.stack(files))
pixels = tf.stack([tf.io.decode_png(files[0], channels=3)] * 2)
answers["pixels"] = signatures["pixels"](pixels=pixels)["points"]
values = {key: value.numpy().tolist() for key, value in answers.items()}
values["json"] = signatures["metadata"]()["json"].numpy().decode()
print(json.dumps(values))
"""


@pytest.fixture(scope="module")
def exported(run_dir: Path) -> Path:
    return export.export(export.Config(run_dir))


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
    expected = predictor.open(run_dir).predict(2, lambda i: images.decode(paths[i]))
    assert expected.spread is not None
    # Points that lie apart, and elsewhere in another picture.
    assert np.ptp(expected.points, axis=1).min() > 1
    assert np.abs(expected.points[0] - expected.points[1]).max() > 1
    np.testing.assert_allclose(answers["points"], expected.points, rtol=0, atol=1e-3)
    np.testing.assert_allclose(answers["pixels"], expected.points[[0, 0]], rtol=0, atol=1e-3)
    np.testing.assert_allclose(answers["spread"], expected.spread, rtol=1e-4)
    assert "failed" not in program.stderr  # an optimizer that gives up says so, and goes on
    assert json.loads(answers["json"])["points"] == POINTS


def test_says_what_it_is(exported: Path, run_dir: Path) -> None:
    assert exported == run_dir / "export" / "saved_model"
    text = json.loads((exported / "metadata.json").read_text())
    assert (text["task"], text["points"], text["spread"]) == ("landmarks", POINTS, True)
    assert text["mirror"] == [1, 0, 2, 4, 3]
    assert text["size"] == {"height": SIDE, "width": SIDE}
    assert text["config"]["loss"] == "laplace"
    assert text["parity"]["worst"]["bytes"] <= export.BOUND
    assert "secret" not in json.dumps(text)


def half_a_pixel_aside(
    batch: tf.Tensor,
    size: tuple[int, int],
    box: tuple[tf.Tensor, ...],
    resize: Callable[..., tf.Tensor] = graph_images.resize,
) -> tf.Tensor:
    left, top, right, bottom = box
    half = (right - left) / size[1] / 2
    return resize(batch, size, (left + half, top, right + half, bottom))


def test_broken_export_fails(
    run_dir: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit status 1, and nothing is left."""
    monkeypatch.setattr(graph_images, "resize", half_a_pixel_aside)
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as stop:
        command.run(export.export, export.Config(run_dir, out=out, check=(pictures,)))
    assert stop.value.code == 1
    assert re.search("disagrees with the run: bytes", capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def prepare() -> tf.types.experimental.PolymorphicFunction:
    signature = [tf.TensorSpec((None, None, None, 3), tf.uint8)]
    return tf.function(export.prepare(SIDE), input_signature=signature)


@pytest.mark.parametrize(
    "shape",
    [(64, 64), (64, 65), (65, 64), (90, 121), (333, 200), (31, 500), (501, 30), (2, 3), (1, 1)],
)
def test_crop_is_that_of_warp(
    shape: tuple[int, int], prepare: tf.types.experimental.PolymorphicFunction
) -> None:
    """To the bit; and the frame is the way back of `centre_crop`, up to the edge's 0 and 1."""
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    crops, frames = prepare(np.stack([image, image[::-1]]))
    np.testing.assert_array_equal(crops[0], crop(image, SIDE))
    np.testing.assert_array_equal(crops[1], crop(image[::-1], SIDE))
    corner, square = frames[1, :2].numpy(), frames[1, 2].numpy()
    shares = np.array([[0, 0], [1, 1], [0.3, -0.1]])
    back = centre_crop(*shape, SIDE).inverse()(shares * SIDE - 0.5)
    np.testing.assert_allclose(shares * square + corner - 0.5, back, rtol=0, atol=1e-5 * square)


class Says(keras.layers.Layer):
    """The same of whatever it is shown."""

    def __init__(self, said: np.ndarray) -> None:
        super().__init__()
        self.said = said
        self.built = True

    def call(self, crops: Any, training: bool = False) -> Any:
        return keras.ops.convert_to_tensor(self.said)


def test_answer_by_hand() -> None:
    """Of a picture 7 wide and 4 high: the square starts at x = 1.5 - 0.5 and ends at 5.5 - 0.5."""
    found = np.array([[[0.5, 0.5, np.log(0.25)], [0, 0, 0], [1, 1, np.log(2)]]], np.float32)
    model: Any = SimpleNamespace(model=Says(found), spread=True, shift=0.25)
    frames = tf.constant([[1.5, 0, 4]])
    answers = export.answer(model)(np.zeros((1, 8, 8, 3), np.uint8), frames)
    np.testing.assert_allclose(
        answers["points"][0], [[3.25, 1.5], [1.25, -0.5], [5.25, 3.5]], rtol=1e-6
    )
    np.testing.assert_allclose(answers["spread"][0], [1, 4, 8], rtol=1e-6)


def test_no_spread_without_one() -> None:
    model: Any = SimpleNamespace(model=Says(np.zeros((2, 3, 2))), spread=False, shift=0.0)
    answers = export.answer(model)(np.zeros((2, 8, 8, 3), np.uint8), tf.ones((2, 3)))
    assert {name: value.shape.as_list() for name, value in answers.items()} == {"points": [2, 3, 2]}


def test_a_csv_is_no_picture(run_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "landmarks.csv").touch()
    config = export.Config(run_dir, out=tmp_path / "out", check=(tmp_path / "landmarks.csv",))
    with pytest.raises(ValueError, match=r"`check` must be pictures .*landmarks\.csv"):
        export.export(config)
    assert not (tmp_path / "out").exists()

"""ONNX files: what they say of themselves, and what is said when one cannot be used."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triptych import exported, onnx

pytest.importorskip("tf2onnx")
pytest.importorskip("onnxruntime")


@dataclass(frozen=True)
class Config:
    """As a task's: the data's place has no default, and is not in an export."""

    data: Path
    side: int = 1

    def __post_init__(self) -> None:
        if self.side < 1:
            raise ValueError(f"`side` must be positive; received: side={self.side}")


def _half(pixels: Any) -> Any:
    import tensorflow as tf

    return {"halves": tf.cast(pixels, tf.float32) / 2}


@pytest.fixture(scope="module")
def model() -> Any:
    return onnx.convert(_half)


def test_any_size_and_what_it_says_of_itself(model: Any, tmp_path: Path) -> None:
    file = tmp_path / onnx.FILE
    onnx.save(model, file, {"task": "cats", "config": {"side": 3}, "name": "Ä"}, alphabet="AB")
    session = onnx.Session(file, threads=1)
    for shape in ((2, 1, 4, 3), (1, 5, 2, 3)):
        pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
        np.testing.assert_array_equal(session(pixels)["halves"], pixels / 2)
    assert exported.config(session, Config) == Config(Path(), side=3)
    texts = onnx.Session(file)._session.get_modelmeta().custom_metadata_map
    assert (texts["alphabet"], json.loads(texts["name"])) == ("AB", "Ä")
    onnx.save(model, file, {"task": "cats", "config": {"side": 0}})
    with pytest.raises(ValueError, match="`side` must be positive"):
        exported.config(onnx.Session(file), Config)
    onnx.save(model, file, {})
    with pytest.raises(ValueError, match="must have the config of its training"):
        exported.config(onnx.Session(file), Config)


def test_resizing_in_the_graph_is_that_of_pillow(tmp_path: Path) -> None:
    """To the bit, whatever the size."""
    import tensorflow as tf

    from triptych import graph_images, images

    resize = tf.function(lambda pixels: {"small": graph_images.resize(pixels, (20, 30))})
    onnx.save(onnx.convert(resize), tmp_path / onnx.FILE, {})
    session = onnx.Session(tmp_path / onnx.FILE)
    rng = np.random.default_rng(0)
    for shape in ((20, 30), (97, 62), (13, 200), (300, 9), (1, 1)):
        picture = rng.integers(0, 256, (*shape, 3), np.uint8)
        found = session(np.stack([picture, picture[::-1]]))["small"]
        np.testing.assert_array_equal(found[0], images.resize(picture, (20, 30)))
        np.testing.assert_array_equal(found[1], images.resize(picture[::-1], (20, 30)))


def test_quantized(tmp_path: Path) -> None:
    """A convolution's answers move a little, by half precision less; its weights shrink."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    kernels = {"first": rng.normal(0, 0.01, (64, 3, 3, 3)), "wide": rng.normal(0, 0.1, (64,) * 2)}
    kernels["wide"] = kernels["wide"][..., None, None] * np.ones((3, 3))
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["channels"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["channels", "first"], ["a"], pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "wide"], ["features"], pads=[1] * 4),
    ]
    graph = helper.make_graph(
        nodes,
        "two",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ("B", 16, 16, 3))],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ("B", 64, 16, 16))],
        [numpy_helper.from_array(k.astype(np.float32), name) for name, k in kernels.items()],
    )
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    pixels = rng.integers(0, 256, (4, 16, 16, 3), np.uint8)
    ways: dict[str, Any] = {"float": model}
    ways["float16"] = onnx.quantized(model, "float16")
    ways["int8"] = onnx.quantized(model, "int8", [pixels])
    sizes, answers = {}, {}
    for how, made in ways.items():
        onnx.save(made, tmp_path / onnx.FILE, {"task": "cats"})
        sizes[how] = (tmp_path / onnx.FILE).stat().st_size
        session = onnx.Session(tmp_path / onnx.FILE)
        assert session.metadata == {"task": "cats"}
        answers[how] = session(pixels)["features"]
    assert sizes["float16"] < 0.55 * sizes["float"]
    assert sizes["int8"] < 0.35 * sizes["float"]
    away = {how: np.abs(answer - answers["float"]).max() for how, answer in answers.items()}
    assert 0 < away["float16"] < 0.002 * np.ptp(answers["float"])
    assert away["float16"] < away["int8"] < 0.05 * np.ptp(answers["float"])


def test_no_such_file_and_no_onnxruntime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / onnx.FILE
    with pytest.raises(FileNotFoundError):
        onnx.Session(file)
    file.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"model\.onnx cannot be run by onnxruntime"):
        onnx.Session(file)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'triptych\[onnx\]'"):
        onnx.Session(file)


def test_what_is_kept_stays_in_float(tmp_path: Path) -> None:
    """Of two convolutions in 8 bits the named one is exact."""
    import tensorflow as tf

    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 4)).astype(np.float32)

    def call(pixels: Any) -> Any:
        values = tf.cast(pixels, tf.float32) / 255
        with tf.name_scope("head"):
            exact = tf.nn.conv2d(values, kernel, 1, "SAME", name="maps")
        return {
            "exact": exact,
            "rough": tf.nn.conv2d(values - 0.5, 2 * kernel, 1, "VALID", name="body"),
        }

    pixels = np.random.default_rng(1).integers(0, 256, (1, 8, 8, 3), np.uint8)
    made = onnx.quantized(onnx.convert(call), "int8", [pixels], ("/maps",))
    onnx.save(made, tmp_path / onnx.FILE, {})
    found, expected = onnx.Session(tmp_path / onnx.FILE)(pixels), call(tf.constant(pixels))
    np.testing.assert_allclose(found["exact"], expected["exact"], atol=1e-5)
    assert np.abs(found["rough"] - expected["rough"]).max() > 1e-4

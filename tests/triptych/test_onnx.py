"""ONNX files: what they say of themselves, and what is said when one cannot be used."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triptych import onnx

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

    return tf.cast(pixels, tf.float32) / 2


@pytest.fixture(scope="module")
def model() -> Any:
    return onnx.convert(_half, "halves")


def test_any_size_and_what_it_says_of_itself(model: Any, tmp_path: Path) -> None:
    file = tmp_path / onnx.FILE
    onnx.save(model, file, {"task": "cats", "config": {"side": 3}, "name": "Ä"}, alphabet="AB")
    session = onnx.Session(file, threads=1)
    for shape in ((2, 1, 4, 3), (1, 5, 2, 3)):
        pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
        np.testing.assert_array_equal(session(pixels), pixels / 2)
    assert session.config(Config, "cats") == Config(Path(), side=3)
    with pytest.raises(ValueError, match=r"model\.onnx must be an export of dogs; .* of cats"):
        session.config(Config, "dogs")
    texts = onnx.Session(file)._session.get_modelmeta().custom_metadata_map
    assert (texts["alphabet"], json.loads(texts["name"])) == ("AB", "Ä")
    onnx.save(model, file, {"task": "cats", "config": {"side": 0}})
    with pytest.raises(ValueError, match="`side` must be positive"):
        onnx.Session(file).config(Config, "cats")
    onnx.save(onnx.convert(_half, "halves", (4, 6)), file, {})
    session = onnx.Session(file)
    assert session.size == (4, 6)
    with pytest.raises(ValueError, match="export of cats; it is none that says so"):
        session.config(Config, "cats")


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

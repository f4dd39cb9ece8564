"""LiteRT files: what they say of themselves, and what is said when one cannot be used."""

import json
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from triptych import exported, litert, run

pytest.importorskip("ai_edge_litert")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half of each picture's largest value, a channel each."""
    factor = tf.Variable(0.5)

    def call(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"halves": factor * tf.reduce_max(tf.cast(pixels, tf.float32), axis=(1, 2))}

    path = tmp_path_factory.mktemp("litert") / litert.FILE
    model = litert.convert(call, (4, 6))
    metadata = {"task": "cats", "name": "Ä"}
    litert.save(model, path, metadata)
    run.write_json(path.parent / run.METADATA, metadata)
    return path


def test_any_batch_from_any_thread(file: Path) -> None:
    session = litert.Session(file, threads=1)
    rng = np.random.default_rng(0)
    batches = [rng.integers(0, 256, (1 + i % 3, 4, 6, 3), np.uint8) for i in range(12)]
    with ThreadPoolExecutor(4) as pool:
        for pixels, found in zip(batches, pool.map(session, batches), strict=True):
            np.testing.assert_array_equal(found["halves"], pixels.max(axis=(1, 2)) / 2)


def test_what_it_says_of_itself(file: Path) -> None:
    assert litert.Session(file).metadata == {"task": "cats", "name": "Ä"}
    assert json.loads(zipfile.ZipFile(file).read("metadata.json"))["name"] == "Ä"


def test_is_opened_by_its_task_alone(file: Path) -> None:
    assert isinstance(exported.open(file.parent, "cats"), litert.Session)
    with pytest.raises(ValueError, match="must be an export of dogs; it is one of cats"):
        exported.open(file.parent, "dogs")
    with pytest.raises(ValueError, match=r"is no export: it has no metadata\.json"):
        exported.open(file.parent.parent, "cats")


def test_no_such_file_and_no_interpreter(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / litert.FILE
    with pytest.raises(FileNotFoundError):
        litert.Session(broken)
    litert.save(b"damaged", broken, {})
    with pytest.raises(ValueError, match=r"model\.tflite cannot be run by LiteRT"):
        litert.Session(broken)
    broken.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"model\.tflite cannot be run by LiteRT"):
        litert.Session(broken)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'triptych\[litert\]'"):
        litert.Session(file)


def test_what_is_kept_stays_in_float(tmp_path: Path) -> None:
    """Of two convolutions in 8 bits the named one is exact, and so is what answers."""
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 4)).astype(np.float32)

    def call(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        values = tf.cast(pixels, tf.float32) / 255
        with tf.name_scope("head"):
            first, second = tf.split(tf.nn.conv2d(values, kernel, 1, "SAME", name="maps"), 2, 3)
        rough = tf.nn.relu(tf.nn.conv2d(values, kernel, 1, "VALID", name="body"))
        return {"exact": first * second, "rough": tf.reduce_max(rough, axis=(1, 2)) * 2}

    pixels = np.random.default_rng(1).integers(0, 256, (1, 8, 8, 3), np.uint8)
    expected = call(tf.constant(pixels))
    model = litert.convert(call, (8, 8), "int8", [pixels], ("/maps",))
    litert.save(model, tmp_path / litert.FILE, {})
    found = litert.Session(tmp_path / litert.FILE)(pixels)
    np.testing.assert_allclose(found["exact"], expected["exact"], atol=1e-5)
    assert np.abs(found["rough"] - expected["rough"]).max() > 1e-4

"""A run exported: it answers where Triptych is not, and a wrong export is never put in place."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from carclf import export, predictor
from triptych import command, graph_images, images

# No model library, and nothing of this house, though it may be installed beside TensorFlow.
ALONE = """
import json, sys
sys.modules.update(dict.fromkeys(("keras", "triptych", "carclf", "callbacks", "PIL", "cv2")))
import tensorflow as tf
signatures = tf.saved_model.load(sys.argv[1]).signatures
files = [tf.io.read_file(name) for name in sys.argv[2:]]
answers = signatures["serving_default"](bytes=tf.stack(files))
pixels = tf.stack([tf.io.decode_png(files[0], channels=3)] * 2)
answers["pixels"] = signatures["pixels"](pixels=pixels)["probabilities"]
answers["json"] = signatures["metadata"]()["json"]
def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    return [plain(item) for item in value] if isinstance(value, list) else value
values = {key: value.numpy() for key, value in answers.items()}
print(json.dumps({k: plain(getattr(v, "tolist", lambda v=v: v)()) for k, v in values.items()}))
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
    model = predictor.open(run_dir)
    expected = model.probabilities(2, lambda i: images.decode(paths[i]))
    assert np.ptp(expected, axis=0).max() > 0.01
    np.testing.assert_allclose(answers["probabilities"], expected, atol=1e-5)
    np.testing.assert_allclose(answers["pixels"], expected[[0, 0]], atol=1e-5)
    assert "failed" not in program.stderr  # an optimizer that gives up says so, and goes on
    best = expected.argmax(axis=1)
    assert answers["name"] == [model.names[i] for i in best]
    assert answers["id"] == [["7", "8", "9"][i] for i in best]
    np.testing.assert_allclose(answers["probability"], expected.max(axis=1), atol=1e-5)
    assert json.loads(answers["json"])["names"] == model.names


def test_says_what_it_is(exported: Path, run_dir: Path) -> None:
    assert exported == run_dir / "export" / "saved_model"
    text = json.loads((exported / "metadata.json").read_text())
    assert (text["task"], text["classes"]) == ("carclf", ["7", "8", "9"])
    assert text["names"] == ["Škoda Octavia", "日産", "Citroën 2CV"]
    assert text["size"] == {"height": 48, "width": 64}
    assert text["config"]["backbone"] == "tiny"
    assert len(text["version"]) == 12
    assert text["parity"]["worst"]["bytes"] <= 1e-4
    assert "secret" not in json.dumps(text)


def test_existing_export_is_kept(exported: Path, run_dir: Path) -> None:
    before = (exported / "saved_model.pb").stat().st_ino
    with pytest.raises(FileExistsError, match="--overwrite"):
        export.export(export.Config(run_dir))
    assert (exported / "saved_model.pb").stat().st_ino == before


def one_pass(batch: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    return tf.cast(tf.image.resize(batch, size), tf.uint8)


@pytest.mark.parametrize(
    ("name", "broken", "way"),
    [
        ("resize", one_pass, "bytes"),
        ("_upright", lambda image, orientation: image, "bytes of .*b.jpg"),
    ],
)
def test_broken_export_fails(
    name: str,
    broken: object,
    way: str,
    run_dir: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Another resizing, and pictures left on their side: exit status 1, and nothing is left."""
    monkeypatch.setattr(graph_images, name, broken)
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as stop:
        command.run(export.export, export.Config(run_dir, out=out, check=(pictures,)))
    assert stop.value.code == 1
    heard = capsys.readouterr()
    assert re.search(f"disagrees with the run: {way}", heard.err)
    assert list(tmp_path.iterdir()) == []
    assert "d.jpg: not a picture" in heard.out
    assert "c.webp: an export reads JPEG, PNG, BMP or GIF" in heard.out


def test_nothing_to_compare_on(run_dir: Path, tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, "WEBP")
    (tmp_path / "a.webp").write_bytes(file.getvalue())
    config = export.Config(run_dir, out=tmp_path / "out", check=(tmp_path / "a.webp",))
    with pytest.raises(ValueError, match="no picture to compare on"):
        export.export(config)
    assert not (tmp_path / "out").exists()

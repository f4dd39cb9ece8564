"""Detector and reader in one SavedModel: texts of photographs where Triptych is not installed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from plates import export, pipeline
from plates.drawing.develop import encoded
from plates.drawing.scene import scene
from plates.pipeline import Found
from plates.reader.decode import Reading
from triptych import run
from triptych.images import decode

ALONE = """
import json, sys
sys.modules.update(dict.fromkeys(("keras", "triptych", "plates", "callbacks", "PIL", "cv2")))
import tensorflow as tf
signatures = tf.saved_model.load(sys.argv[1]).signatures
answers = signatures["serving_default"](
    bytes=tf.stack([tf.io.read_file(name) for name in sys.argv[2:]])
)
values = {key: value.numpy() for key, value in answers.items()}
values["text"] = [[text.decode() for text in row] for row in values["text"]]
values = {k: v if isinstance(v, list) else v.tolist() for k, v in values.items()}
print(json.dumps(values | {"json": signatures["metadata"]()["json"].numpy().decode()}))
"""


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A drawn scene that shows plates, and a grey picture of another size."""
    folder = tmp_path_factory.mktemp("photographs")
    pictures = [np.full((50, 70, 3), 90, np.uint8)]
    seed = 0
    while len(pictures) < 2:
        image, plates = scene(np.random.default_rng(seed), (288, 384))
        pictures += [image] * bool(plates)
        seed += 1
    for number, image in enumerate(pictures):
        (folder / f"{number}.jpg").write_bytes(encoded(image, 90))
    return sorted(folder.iterdir())


def test_the_models_in_the_package_answer_alone(photographs: list[Path], tmp_path: Path) -> None:
    """As `plates.predict` does, in a process without this house and the model library."""
    config = export.Config(tmp_path / "out", check=tuple(photographs))
    folder = export.export(config)
    program = subprocess.run(
        [sys.executable, "-c", ALONE, folder, *photographs],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.returncode == 0, program.stderr[-2000:]
    answers = json.loads(program.stdout.splitlines()[-1])
    expected = pipeline.open().read([decode(path) for path in photographs])
    assert answers["count"] == [len(found) for found in expected]
    assert sum(answers["count"]) > 0
    for found, texts, corners in zip(expected, answers["text"], answers["corners"], strict=True):
        padding = max(answers["count"]) - len(found)
        assert texts == [one.reading.text for one in found] + [""] * padding
        quads = [one.corners for one in found] + [np.zeros((4, 2))] * padding
        np.testing.assert_allclose(corners, np.array(quads).reshape(-1, 4, 2), atol=0.1)
    metadata = json.loads(answers["json"])
    assert metadata["task"] == "plates"
    assert metadata["gate"] == {"least": config.least, "least_reading": config.least_reading}
    assert metadata["reader"]["alphabet"].startswith("0123")
    kept = json.loads((folder / run.METADATA).read_text())["parity"]
    assert max(kept["worst"].values()) <= export.BOUND
    with pytest.raises(FileExistsError, match="choose another --out, or --overwrite"):
        export.export(config)


QUAD = np.array([[0.0, 0], [40, 0], [40, 20], [0, 20]])


def test_how_far_apart_by_hand() -> None:
    expected = [Found(QUAD, 0.9, Reading("AB", (0.8, 0.7), 0.6))]
    answers = {
        "count": np.array([1]),
        "corners": QUAD[None, None] + 4,  # of 20 pixels of height
        "scores": np.array([[0.85]]),
        "text": np.array([[b"AB"]]),
        "confidence": np.array([[0.6]]),
        "characters": np.array([[[0.8, 0.6, 0.0]]]),
    }
    assert export.apart(answers, expected) == pytest.approx(0.2)
    same = answers | {"corners": QUAD[None, None]}
    assert export.apart(same, expected) == pytest.approx(0.1)
    assert export.apart(same | {"text": np.array([[b"A8"]])}, expected) == np.inf
    assert export.apart(same | {"scores": np.array([[np.nan]])}, expected) == np.inf
    assert export.apart(same, []) == np.inf


def test_lists_are_no_photographs(tmp_path: Path) -> None:
    (tmp_path / "sample.csv").touch()
    with pytest.raises(ValueError, match=r"`check` must be photographs .*sample\.csv"):
        export.export(export.Config(tmp_path / "out", check=(tmp_path / "sample.csv",)))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("to", ["onnx", "litert"])
def test_other_formats_are_not_offered(to: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`to` must be saved_model; plates\.detector\.export and"):
        export.Config(tmp_path, to=to)  # type: ignore[arg-type]

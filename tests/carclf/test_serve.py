"""What is served of a classifier: the predictor's own answers, of a run and of its export."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from carclf import export, predictor, serve
from carclf.config import Config
from carclf.model import build
from triptych import run
from triptych.stage import Stage

NAMES = ["Škoda Octavia", "日産", "Citroën 2CV"]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained run of three classes with decided answers."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    folder.mkdir()
    config = Config(
        data=Path("secret/place"), backbone="tiny", weights="none", stages=(Stage(size="48x64"),)
    )
    run.write_config(folder, config)
    run.write_json(folder / "classes.json", {"classes": ["7", "8", "9"], "names": NAMES})
    run.write_json(folder / "metrics.json", {"accuracy": 0.5})
    keras.utils.set_random_seed(1)
    model = build(config, 3)
    for layer in model.get_layer("head").layers:
        if layer.name == "logits":
            layer.kernel.assign(layer.kernel * 20)
    model.save(folder / run.MODEL)
    return folder


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    """Pictures of two sizes."""
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (*size, 3), np.uint8) for size in ((90, 120), (50, 40))]


def test_answers_are_the_predictors_and_the_exports(
    run_dir: Path, images: list[np.ndarray]
) -> None:
    service = serve.service(run_dir)
    expected = predictor.open(run_dir).probabilities(2, images.__getitem__)
    assert np.ptp(expected, axis=0).max() > 0.01
    exported = serve.service(export.export(export.Config(run_dir)))
    for served in (service, exported):
        for answer, row in zip(served.answer(images), expected, strict=True):
            assert not isinstance(answer, Exception)
            best = int(row.argmax())
            assert (answer["id"], answer["name"]) == (["7", "8", "9"][best], NAMES[best])
            found = {one["id"]: one["probability"] for one in answer["classes"]}
            np.testing.assert_allclose([found["7"], found["8"], found["9"]], row, atol=1e-4)
            assert list(found.values()) == sorted(found.values(), reverse=True)
        assert served.info["names"] == NAMES
        assert "secret" not in json.dumps(served.info)
    assert service.info["version"] == exported.info["version"]
    assert service.info["scores"] == {"accuracy": 0.5}

    answer = service.answer(images)[0]
    assert not isinstance(answer, Exception)
    shown, plain = (served.show(images[0], answer) for served in (service, exported))
    assert shown.picture.shape == images[0].shape
    assert (shown.picture != images[0]).any()
    assert (plain.picture == images[0]).all()  # an export cannot say what it looked at
    assert shown.parts[0].title == answer["name"]
    assert [label for label, _ in shown.parts[0].bars] == [one["name"] for one in answer["classes"]]


def test_what_cannot_be_served(run_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a run folder"):
        serve.service(tmp_path)
    run.write_json(tmp_path / "metadata.json", {"task": "landmarks", "format": "saved_model"})
    with pytest.raises(ValueError, match="must be an export of carclf; it is one of landmarks"):
        serve.service(tmp_path)

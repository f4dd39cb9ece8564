"""What is served of a model of points: the predictor's own answers, of a run and of its export."""

import importlib.util
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from landmarks import export, predictor, serve
from landmarks.config import Config
from landmarks.model import build
from triptych import run
from triptych.stage import Stage

POINTS = 5


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained run of five points, with a spread."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    folder.mkdir()
    config = Config(
        data=Path("secret/place"),
        backbone="tiny",
        weights="none",
        head_width=8,
        loss="laplace",
        stages=(Stage(size="64"),),
    )
    run.write_config(folder, config)
    mean = [[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.4, 0.7], [0.6, 0.7]]
    known = {"points": POINTS, "mirror": [1, 0, 2, 4, 3], "shift": 0.75, "mean": mean}
    run.write_json(folder / "points.json", known)
    keras.utils.set_random_seed(1)
    build(config, POINTS).save(folder / run.MODEL)
    return folder


def test_answers_are_the_predictors_and_the_exports(run_dir: Path) -> None:
    rng = np.random.default_rng(3)
    images = [rng.integers(0, 256, (*size, 3), np.uint8) for size in ((90, 120), (50, 40))]
    service = serve.service(run_dir)
    expected = predictor.open(run_dir).predict(2, images.__getitem__)
    assert expected.spread is not None
    exported = serve.service(export.export(export.Config(run_dir)))
    for served in (service, exported):
        for i, answer in enumerate(served.answer(images)):
            assert not isinstance(answer, Exception)
            (face,) = answer["faces"]
            np.testing.assert_allclose(face["points"], expected.points[i], atol=5e-3)
            np.testing.assert_allclose(face["spread"], expected.spread[i], atol=5e-3)
            shown = served.show(images[i], answer)
            assert min(shown.picture.shape[:2]) >= min(images[i].shape[:2])
            assert shown.parts[0].title.startswith("5 points, spread ")
        assert "secret" not in json.dumps(served.info)


@pytest.mark.skipif(not importlib.util.find_spec("mtcnn"), reason="mtcnn is not installed")
def test_a_photograph_without_a_face(run_dir: Path) -> None:
    service = serve.service(run_dir, detect=True)
    image = np.full((60, 60, 3), 90, np.uint8)
    (answer,) = service.answer([image])
    assert answer == {"faces": []}
    assert [part.title for part in service.show(image, answer).parts] == ["no face"]

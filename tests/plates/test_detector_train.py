"""A detector trained in seconds on drawn scenes, from the command line to its files."""

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import keras
import numpy as np
import pytest

from plates.detector import data as batches
from plates.detector import labelled, predictor, pretrained, stages
from plates.detector.config import Config, Head, settled
from plates.detector.rcnn import SIDE
from plates.detector.recipes import RECIPES
from plates.detector.train import train
from plates.drawing.scene import scene
from triptych.config import parse
from triptych.stage import Stage

TINY = (
    "demo --start= --backbone tiny --weights none --deepest 16 --width 8 --workers 1 "
    "--augment light "
    "--val-fraction 0.25 --weight-decay 0 --extra {extra}@0.5 --synthetic 0.1 "
    "--stages epochs=6,lr=3e-2,size=128,batch=4,freeze_bn=false"
)


def write_scenes(root: Path, count: int, seed: int) -> Path:
    """`root/train.json` and pictures of drawn scenes of 128 x 160 pixels."""
    (root / "train").mkdir(parents=True)
    rows = []
    for number in range(count):
        image, plates = scene(np.random.default_rng((seed, number)), (128, 160))
        name = f"train/{seed}-{number}.png"
        cv2.imwrite(str(root / name), image[:, :, ::-1])
        nums = [{"box": corners.tolist(), "text": text} for corners, text in plates]
        rows.append({"file": name, "nums": nums})
    (root / "train.json").write_text(json.dumps(rows))
    return root


class Killed(keras.callbacks.Callback):
    """Kills a training before its first batch."""

    def on_train_begin(self, logs: Any = None) -> None:
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on six scenes of eight and two of four more; beside it both folders."""
    root = tmp_path_factory.mktemp("detector")
    data, extra = write_scenes(root / "data", 8, 0), write_scenes(root / "extra", 4, 1)
    words = f"{TINY.format(extra=extra)} -d {data} -n run --runs {root}".split()
    return train(parse(Config, words, prog="train", description="", recipes=RECIPES))


def test_it_learns_and_leaves_a_run_behind(learnt: Path) -> None:
    assert sorted(path.name for path in learnt.iterdir()) == [
        *("config.json", "curves.png", "data.csv", "environment.json", "history.csv"),
        *("metrics.json", "model.keras", "split.csv", "tensorboard", "validation.csv"),
    ]
    with (learnt / "history.csv").open(newline="") as file:
        history = list(csv.DictReader(file))
    assert float(history[-1]["loss"]) < 0.95 * float(history[0]["loss"])
    metrics = json.loads((learnt / "metrics.json").read_text())
    assert metrics["photographs"] == 2
    # Photographs of any shape in one call, each answered in its own pixels.
    images = [np.zeros((40, 90, 3), np.uint8), np.zeros((200, 130, 3), np.uint8)]
    found = predictor.open(learnt).detect(images, least=0.0)
    assert all(plate.corners.shape == (4, 2) for plates in found for plate in plates)


def test_mask_rcnn_from_the_command_line(learnt: Path, tmp_path: Path) -> None:
    """Trained in few steps, judged, opened from its folder, and asked."""
    data, extra = learnt.parent / "data", learnt.parent / "extra"
    words = TINY.format(extra=extra).replace("epochs=6,", "epochs=2,")
    line = f"{words} -d {data} -n rcnn --runs {tmp_path} --head maskrcnn --monitor loss --stride 8"
    run = train(parse(Config, line.split(), prog="train", description="", recipes=RECIPES))
    losses = [float(row.split(",")[2]) for row in (run / "history.csv").read_text().split()[1:]]
    assert len(losses) == 2
    assert np.isfinite(losses).all()
    assert json.loads((run / "metrics.json").read_text())["photographs"] == 2
    detector = predictor.open(run)
    assert detector.maps(np.zeros((2, 96, 64, 3), np.uint8)).shape == (2, 24, 5 + SIDE * SIDE)
    found = detector.detect([np.zeros((200, 130, 3), np.uint8)], least=0.0)
    assert all(plate.corners.shape == (4, 2) for plates in found for plate in plates)


def test_starts_from_it_with_the_same_model_only(learnt: Path, tmp_path: Path) -> None:
    config = Config(learnt.parent / "data", backbone="tiny", width=8, val_fraction=0.5)
    assert pretrained.begun_from(str(learnt), config) == learnt
    with pytest.raises(ValueError, match=r"cannot start from .*run: `head` was unet and is corn"):
        pretrained.begun_from(str(learnt), replace(config, head="corners"))
    with pytest.raises(ValueError, match="is not a run folder"):
        pretrained.begun_from(str(tmp_path), config)
    # Of four held out now the run has seen two or more; it held two out of eight.
    assert pretrained.already_seen(learnt, labelled.load(config, 1)) >= 2


def test_another_weight_of_an_extra_is_another_training(
    learnt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before its first batch and gone on with, of the same pictures and their split."""
    data, extra = learnt.parent / "data", learnt.parent / "extra"
    words = f"{TINY.format(extra=extra)} -d {data} -n run --runs {tmp_path} --resume".split()
    config = parse(Config, words, prog="train", description="", recipes=RECIPES)
    monkeypatch.setattr(stages, "callbacks", lambda *_: [Killed()])
    with pytest.raises(KeyboardInterrupt):
        train(config)
    with pytest.raises(ValueError, match=r"training: `weights of extra` was 0\.5 and is 2\.0$"):
        train(replace(config, extra=(f"{extra}@2",)))
    moved = extra.rename(tmp_path / "moved")
    with pytest.raises(KeyboardInterrupt):
        train(replace(config, extra=(f"{moved}@0.5",)))
    moved.rename(extra)


def _data(weights: list[float]) -> Any:
    """Photographs 10, 11, ... of these weights, all for training."""

    training = np.arange(10, 10 + len(weights))
    return SimpleNamespace(training=training, weights=np.append(np.zeros(10), weights))


def test_weights_say_how_often_a_photograph_is_taken() -> None:
    """By hand: 4 of weight 1, 6 of 0.5 and one of 3 make ten places."""
    data = _data([1.0] * 4 + [0.5] * 6 + [3.0])
    assert batches.photographs(data) == 10
    config = Config(Path("a"), synthetic=0.2)
    assert batches.epoch(data, config) == 12  # 10 / 0.8 = 12.5
    total: Counter[int | None] = Counter()
    for number in range(40):
        one = Counter(batches.taken(data, 0, number, index) for index in range(12))
        assert one[None] == 2
        assert [one[i] for i in range(10, 14)] == [1] * 4
        assert sum(one[i] for i in range(14, 20)) == 3
        assert one[20] == 3
        total += one
    assert all(10 <= total[i] <= 30 for i in range(14, 20))  # half of 40
    assert batches.photographs(_data([0.1])) == 1
    assert batches.taken(_data([0.1]), 0, 0, 0) == 10


def test_samples_follow_from_their_numbers(learnt: Path) -> None:
    """The same from any batch on and with any workers; names say what is in a batch."""
    heads: dict[Head, int] = {"unet": 2, "corners": 10}
    for head, channels in heads.items():
        stage = Stage(size="96", batch=4)
        config = Config(learnt.parent / "data", head=head, synthetic=0.3, stages=(stage,))
        data = labelled.load(config, 1)
        options: dict[str, Any] = {"side": 96, "batch": 4, "seed": 5}
        whole = [
            (canvas.numpy(), target.numpy())
            for canvas, target in batches.training(data, config, workers=1, **options).take(3)
        ]
        assert whole[0][0].shape == (4, 96, 96, 3)
        assert whole[0][1].shape == (4, 24, 24, channels)
        assert whole[0][1].max() > 0.5
        later = batches.training(data, config, workers=2, start=2, **options)
        for canvas, target in later.take(1):
            np.testing.assert_array_equal(canvas.numpy(), whole[2][0])
            np.testing.assert_array_equal(target.numpy(), whole[2][1])
    (phase,) = stages.phases(settled(config), data, 1)
    assert phase.names is not None
    named = [name for step in range(phase.steps) for name in phase.names(step)]
    assert len(named) == 4 * phase.steps
    assert set(named) <= {sample.name for sample in data.samples} | {"a drawn scene"}

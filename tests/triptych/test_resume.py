"""A training that is stopped anywhere and goes on ends as if it had never been stopped."""

import errno
import json
import shutil
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from callbacks import BestModel, EMAWeights, Log, OneCycle
from triptych.checkpoint import Checkpoints
from triptych.fit import Phase, fit

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
Y = (X.sum(axis=1, keepdims=True) + 1).astype(np.float32)
EVENTS = 2 * (2 * (3 + 1 + 1)) + 2


class Crash(Exception):
    """In place of a `kill -9`: nothing is saved on the way out."""


class At(keras.callbacks.Callback):
    """Do something at one of the moments that a callback sees."""

    def __init__(self, event: int, act: Any) -> None:
        super().__init__()
        self.event = event
        self.act = act

    def see(self, *_: Any, **__: Any) -> None:
        self.event -= 1
        if self.event == 0:
            self.act()

    on_train_begin = on_train_batch_end = on_test_begin = on_epoch_end = see


def crash() -> None:
    raise Crash


def phase(name: str, rate: float, **kwargs: Any) -> Phase:
    def compile(model: keras.Model) -> None:
        model.layers[0].trainable = name != "first"
        model.compile(keras.optimizers.Adam(rate), "mse", metrics=["mae"], run_eagerly=True)

    def own() -> list[keras.callbacks.Callback]:
        return [EMAWeights(0.9), OneCycle(rate, 6)]

    data = tf.data.Dataset.from_tensor_slices((X, Y))
    validation = data.batch(5)
    train = data.repeat().batch(4).skip
    return Phase(name, 2, 3, train, validation, compile, **{"callbacks": own} | kwargs)


def build() -> keras.Model:
    layers = [keras.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.BatchNormalization()]
    return keras.Sequential([*layers, keras.layers.Dropout(0.3), keras.layers.Dense(1)])


def run(
    folder: Path,
    *more: keras.callbacks.Callback,
    phases: Sequence[Phase] | None = None,
    identity: dict[str, str] | None = None,
) -> tuple[bool, dict[str, Any]]:
    """The same command every time: goes on if there is something to go on with."""
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    best = folder / "model.keras"
    keras.utils.set_random_seed(0)
    model = build()
    keeper = BestModel(best)
    finished = fit(
        model,
        phases or [phase("first", 0.1), phase("second", 0.05)],
        best=best,
        callbacks=[keeper, Log(folder / "history.csv"), *more],
        checkpoints=Checkpoints(folder / "checkpoints", best, identity or {"seed": "0"}, every=1),
    )
    rows = [line.split(",") for line in (folder / "history.csv").read_text().splitlines()]
    return finished, {
        "last": np.concatenate([v.numpy().ravel() for v in model.variables]),
        "best": np.concatenate(
            [w.ravel() for w in keras.saving.load_model(best, compile=False).get_weights()]
        ),
        "history": [[cell for i, cell in enumerate(row) if i != 1] for row in rows],
        "best epoch": keeper.best_epoch,
        "random": (np.random.random(), float(keras.random.uniform(()))),  # noqa: NPY002
    }


def same(got: dict[str, Any], want: dict[str, Any]) -> None:
    for name in want:
        np.testing.assert_array_equal(got[name], want[name], err_msg=name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    finished, result = run(tmp_path_factory.mktemp("whole"), At(0, crash))
    assert finished
    return result


@pytest.mark.parametrize("event", range(1, EVENTS + 1))
def test_a_crash_anywhere(event: int, whole: dict[str, Any], tmp_path: Path) -> None:
    """At each moment of a training of two stages, some of them twice."""
    with pytest.raises(Crash):
        run(tmp_path, At(event, crash))
    if event % 3 == 0 and event < EVENTS - 3:
        with pytest.raises(Crash):
            run(tmp_path, At(3, crash))
    finished, result = run(tmp_path, At(0, crash))
    assert finished
    if event < EVENTS:
        same(result, whole)
    else:  # all was done but the last call, so nothing is trained
        np.testing.assert_array_equal(result["best"], whole["best"])


@pytest.mark.parametrize("event", [2, 5, 13])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_all_saved(
    event: int, number: signal.Signals, whole: dict[str, Any], tmp_path: Path
) -> None:
    # A job in the background is deaf to Ctrl-C, and so would be the tests in it.
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt, match="--resume goes on"):
            run(tmp_path, At(event, lambda: signal.raise_signal(number)))
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    saved = newest(tmp_path)
    assert saved
    _, result = run(tmp_path, At(0, crash))
    same(result, whole)


def newest(folder: Path) -> Path:
    return max((folder / "checkpoints").glob("*.safetensors"))


class Limit(At):
    """Reached at an event, as a time limit is."""

    reached = False

    def __init__(self, event: int) -> None:
        super().__init__(event, self.reach)

    def reach(self) -> None:
        self.reached = True


@pytest.mark.parametrize("event", [2, 4, 6, 11, 13])
def test_a_limit_stops_it_for_now(event: int, whole: dict[str, Any], tmp_path: Path) -> None:
    finished, stopped = run(tmp_path, Limit(event))
    assert not finished
    # What it has learnt until now was validated, and could be the best.
    assert len(stopped["history"]) > 1
    finished, result = run(tmp_path, Limit(0))
    assert finished
    same(result, whole)


@pytest.mark.parametrize("event", [2, 3])
def test_a_part_of_an_epoch_that_was_the_best_is_forgotten(
    event: int, whole: dict[str, Any], tmp_path: Path
) -> None:
    """A limit has it validated and saved; the training that goes on has never been there."""
    with pytest.raises(Crash):
        run(tmp_path, At(14, crash))
    run(tmp_path, Limit(event))
    assert not list(tmp_path.glob(".part*"))
    inodes = {path.stat().st_ino for path in tmp_path.rglob("*.keras")}
    assert len(inodes) > 1
    _, result = run(tmp_path, At(0, crash))
    same(result, whole)


def test_no_file_is_written_through_another_name(tmp_path: Path) -> None:
    """A best model that is being saved when the process dies is not the one in the checkpoint."""
    with pytest.raises(Crash):
        run(tmp_path, At(7, crash))
    with pytest.raises(Crash):
        run(tmp_path, At(1, crash))
    before = (tmp_path / "model.keras").read_bytes()
    (tmp_path / ".part-model.keras").write_bytes(b"")
    assert (tmp_path / "model.keras").read_bytes() == before
    assert newest(tmp_path).with_suffix(".keras").read_bytes() == before


def test_a_finished_training_does_nothing(whole: dict[str, Any], tmp_path: Path) -> None:
    run(tmp_path, At(0, crash))
    finished, result = run(tmp_path, At(1, crash))
    assert finished
    assert result["best epoch"] == whole["best epoch"]
    np.testing.assert_array_equal(result["best"], whole["best"])


def test_a_phase_that_was_ended_early_stays_so(tmp_path: Path) -> None:
    class End(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = epoch == 0

    phases = [phase("first", 0.1, callbacks=lambda: [End()]), phase("second", 0.05)]
    _, want = run(tmp_path / "whole", At(0, crash), phases=phases)
    assert [row[0] for row in want["history"][1:]] == ["1", "3", "4"]
    with pytest.raises(Crash):
        run(tmp_path / "parts", At(7, crash), phases=phases)
    _, got = run(tmp_path / "parts", At(0, crash), phases=phases)
    same(got, want)


def test_a_phase_that_is_ended_within_an_epoch(tmp_path: Path) -> None:
    class End(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 1

    phases = [phase("first", 0.1, callbacks=lambda: [End()]), phase("second", 0.05)]
    _, want = run(tmp_path / "whole", At(0, crash), phases=phases)
    assert [row[0] for row in want["history"][1:]] == ["1", "3", "4"]
    for event in (3, 4, 5):  # the batch, its epoch's validation and end
        folder = tmp_path / str(event)
        with pytest.raises(Crash):
            run(folder, At(event, crash), phases=phases)
        _, got = run(folder, At(0, crash), phases=phases)
        same(got, want)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "no best"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    damage: str, whole: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Crash):
        run(tmp_path, At(13, crash))
    path = newest(tmp_path)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        data[-9] ^= 1
        path.write_bytes(data)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.with_suffix(".keras").unlink()
    _, result = run(tmp_path, At(0, crash))
    assert f"{path} is damaged" in capsys.readouterr().out
    same(result, whole)


def test_no_checkpoint_is_whole(tmp_path: Path) -> None:
    with pytest.raises(Crash):
        run(tmp_path, At(13, crash))
    for path in (tmp_path / "checkpoints").glob("*.safetensors"):
        path.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(ValueError, match="is whole; --overwrite starts the training anew"):
            run(tmp_path, At(0, crash))


def test_a_disk_that_cannot_be_read_damages_nothing(
    whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Crash):
        run(tmp_path, At(13, crash))

    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("triptych.checkpoint.safe_open", fail)
        with pytest.raises(OSError, match="Input/output error"):
            run(tmp_path, At(0, crash))
    _, result = run(tmp_path, At(0, crash))
    same(result, whole)


def test_the_two_newest_are_kept(tmp_path: Path) -> None:
    with pytest.raises(Crash):
        run(tmp_path, At(13, crash))
    names = sorted(p.name for p in (tmp_path / "checkpoints").iterdir())
    assert len(names) == 4
    assert [name.split(".")[1] for name in names] == ["keras", "safetensors"] * 2


def test_another_training_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Crash):
        run(tmp_path, At(9, crash))
    before = newest(tmp_path).read_bytes()
    with pytest.raises(ValueError, match=r"is of another training: `seed` was 0 and is 1$"):
        run(tmp_path, At(0, crash), identity={"seed": "1"})
    with pytest.raises(ValueError, match=r"has EMAWeights where there is OneCycle now"):
        run(
            tmp_path, At(0, crash), phases=[phase("first", 0.1, callbacks=lambda: [OneCycle(1, 1)])]
        )
    assert newest(tmp_path).read_bytes() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_keeps_the_checkpoint_before(whole: dict[str, Any], tmp_path: Path) -> None:
    def fill() -> None:
        number = int(newest(tmp_path).stem) + 1
        part = tmp_path / "checkpoints" / f".part-{number:06d}.safetensors"
        part.symlink_to("/dev/full")

    with pytest.raises(OSError, match=r"No space left on device.*safetensors") as caught:
        run(tmp_path, At(7, fill))
    assert caught.value.errno == errno.ENOSPC
    assert not list((tmp_path / "checkpoints").glob(".part*"))
    _, result = run(tmp_path, At(0, crash))
    same(result, whole)


def test_a_deleted_run_folder_is_not_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(FileNotFoundError, match=r"the run folder was deleted .*run"):
        run(folder, At(3, lambda: shutil.rmtree(folder)))
    assert not folder.exists()


def test_a_bad_loss_is_named_with_its_samples(tmp_path: Path) -> None:
    def bad(start: int) -> tf.data.Dataset:
        targets = np.tile(Y, (2, 1))
        targets[17] = np.nan  # in batch 5 of 6, the second of the second epoch
        return (
            tf.data.Dataset.from_tensor_slices((np.tile(X, (2, 1)), targets)).batch(4).skip(start)
        )

    def names(step: int) -> list[str]:
        return [f"{4 * step + i}.jpg" for i in range(4)]

    broken = replace(phase("second", 0.1), train=bad, names=names)
    message = r"stage second, epoch 4, batch 2 \(16\.jpg, 17\.jpg, 18\.jpg, 19\.jpg\); a lower"
    for _ in range(2):  # and again, when it goes on
        with pytest.raises(ValueError, match=message):
            run(tmp_path, phases=[phase("first", 0.1), broken])
    assert keras.saving.load_model(tmp_path / "model.keras", compile=False)


def test_a_state_is_json(tmp_path: Path) -> None:
    """Whatever callbacks keep beside arrays, infinities too."""
    with pytest.raises(Crash):
        run(tmp_path, At(2, crash))
    with newest(tmp_path).open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        meta = json.loads(json.loads(file.read(length))["__metadata__"]["state"])
    assert meta["position"] == {"phase": 0, "epoch": 0, "step": 0}
    assert meta["callbacks"][2]["state"]["best"] == np.inf

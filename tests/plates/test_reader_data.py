"""Training and validation batches: what the model sees, and that it is the same again."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plates.reader import data, labelled
from plates.reader.config import Config
from plates.reader.labelled import Labelled
from triptych.images import resize
from triptych.stage import Stage

STAGES = (Stage(size="32x96"),)


def load(root: Path, **options: Any) -> tuple[Labelled, Config]:
    config = Config(root, **{"stages": STAGES, "max_length": 5, "augment": "none", **options})
    return labelled.load(config, 2), config


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins for what is drawn: a black crop without a plate, and grey plates."""

    def plate(rng: np.random.Generator, config: Config) -> tuple[np.ndarray, str]:
        return np.full((20, 50, 3), rng.integers(60, 70), np.uint8), "Z" * int(rng.integers(1, 6))

    monkeypatch.setattr(data, "_nothing", lambda rng: np.zeros((9, 9, 3), np.uint8))
    monkeypatch.setattr(data, "_plate", plate)


def test_validation_is_the_crops_stretched(crops_dir: Path) -> None:
    loaded, _ = load(crops_dir)
    batches = list(data.validation(loaded, size=(48, 64), batch=2, workers=1))
    assert [len(image) for image, _ in batches] == [2, 1]
    images, labels = (np.concatenate(part) for part in zip(*batches, strict=True))
    assert (str(images.dtype), str(labels.dtype)) == ("uint8", "int32")
    for i, position in enumerate(loaded.validation):
        np.testing.assert_array_equal(images[i], resize(loaded.crops[position], (48, 64)))
        np.testing.assert_array_equal(labels[i], loaded.labels[position])


def test_an_epoch_has_its_shares(crops_dir: Path, drawn: None) -> None:
    """17 crops are half of an epoch; a quarter of 34 has no plate, a quarter is drawn plates."""
    loaded, config = load(crops_dir, nothing=0.25, synthetic=0.25)
    assert data.drawn(17, config) == (8, 8)
    assert data.epoch(loaded, config) == 33
    batches = data.training(loaded, config, size=(32, 96), batch=11, seed=3, workers=2)
    kinds: Counter[str] = Counter()
    seen = set()
    for images, labels in batches.take(3):
        for image, label in zip(images.numpy(), labels.numpy(), strict=True):
            assert image.shape == (32, 96, 3)
            if not image.any():
                kinds["nothing"] += 1
                assert not label.any()
            elif np.ptp(image) == 0:
                kinds["plate"] += 1
                assert set(label) <= {0, 36}
                assert label[0] == 36
            else:
                kinds["given"] += 1
                seen.add(tuple(label))
    assert kinds == {"nothing": 8, "plate": 8, "given": 17}
    assert seen == {tuple(label) for label in loaded.labels[loaded.training]}
    names = [data.sample_name(loaded, i) for i in (0, 16, 17)]
    first, last = (loaded.records[loaded.training[i]].name for i in (0, -1))
    assert names == [first, last, "a drawn crop"]


def test_the_same_seed_the_same_batches(crops_dir: Path, drawn: None) -> None:
    def batches(seed: int, workers: int, cache_mb: int, start: int = 0) -> list[np.ndarray]:
        loaded, config = load(
            crops_dir, augment="strong", cache_mb=cache_mb, nothing=0.1, synthetic=0.3
        )
        made = data.training(
            loaded, config, size=(32, 96), batch=4, seed=seed, workers=workers, start=start
        )
        return [array.numpy() for batch in made.take(9 - start) for array in batch]

    want, again, other = batches(1, 1, 100), batches(1, 3, 0), batches(2, 1, 100)
    for a, b in zip(want, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(want, other, strict=True))
    # Seven batches are an epoch of 28: these two are in the second.
    np.testing.assert_array_equal(batches(1, 2, 100, start=8)[0], want[16])


def test_a_batch_is_at_most_an_epoch(crops_dir: Path) -> None:
    loaded, config = load(crops_dir, nothing=0.0)
    image, label = data.training(
        loaded, config, size=(32, 96), batch=99, seed=1, workers=1
    ).element_spec
    assert image.shape == (17, 32, 96, 3)
    assert label.shape == (17, 5)


def test_what_is_drawn_fits_the_model(crops_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(crops_dir, stages=STAGES, alphabet="0123456789ABEKMHOPCTYX", max_length=7)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        image, text = data._plate(rng, config)
        assert image.dtype == np.uint8
        assert 0 < len(text) <= 7
        assert set(text) <= set(config.alphabet)
        assert data._nothing(rng).dtype == np.uint8
    monkeypatch.setattr(data, "_TRIES", 3)
    with pytest.raises(ValueError, match="`synthetic` must be 0 where no drawn plate is short"):
        data._plate(np.random.default_rng(0), Config(crops_dir, stages=STAGES, max_length=1))

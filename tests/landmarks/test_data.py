"""Where the points come to lie: from files to training pictures, targets and pixels again."""

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import albumentations as A
import numpy as np
import pytest
from PIL import ExifTags, Image

from landmarks import augmenter, data, labelled
from landmarks.config import Config, Strength
from landmarks.geometry import centre_crop
from landmarks.labelled import Labelled
from landmarks.losses import pixel_mse
from landmarks.warp import crop
from triptych.stage import Stage

SIDE = 64
# Three points on no line, where the crop of a 240 x 160 picture surely has them.
DOTS = np.array([(95, 60), (145, 62), (121, 105)])


def write(root: Path, write_points: Any, *, turned: bool = False) -> Path:
    """Twelve grey pictures of 240 x 160 with a coloured disk at each point, moved a little."""
    (root / "images").mkdir(parents=True)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    names, points = [], []
    y, x = np.mgrid[:160, :240]
    for number in range(12):
        moved = DOTS + np.random.default_rng(number).integers(-12, 13, 2)
        image = np.full((160, 240, 3), 90, np.uint8)
        for channel, (px, py) in enumerate(moved):
            image[(x - px) ** 2 + (y - py) ** 2 <= 16, channel] = 255
        names.append(f"{number}.png")
        points.append(moved)
        picture = Image.fromarray(image)
        if turned:  # the stored pixels lie on their side, the tag turns them upright
            picture = picture.transpose(Image.Transpose.ROTATE_90)
        picture.save(root / "images" / names[-1], exif=exif if turned else None)
    write_points(root / "landmarks.csv", names, np.stack(points))
    return root


def load(root: Path, **options: Any) -> Labelled:
    options = {"stages": (Stage(size=str(SIDE)),), "same_side": 1.0, **options}
    return labelled.load(Config(root, runs=root / "runs", **options), workers=2)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, write_points: Any) -> Path:
    return write(tmp_path_factory.mktemp("dots") / "data", write_points)


def found(image: np.ndarray) -> np.ndarray:
    """Where the disks of a picture are, [3, 2] as shares of its side: the middles of each."""
    image = image.astype(float)
    places = []
    for channel in range(3):
        weight = image[..., channel] - image[..., (channel + 1) % 3]
        weight = np.clip(weight - 0.4 * weight.max(), 0, None)
        rows, columns = np.mgrid[: len(image), : len(image)] + 0.5
        place = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
        places.append(place / len(image))
    return np.stack(places)


@pytest.mark.parametrize("cache_mb", [0, 100])
def test_validation_targets_lie_on_the_dots(root: Path, cache_mb: int) -> None:
    loaded = load(root, cache_mb=cache_mb)
    assert min(loaded.pictures[0].shape[:2]) == round(1.35 * SIDE)
    for images, targets in data.validation(loaded, side=SIDE, batch=2, workers=1):
        for image, target in zip(images.numpy(), targets.numpy(), strict=True):
            np.testing.assert_allclose(target[:3], found(image), atol=0.25 / SIDE)
            np.testing.assert_allclose(target[3], 160, rtol=0.01)


@pytest.mark.parametrize("strength", get_args(Strength))
@pytest.mark.parametrize("mirror", [None, [1, 0, 2]])
def test_training_targets_lie_on_the_dots(
    root: Path, strength: Strength, mirror: list[int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a permutation no picture is flipped, and every dot keeps its colour."""
    # What hides the dots or changes their colours moves nothing.
    monkeypatch.setattr(augmenter, "lighting", lambda strength: A.Compose([]))
    monkeypatch.setattr(augmenter, "_COVER", dict.fromkeys(get_args(Strength), (0.0, 0.0)))
    loaded = replace(load(root), mirror=None if mirror is None else np.array(mirror))
    batches = data.training(loaded, side=SIDE, batch=10, augment=strength, seed=3, workers=2)
    off, swapped, lengths = [], 0, []
    for images, targets in batches.take(4):
        for image, target in zip(images.numpy(), targets.numpy(), strict=True):
            place = found(image)
            if flipped := place[0, 0] > place[1, 0]:
                # The first point of a mirrored picture is the one that was the second.
                place = place[[1, 0, 2]]
            swapped += flipped
            off.append(np.abs(target[:3] - place).max() * SIDE)
            lengths.append(target[3, 0])
    # Of a picture that is made much smaller, dots show twice: beyond its edge it is reflected.
    assert np.quantile(off, 0.8 if strength == "strong" else 1) < 0.4
    flips = strength != "none" and mirror is not None
    assert (5 < swapped < 35) if flips else swapped == 0
    if strength == "none":
        np.testing.assert_allclose(lengths, 160, rtol=0.01)
    else:
        reach = {"light": 1.1, "medium": 1.2, "strong": 1.3}[strength]
        assert 160 / reach * 0.99 <= min(lengths) < 160 < max(lengths)


def test_an_error_is_told_in_original_pixels(root: Path) -> None:
    """An answer that is off by 3 and 4 pixels of the augmented crop, told in those of the file."""
    loaded = load(root)
    batches = data.training(loaded, side=SIDE, batch=10, augment="strong", seed=1, workers=2)
    _, targets = next(iter(batches))
    answer = targets[:, :3] + np.array([3, 4]) / SIDE
    got = np.sqrt(2 * pixel_mse(targets, answer).numpy())
    np.testing.assert_allclose(got, 5 * targets[:, 3, 0] / SIDE, rtol=1e-4)
    assert np.ptp(got) > 1


def test_validation_is_what_a_predictor_sees(root: Path) -> None:
    """From the file itself: the same crop but for what the smaller kept picture has lost."""
    loaded = load(root)
    images, targets = next(iter(data.validation(loaded, side=SIDE, batch=1, workers=1)))
    position = loaded.validation[0]
    whole = np.asarray(Image.open(loaded.pictures.paths[position]))
    assert np.abs(crop(whole, SIDE).astype(float) - images[0].numpy()).mean() < 1
    to_crop = centre_crop(160, 240, SIDE)
    want = (to_crop(loaded.points[position]) + 0.5) / SIDE
    np.testing.assert_allclose(targets[0, :3], want, atol=0.15 / SIDE)
    back = to_crop.inverse()(targets[0, :3].numpy() * SIDE - 0.5)
    np.testing.assert_allclose(back, loaded.points[position], atol=0.5)


def test_the_points_shift_is_taken_off_the_targets(root: Path) -> None:
    loaded = load(root)
    aside = replace(loaded, shift=3.0)
    options: dict[str, Any] = {"side": SIDE, "batch": 2, "workers": 1}
    want = np.concatenate([target for _, target in data.validation(loaded, **options)])
    got = np.concatenate([target for _, target in data.validation(aside, **options)])
    np.testing.assert_allclose((want - got)[:, :3, 0], 3 / 160, rtol=0.02)
    np.testing.assert_array_equal(want[..., 1], got[..., 1])
    np.testing.assert_array_equal(want[:, 3], got[:, 3])


def test_points_refer_to_the_upright_picture(tmp_path: Path, write_points: Any) -> None:
    loaded = load(write(tmp_path / "data", write_points, turned=True))
    assert loaded.sizes[0].tolist() == [160, 240]
    for images, targets in data.validation(loaded, side=SIDE, batch=2, workers=1):
        for image, target in zip(images.numpy(), targets.numpy(), strict=True):
            np.testing.assert_allclose(target[:3], found(image), atol=0.25 / SIDE)


def test_the_same_seed_the_same_batches(root: Path) -> None:
    def batches(seed: int, workers: int, cache_mb: int, start: int = 0) -> list[np.ndarray]:
        loaded = load(root, cache_mb=cache_mb)
        made = data.training(
            loaded, side=32, batch=4, augment="strong", seed=seed, workers=workers, start=start
        )
        return [array.numpy() for batch in made.take(3 - start) for array in batch]

    want, again, other = batches(1, 1, 100), batches(1, 3, 0), batches(2, 1, 100)
    for a, b in zip(want, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (want[0] != other[0]).any()
    np.testing.assert_array_equal(batches(1, 2, 100, start=2)[0], want[4])


def test_a_batch_is_at_most_the_data(root: Path) -> None:
    loaded = load(root)
    made = data.training(loaded, side=32, batch=99, augment="none", seed=1, workers=1)
    image, target = made.element_spec
    assert image.shape == (10, 32, 32, 3)
    assert target.shape == (10, 4, 2)

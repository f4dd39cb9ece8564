"""Points that lie aside of what they mark are found out by the pictures' own symmetry."""

import numpy as np
import pytest

from landmarks import label_shift, synth

FACES = 100


@pytest.fixture(scope="module")
def faces() -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Drawn faces, their exact points [R, N, 2] and sizes [R, 2]."""
    rng = np.random.default_rng(5)
    drawn = [synth.draw(rng, size=(96, 104)) for _ in range(FACES)]
    pictures = [picture for picture, _ in drawn]
    sizes = np.array([picture.shape[:2] for picture in pictures])
    return pictures, np.stack([points for _, points in drawn]), sizes


@pytest.mark.parametrize("shift", [0.0, 1.5, -2.0])
def test_a_known_shift(
    faces: tuple[list[np.ndarray], np.ndarray, np.ndarray], shift: float
) -> None:
    pictures, points, sizes = faces
    moved = points + np.array([shift, 0.0])
    found = label_shift.find(pictures.__getitem__, moved, sizes, synth.mirror(68))
    assert found == pytest.approx(shift, abs=0.35)


def test_in_pixels_of_the_original(
    faces: tuple[list[np.ndarray], np.ndarray, np.ndarray],
) -> None:
    """The pictures at hand may be kept smaller than their originals were."""
    pictures, points, sizes = faces
    found = label_shift.find(
        pictures.__getitem__, 2 * points + np.array([3.5, 0.5]), 2 * sizes, synth.mirror(68)
    )
    assert found == pytest.approx(3.0, abs=0.7)


def test_what_cannot_be_told_is_0(
    faces: tuple[list[np.ndarray], np.ndarray, np.ndarray],
) -> None:
    pictures, points, sizes = faces
    mirror = synth.mirror(68)
    assert label_shift.find(pictures.__getitem__, points[:10], sizes, mirror) == 0
    assert label_shift.find(pictures.__getitem__, points + np.array([9.0, 0.0]), sizes, mirror) == 0
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, p.shape).astype(np.uint8) for p in pictures]
    assert label_shift.find(noise.__getitem__, points, sizes, mirror) == 0
    assert label_shift.find(pictures.__getitem__, points[:, :1], sizes, np.zeros(1, int)) == 0

"""Both losses against numbers worked by hand."""

import numpy as np
import pytest

from plates.detector import losses


def _logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def test_unet_by_hand() -> None:
    """Two cells a channel; the mask says 0.9 and 0.2 of 1 and 0, the core 0.5 and 0.5 of 0, 0.5."""
    target = np.array([[[[1, 0], [0, 0.5]]]], np.float32)
    logits = np.array([[[[_logit(0.9), 0], [_logit(0.2), 0]]]], np.float32)
    mask = 1 - (2 * 0.9 + 1) / (0.81 + 0.04 + 1 + 1)
    core = 1 - (2 * 0.25 + 1) / (0.5 + 0.25 + 1)
    entropy = -(np.log(0.9) + np.log(0.8) + 2 * np.log(0.5)) / 4
    got = np.asarray(losses.unet(target, logits))
    np.testing.assert_allclose(got, [(mask + core) / 2 + entropy], rtol=1e-5)


def test_unet_is_least_where_it_is_right_also_on_edges() -> None:
    """A cell half covered: neither more nor less than one half is better."""
    target = np.array([[[[0.5, 0.5], [1, 0]]]], np.float32)
    p = np.array([0.35, 0.45, 0.499, 0.5, 0.501, 0.55, 0.65])
    found = [
        float(
            np.asarray(
                losses.unet(
                    target, np.array([[[[_logit(v)] * 2, [20.0, -20.0]]]], dtype=np.float32)
                )
            )[0]
        )
        for v in p
    ]
    assert int(np.argmin(found)) == 3


def test_a_picture_without_plates_pushes_all_cells_down() -> None:
    """Both heads: finite for any answer, more for a false plate than for none."""
    for name, channels, most in (("unet", 2, 2), ("corners", 9, 1)):
        target = np.zeros((3, 4, 4, 2 if name == "unet" else 10), np.float32)
        logits = np.zeros((3, 4, 4, channels), np.float32)
        logits[..., :most] = np.array([-12, 0, 80]).reshape(3, 1, 1, 1)
        few, some, many = np.asarray(losses.loss(name)(target, logits)).tolist()  # type: ignore[arg-type]
        assert 0 <= few < 1e-3 < some < many < 2000


def test_corners_by_hand() -> None:
    """Three cells: a plate's middle, a cell beside it (heat 0.5), an empty one."""
    heat, p = [1.0, 0.5, 0.0], [0.7, 0.4, 0.1]
    true = [-4.0, -1, 4, -1, 4, 1, -4, 1]  # mean size 2.5 cells
    target = np.zeros((1, 1, 3, 10), np.float32)
    target[0, 0, :, 0] = heat
    target[0, 0, 0, 1:9], target[0, 0, 0, 9] = true, 1
    target[0, 0, 1, 1:9], target[0, 0, 1, 9] = true, 0.5
    logits = np.full((1, 1, 3, 9), 3.0, np.float32)
    logits[0, 0, :, 0] = [_logit(v) for v in p]
    logits[0, 0, 0, 1:] = np.add(true, 0.5)
    logits[0, 0, 1, 1:] = np.add(true, -1)
    focal = -(0.3**2 * np.log(0.7) + 0.5**4 * 0.4**2 * np.log(0.6) + 0.1**2 * np.log(0.9))
    error = (1 * 0.5 / 2.5 + 0.5 * 1 / 2.5) / 1.5
    got = np.asarray(losses.corners(target, logits))
    np.testing.assert_allclose(got, [focal + error], rtol=1e-5)


def test_two_plates_count_by_the_plate() -> None:
    """A picture with the same plate twice has the loss of the one with it once."""
    target = np.zeros((1, 2, 2, 10), np.float32)
    target[0, 0, 0] = [1, *[2.0] * 8, 1]
    logits = np.random.default_rng(0).normal(size=(1, 2, 2, 9)).astype(np.float32)
    twice = np.concatenate([target, target], axis=1), np.concatenate([logits, logits], axis=1)
    once = float(np.asarray(losses.corners(target, logits))[0])
    assert float(np.asarray(losses.corners(*twice))[0]) == pytest.approx(once, rel=1e-5)


def test_half_precision_is_reckoned_in_float32() -> None:
    target = np.zeros((1, 8, 8, 2), np.float16)
    loss = np.asarray(losses.unet(target, np.full((1, 8, 8, 2), -20, np.float16)))
    assert loss.dtype == np.float32
    assert 0 <= loss[0] < 1e-6

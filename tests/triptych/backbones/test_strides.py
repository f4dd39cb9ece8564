"""Finer maps from the same weights: parity where nothing changes, sizes where it does."""

import keras
import numpy as np
import pytest

from triptych import backbones
from triptych.backbones.pyramid import levels, narrow
from triptych.backbones.strides import Thin, restride


@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet18", "tiny"])
def test_maps_are_finer_by_height_and_width_apart(name: str) -> None:
    backbone = backbones.create(name, weights=None)
    finer = restride(backbone, (16, 4))
    channels = backbone.output_shape[-1]
    assert finer.compute_output_shape((1, 64, 128, 3)) == (1, 4, 32, channels)
    answer = finer(np.zeros((1, 64, 128, 3), np.float32))
    assert tuple(answer.shape) == (1, 4, 32, channels)


def test_a_stride_that_is_large_enough_changes_nothing() -> None:
    backbone = backbones.create("efficientnet-lite0", weights=None)
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype(np.float32)
    same = restride(backbone, (32, 32))
    np.testing.assert_array_equal(np.asarray(same(image)), np.asarray(backbone(image)))


def test_thin_after_stride_one_is_a_stride_of_two() -> None:
    """What `restride` does to a depthwise layer, against the stride itself."""
    maps = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    for kernel in (3, 5):
        strided = keras.layers.DepthwiseConv2D(kernel, 2, padding="same")
        whole = keras.layers.DepthwiseConv2D(kernel, 1, padding="same")
        strided.build(maps.shape)
        whole.build(maps.shape)
        whole.set_weights(strided.get_weights())
        np.testing.assert_allclose(
            np.asarray(Thin((2, 2))(whole(maps))), np.asarray(strided(maps)), atol=1e-5
        )


def test_a_block_is_cut_before_its_widening() -> None:
    lite = backbones.create("efficientnet-lite0", weights=None)
    maps = levels(lite)
    assert (maps[16].shape[-1], narrow(maps[16]).shape[-1]) == (672, 112)
    assert (maps[8].shape[-1], narrow(maps[8]).shape[-1]) == (240, 40)
    resnet = levels(backbones.create("resnet18", weights=None))
    assert narrow(resnet[16]) is resnet[16]


def test_a_stride_that_is_no_power_of_two_is_refused() -> None:
    with pytest.raises(ValueError, match=r"powers of two; received: most=\(16, 6\)"):
        restride(backbones.create("tiny", weights=None), (16, 6))

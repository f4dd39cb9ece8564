from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from triptych.backbones import layers as shared_layers
from triptych.backbones.layers import GroupedConv2D, imagenet_scale


@pytest.mark.parametrize("dense", [True, False], ids=["dense", "found out"])
@pytest.mark.parametrize(
    ("channels", "filters", "groups", "stride"),
    [
        (128, 128, 32, 1),  # 4 channels a group: 8 groups to a dense kernel
        (64, 128, 2, 2),  # groups already wider than a dense kernel
        (15, 30, 3, 2),  # nothing a power of two
        (24, 24, 24, 1),  # depthwise
        (8, 6, 1, 1),
    ],
)
def test_grouped_conv_equals_torch(
    channels: int,
    filters: int,
    groups: int,
    stride: int,
    dense: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if dense:
        monkeypatch.setattr(shared_layers, "_has_grouped_gradient", lambda *_: False)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 9, 8, channels)).astype("float32")
    layer = GroupedConv2D(filters, 3, stride, groups=groups)
    layer.build(x.shape)
    layer.bias.assign(rng.normal(size=filters))
    with tf.GradientTape() as tape:
        image = tf.Variable(x)
        y = layer(image)
        loss = tf.reduce_sum(y**2)
    gradients = tape.gradient(loss, [image, layer.kernel.value])

    torch_x = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    torch_kernel = torch.tensor(layer.kernel.numpy().transpose(3, 2, 0, 1), requires_grad=True)
    expected = torch.nn.functional.conv2d(
        torch_x,
        torch_kernel,
        torch.tensor(layer.bias.numpy()),
        stride,
        groups=groups,
    )
    expected.square().sum().backward()
    _close(y, expected.detach().permute(0, 2, 3, 1))
    _close(gradients[0], torch_x.grad.permute(0, 2, 3, 1))
    _close(gradients[1], torch_kernel.grad.permute(2, 3, 1, 0))


def test_grouped_conv_is_compiled_reloaded_and_half_precise(tmp_path: Path) -> None:
    image = keras.Input((None, None, 16))
    layer = GroupedConv2D(16, 3, padding="same", groups=4)
    model = keras.Model(image, layer(image))
    x = np.random.default_rng(0).normal(size=(1, 6, 6, 16)).astype("float32")
    expected = model.predict(x, verbose=0)

    model.save(tmp_path / "m.keras")
    reloaded = keras.saving.load_model(tmp_path / "m.keras")
    _close(reloaded.predict(x, verbose=0), expected)

    half = GroupedConv2D(16, 3, padding="same", groups=4, dtype="mixed_float16")
    half.build(x.shape)
    half.set_weights(layer.get_weights())
    y = half(x)
    assert y.dtype == "float16"
    np.testing.assert_allclose(y, expected, atol=0.01)


def test_grouped_conv_dilated() -> None:
    x = np.random.default_rng(0).normal(size=(1, 9, 8, 12)).astype("float32")
    layer = GroupedConv2D(12, 3, dilation_rate=2, groups=3, use_bias=False)
    y = layer(x)
    kernel = torch.tensor(layer.kernel.numpy().transpose(3, 2, 0, 1))
    image = torch.tensor(x.transpose(0, 3, 1, 2))
    expected = torch.nn.functional.conv2d(image, kernel, dilation=2, groups=3)
    _close(y, expected.permute(0, 2, 3, 1))


def test_grouped_conv_needs_groups_that_divide() -> None:
    with pytest.raises(ValueError, match="groups"):
        GroupedConv2D(16, 3, groups=3).build((1, 8, 8, 16))


def test_imagenet_scale_by_hand() -> None:
    image = keras.Input((1, 1, 3))
    model = keras.Model(image, imagenet_scale(image))
    white = (1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225
    black = -0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225
    pixels = np.array([255, 0], "uint8").reshape(2, 1, 1, 1).repeat(3, axis=3)
    _close(model(pixels)[:, 0, 0], [white, black])


def _close(actual: object, expected: object) -> None:
    np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), rtol=1e-4, atol=1e-4)

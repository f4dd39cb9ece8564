"""Every torchvision family against PyTorch, random weights through the real loading code."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.triptych.backbones.torch_reference import random_statistics, reference
from triptych.backbones import create, levels

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


@pytest.mark.parametrize(
    "name",
    [
        "resnet18",
        "resnet34",
        "resnet50",
        "resnext50_32x4d",
        "densenet121",
        "densenet161",
        "alexnet",
    ],
)
def test_same_features_as_torch(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = random_statistics(reference(name))
    save_file(source.state_dict(), tmp_path / "model.safetensors")
    model = create(name, weights=tmp_path / "model.safetensors")

    # odd sides, where a padding on the wrong side shows
    images = np.random.default_rng(0).integers(0, 256, (2, 75, 97, 3), dtype=np.uint8)
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).astype("float32"))
    with torch.no_grad():
        expected = source.features((x / 255 - MEAN) / STD).permute(0, 2, 3, 1).numpy()
    actual = np.asarray(model(images))

    assert actual.shape == expected.shape
    # neither dead nor exploded, so that 1e-4 means something
    assert 0.01 < expected.std() < 100
    scale = max(1.0, np.abs(expected).max())
    assert np.abs(actual - expected).max() <= 1e-4 * scale
    assert max(levels(model)) == 32

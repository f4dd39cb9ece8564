from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.triptych.backbones.torch_reference import reference
from triptych.backbones import create
from triptych.backbones.weights import torch_names


@pytest.fixture
def tensors() -> dict[str, np.ndarray]:
    """A torch state_dict of resnet18, with classifier and batch counters."""
    return {name: value.numpy() for name, value in reference("resnet18").state_dict().items()}


def _load(tensors: dict[str, np.ndarray], folder: Path) -> None:
    save_file(tensors, folder / "model.safetensors")
    create("resnet18", weights=folder / "model.safetensors")


def test_map_of_names_by_hand() -> None:
    names = torch_names(create("resnext50_32x4d", weights=None))
    assert len(names) == 53 + 4 * 53
    assert names["layer1.0.conv2.weight"].shape == (3, 3, 4, 128)
    assert names["layer4.2.bn3.running_var"].path == "layer4.2.bn3/moving_variance"
    assert names["layer2.0.downsample.0.weight"].shape == (1, 1, 256, 512)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("layer3.1.bn2.running_mean"), r"missing.*layer3\.1\.bn2\.running_mean"),
        (lambda t: t.update(extra=np.zeros(1)), "unknown tensors: extra"),
        (
            lambda t: t.update({"conv1.weight": np.zeros((64, 3, 3, 3), "float32")}),
            r"conv1\.weight has shape \(64, 3, 3, 3\)",
        ),
    ],
)
def test_file_that_does_not_fit_is_named(
    tensors: dict[str, np.ndarray],
    tmp_path: Path,
    change: Callable[[dict[str, np.ndarray]], object],
    message: str,
) -> None:
    change(tensors)
    with pytest.raises(ValueError, match=message) as caught:
        _load(tensors, tmp_path)
    assert "model.safetensors" in str(caught.value)


def test_file_of_another_backbone(tensors: dict[str, np.ndarray], tmp_path: Path) -> None:
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"does not fit resnet34: missing tensors.*and \d+ more"):
        create("resnet34", weights=tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="does not fit efficientnet-lite0"):
        create("efficientnet-lite0", weights=tmp_path / "model.safetensors")


@pytest.mark.parametrize("suffix", [".safetensors", ".weights.h5", ".keras", ".pth"])
def test_file_that_is_no_weights_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(b"not weights")
    with pytest.raises(ValueError, match="broken"):
        create("tiny", weights=path)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
@pytest.mark.parametrize("file", ["w.weights.h5", "w.keras"])
def test_keras_files(tmp_path: Path, file: str) -> None:
    model = create("tiny", weights=None)
    for variable in model.weights:
        variable.assign(np.random.default_rng(0).uniform(0.5, 1, variable.shape))
    (model.save_weights if file.endswith("h5") else model.save)(tmp_path / file)
    loaded = create("tiny", weights=str(tmp_path / file))
    for expected, actual in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(actual, expected)
    with pytest.raises(ValueError, match=r"w\."):
        create("alexnet", weights=tmp_path / file)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_keras_file_with_too_few_layers(tmp_path: Path) -> None:
    create("resnet18", weights=None).save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(ValueError, match=r"w\.weights\.h5 is no weights file of resnet34"):
        create("resnet34", weights=tmp_path / "w.weights.h5")


def test_hub_file_is_loaded(
    tensors: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file(tensors, tmp_path / "model.safetensors")
    asked = []

    def download(repository: str, file: str) -> str:
        asked.append((repository, file))
        return str(tmp_path / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    model = create("resnet18")
    assert asked == [("timm/resnet18.tv_in1k", "model.safetensors")]
    kernel = load_file(tmp_path / "model.safetensors")["conv1.weight"]
    np.testing.assert_array_equal(
        model.get_layer("conv1").get_weights()[0], kernel.transpose(2, 3, 1, 0)
    )


def test_hub_out_of_reach_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(repository: str, file: str) -> str:
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(OSError, match="no route") as caught:
        create("densenet121")
    message = str(caught.value)
    assert "hf download timm/densenet121.tv_in1k model.safetensors" in message
    assert "\n" not in message
    for alternative in ("weights=PATH", "weights=None", "efficientnet-lite0"):
        assert alternative in message
    assert caught.value.__suppress_context__


def test_alexnet_has_no_hub_file() -> None:
    with pytest.raises(OSError, match=r"timm/ on the hub has no weights of alexnet.*weights=None"):
        create("alexnet")

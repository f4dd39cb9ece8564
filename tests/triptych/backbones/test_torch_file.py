"""PyTorch's legacy files, read without PyTorch: what it writes, and what is damaged."""

import contextlib
import pickle
import random
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from triptych.backbones.torch_file import read_state_dict

WHOLE = torch.arange(24.0).reshape(2, 3, 4)
TENSORS: OrderedDict[str, torch.Tensor] = OrderedDict(
    {
        "conv.weight": torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0)),
        "transposed": torch.arange(12.0).reshape(3, 4).t(),
        "part": WHOLE[1, 1:, ::2],
        "same storage": WHOLE[0],
        "bn.num_batches_tracked": torch.tensor(5),
        "half": torch.tensor([1.5, -2.0]).half(),
        "none": torch.zeros(0, 3),
    }
)


def write(value: Any, path: Path, zipped: bool = False) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=zipped)
    return path


def test_what_pytorch_writes(tmp_path: Path) -> None:
    read = read_state_dict(write(TENSORS, tmp_path / "a.pth"))
    assert list(read) == list(TENSORS)
    for name, tensor in TENSORS.items():
        assert read[name].dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(read[name], tensor.numpy())


def test_state_dict_of_a_module(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    read = read_state_dict(write(module.state_dict(), tmp_path / "a.pth"))
    assert read["1.num_batches_tracked"].shape == ()
    np.testing.assert_array_equal(read["0.weight"], module[0].weight.detach().numpy())


@pytest.mark.parametrize("zipped", [False, True])
def test_other_files_of_pytorch(zipped: bool, tmp_path: Path) -> None:
    value = TENSORS if zipped else {"epoch": 3, "state": dict(TENSORS)}
    path = write(value, tmp_path / "a.pth", zipped)
    with pytest.raises(ValueError, match=r"not a legacy PyTorch state dict: .*a\.pth"):
        read_state_dict(path)


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("harm"),)


def test_a_file_cannot_run_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for content in (pickle.dumps(Harmful()), write(Harmful(), tmp_path / "b.pth").read_bytes()):
        (tmp_path / "a.pth").write_bytes(content)
        with pytest.raises(ValueError, match="has no place in a state dict"):
            read_state_dict(tmp_path / "a.pth")
    assert not (tmp_path / "harm").exists()


def test_damage_is_a_value_error_with_the_files_name(tmp_path: Path) -> None:
    path = write(TENSORS, tmp_path / "a.pth")
    good, rng = path.read_bytes(), random.Random(0)
    damaged = [b"", b"hello", *(good[:n] for n in range(1, len(good) - 1, 7))]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.pth"):
            read_state_dict(path)
    for _ in range(300):
        changed = bytearray(good)
        for _ in range(3):
            changed[rng.randrange(len(good))] = rng.randrange(256)
        path.write_bytes(changed)
        # What only changes a value goes unseen.
        with contextlib.suppress(ValueError):
            read_state_dict(path)

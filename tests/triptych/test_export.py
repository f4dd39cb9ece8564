"""A toy model exported: what it answers, and that nothing unfinished or wrong is left in place."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from triptych import export, images

SIZE = (20, 30)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its output is twice the mean of each channel."""
    folder = tmp_path_factory.mktemp("export") / "toy"
    factor = tf.Variable(2.0)

    def answer(pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"mean": factor * tf.reduce_mean(tf.cast(pictures, tf.float32), axis=(1, 2))}

    folder.mkdir()
    export.write_saved_model(folder, answer, [factor], SIZE, {"names": ["красный"]})
    return folder


def means(picture: np.ndarray) -> np.ndarray:
    return 2 * images.resize(picture, SIZE).mean(axis=(0, 1))


def test_answers_for_bytes_and_pixels(toy: Path) -> None:
    model = export.SavedModel(toy)
    pictures = export.sample_pictures()
    data = list(pictures.values())
    expected = np.stack([means(images.decode(one)) for one in data])
    # The mean of 600 float32 values is good to 1e-4, and one pixel off by one moves it by 3e-3.
    found = export.differences(model, pictures, "mean", expected)
    assert max(found["bytes"]) < 1e-3
    assert max(found["pixels"]) < 1e-3
    batch = np.random.default_rng(0).integers(0, 256, (3, 50, 41, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        model.from_pixels(batch)["mean"], [means(picture) for picture in batch], atol=1e-3
    )
    assert model.from_bytes([])["mean"].shape == (0, 3)


def test_sample_pictures_differ(toy: Path) -> None:
    """They cover what can go wrong: sizes, rotation, alpha, grey; and they are always the same."""
    pictures = export.sample_pictures()
    assert pictures == export.sample_pictures()
    shapes = {images.decode(data).shape for data in pictures.values()}
    assert {(240, 320, 3), (320, 240, 3), (97, 61, 3), (61, 97, 3)} <= shapes


def test_metadata_inside_and_beside(toy: Path) -> None:
    text = json.loads((toy / export.METADATA).read_text())
    inside = tf.saved_model.load(str(toy)).signatures["metadata"]()["json"].numpy()
    assert json.loads(inside) == text
    assert text["names"] == ["красный"]
    assert text["size"] == {"height": 20, "width": 30}
    assert "keras" in text["packages"]


def test_bad_picture_is_a_clear_error(toy: Path) -> None:
    with pytest.raises(ValueError, match=r"picture: .*\[not a JPEG, PNG, BMP or GIF picture\]$"):
        export.SavedModel(toy).from_bytes([b"some words"])


class Wrong:
    """Answers 1 for bytes, and not a number for pixels."""

    def from_bytes(self, pictures: list[bytes]) -> dict[str, np.ndarray]:
        return {"p": np.ones((len(pictures), 2), np.float32)}

    def from_pixels(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        return {"p": np.full((len(pictures), 2), np.nan, np.float32)}


def test_differences_by_hand() -> None:
    pictures = dict(list(export.sample_pictures().items())[:3])
    expected = np.array([[1, 1], [0.75, 1], [1, 1.5]])
    found = export.differences(Wrong(), pictures, "p", expected)
    assert found["bytes"].tolist() == [0, 0.25, 0.5]
    assert found["pixels"].tolist() == [np.inf] * 3


def test_parity_is_required(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / export.METADATA).write_text('{"task": "toy"}')
    found = {"bytes": np.array([1e-6, 3e-4]), "pixels": np.array([2e-6, 0])}
    with pytest.raises(export.ParityError, match=r"bytes of b.jpg differ by 3.0e-04"):
        export.require_parity(tmp_path, found, ["a.jpg", "b.jpg"], bound=1e-4)
    assert "3.0e-04 (b.jpg)" in capsys.readouterr().out
    export.require_parity(tmp_path, found, ["a.jpg", "b.jpg"], bound=1e-3)
    parity = json.loads((tmp_path / export.METADATA).read_text())["parity"]
    assert parity == {"pictures": 2, "bound": 1e-3, "worst": {"bytes": 3e-4, "pixels": 2e-6}}


def test_in_place_only_when_done(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    (target.parent / ".part-model").mkdir(parents=True)
    (target.parent / ".part-model" / "of a killed export").touch()

    def write(text: str, fail: bool = False, overwrite: bool = False) -> None:
        with export.in_place(target, overwrite) as folder:
            assert not list(folder.iterdir())
            (folder / export.METADATA).write_text(text)
            if fail:
                raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        write("first", fail=True)
    assert list(target.parent.iterdir()) == []
    write("first")
    with pytest.raises(FileExistsError, match="--overwrite"):
        write("second")
    with pytest.raises(RuntimeError):
        write("second", fail=True, overwrite=True)
    assert (target / export.METADATA).read_text() == "first"
    write("second", overwrite=True)
    assert (target / export.METADATA).read_text() == "second"
    assert list(target.parent.iterdir()) == [target]


def test_what_is_no_export_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="is no export"), export.in_place(tmp_path, True):
        pass
    assert (tmp_path / "thesis.tex").exists()

"""A toy model exported: what it answers, and that nothing unfinished or wrong is left in place."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from triptych import export, graph_images, images, run, saved_model

SIZE = (20, 30)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its outputs are twice the mean of each channel, and the size of the picture."""
    folder = tmp_path_factory.mktemp("export") / "toy"
    factor = tf.Variable(2.0)

    def prepare(pictures: tf.Tensor) -> tuple[tf.Tensor, ...]:
        count, height, width = tf.unstack(tf.shape(pictures)[:3])
        size = tf.tile([[height, width]], (count, 1))
        return graph_images.resize(pictures, SIZE), size

    def answer(small: tf.Tensor, size: tf.Tensor) -> dict[str, tf.Tensor]:
        mean = factor * tf.reduce_mean(tf.cast(small, tf.float32), axis=(1, 2))
        return {"mean": mean, "size": size}

    folder.mkdir()
    saved_model.write(folder, prepare, answer, {"names": ["красный"]})
    return folder


def means(picture: np.ndarray) -> np.ndarray:
    return 2 * images.resize(picture, SIZE).mean(axis=(0, 1))


def test_answers_for_bytes_and_pixels(toy: Path) -> None:
    model = saved_model.SavedModel(toy)
    pictures = export.sample_pictures()
    data = list(pictures.values())
    decoded = [images.decode(one) for one in data]
    expected = {
        "mean": np.stack([means(picture) for picture in decoded]),
        "size": np.array([picture.shape[:2] for picture in decoded]),
    }
    # The mean of 600 float32 values is good to 1e-4, and one pixel off by one moves it by 3e-3.
    found = export.differences(model, pictures, expected)
    assert max(found["bytes"]) < 1e-3
    assert max(found["pixels"]) < 1e-3
    batch = np.random.default_rng(0).integers(0, 256, (3, 50, 41, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        model.from_pixels(batch)["mean"], [means(picture) for picture in batch], atol=1e-3
    )
    assert model.from_pixels(batch)["size"].tolist() == [[50, 41]] * 3
    assert model.from_bytes([])["mean"].shape == (0, 3)


def test_sample_pictures_differ(toy: Path) -> None:
    """They cover what can go wrong: sizes, rotation, alpha, grey; and they are always the same."""
    pictures = export.sample_pictures()
    assert pictures == export.sample_pictures()
    shapes = {images.decode(data).shape for data in pictures.values()}
    assert {(240, 320, 3), (320, 240, 3), (97, 62, 3), (62, 97, 3)} <= shapes


def test_metadata_inside_and_beside(toy: Path) -> None:
    text = json.loads((toy / run.METADATA).read_text())
    inside = tf.saved_model.load(str(toy)).signatures["metadata"]()["json"].numpy()
    assert json.loads(inside) == text
    assert text["names"] == ["красный"]
    assert text["format"] == "saved_model"
    assert "keras" in text["packages"]


def test_bad_picture_is_a_clear_error(toy: Path) -> None:
    with pytest.raises(ValueError, match=r"picture: .*\[not a JPEG, PNG, BMP or GIF picture\]$"):
        saved_model.SavedModel(toy).from_bytes([b"some words"])


def test_any_number_of_answers_a_picture(tmp_path: Path) -> None:
    """As many as the first pixel's red says; those of one picture say where it is, and its size."""
    shift = tf.Variable(0.5)

    def one(picture: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = tf.cast(tf.range(tf.cast(picture[0, 0, 0], tf.int32)), tf.float32) + shift
        size = tf.cast(tf.shape(picture)[:2], tf.float32)
        return {"places": rows[:, None] * size, "words": tf.strings.as_string(rows, 1)}

    saved_model.write_signatures(tmp_path, one, {"task": "toy"})
    model = saved_model.SavedModel(tmp_path)
    data = []
    for count, size in ((2, (8, 4)), (0, (3, 3)), (1, (5, 6))):
        file = io.BytesIO()
        Image.new("RGB", size, (count, 0, 0)).save(file, "PNG")
        data.append(file.getvalue())
    found = model.from_bytes(data)
    assert found["count"].tolist() == [2, 0, 1]
    assert found["words"].tolist() == [[b"0.5", b"1.5"], [b"", b""], [b"0.5", b""]]
    places = [[[2, 4], [6, 12]], [[0, 0], [0, 0]], [[3, 2.5], [0, 0]]]
    assert found["places"].tolist() == places
    assert model.from_bytes(data[1:2])["places"].shape == (1, 0, 2)
    assert model.from_bytes([])["places"].shape == (0, 0, 2)
    assert model.from_bytes([])["count"].shape == (0,)
    pixels = model.from_pixels(np.stack([images.decode(data[0])] * 2))
    assert pixels["places"].tolist() == [places[0]] * 2
    assert json.loads((tmp_path / run.METADATA).read_text())["task"] == "toy"


class Wrong:
    """Answers 1 for bytes, and not a number for pixels; q is always 5."""

    def from_bytes(self, pictures: list[bytes]) -> dict[str, np.ndarray]:
        return self._answer(len(pictures), 1)

    def from_pixels(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        return self._answer(len(pictures), np.nan)

    def _answer(self, count: int, p: float) -> dict[str, np.ndarray]:
        return {"p": np.full((count, 2), p, np.float32), "q": np.full(count, 5.0)}


def test_differences_by_hand() -> None:
    pictures = dict(list(export.sample_pictures().items())[:3])
    expected = {"p": np.array([[1, 1], [0.75, 1], [1, 1.5]])}
    found = export.differences(Wrong(), pictures, expected)
    assert found["bytes"].tolist() == [0, 0.25, 0.5]
    assert found["pixels"].tolist() == [np.inf] * 3


def test_differences_of_all_outputs_each_in_its_unit() -> None:
    pictures = dict(list(export.sample_pictures().items())[:3])
    expected = {"p": np.array([[1, 1], [0.75, 1], [1, 1.5]]), "q": np.array([5, 5, 8])}
    found = export.differences(Wrong(), pictures, expected, np.array([1, 0.5, 2]))
    assert found["bytes"].tolist() == [0, 0.5, 1.5]
    assert found["pixels"].tolist() == [np.inf] * 3


def test_parity_is_required(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / run.METADATA).write_text('{"task": "toy"}')
    found = {"bytes": np.array([1e-6, 3e-4]), "pixels": np.array([2e-6, 0])}
    names = ["a.jpg", "b.jpg"]
    with pytest.raises(export.ParityError, match=r"bytes of b.jpg differ by 3.0e-04"):
        export.require_parity(tmp_path, found, names, 1e-4, "in votes")
    assert "in votes, bytes: 3.0e-04 (b.jpg)" in capsys.readouterr().out
    export.require_parity(tmp_path, found, names, 1e-3, "in votes")
    assert json.loads((tmp_path / run.METADATA).read_text())["parity"] == {
        "pictures": 2,
        "unit": "in votes",
        "bound": 1e-3,
        "worst": {"bytes": 3e-4, "pixels": 2e-6},
    }


def test_describe_leaves_paths_out(tmp_path: Path) -> None:
    config = {"data": "/secret", "weights": "/secret/lite.npz", "seed": 3}
    (tmp_path / run.CONFIG).write_text(json.dumps(config))
    (tmp_path / run.MODEL).write_bytes(b"abc")
    assert export.describe(tmp_path, "toy", ["data"]) == {
        "task": "toy",
        "version": "ba7816bf8f01",  # SHA-256 of "abc", FIPS 180-2
        "config": {"weights": "lite.npz", "seed": 3},
    }


def test_reads_what_an_export_can(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, "PNG")
    good, webp, damaged = (tmp_path / name for name in ("a.png", "b.webp", "c.jpg"))
    good.write_bytes(file.getvalue())
    Image.new("RGB", (9, 9)).save(webp)
    damaged.write_bytes(b"no picture")
    assert export.read_pictures([good, webp, damaged]) == {str(good): file.getvalue()}
    heard = capsys.readouterr().out
    assert "c.jpg: not a picture" in heard
    assert "b.webp: an export reads JPEG, PNG, BMP or GIF" in heard
    with pytest.raises(ValueError, match="no picture to compare on"):
        export.read_pictures([webp])


def test_in_place_only_when_done(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    (target.parent / ".part-model").mkdir(parents=True)
    (target.parent / ".part-model" / "of a killed export").touch()

    def write(text: str, fail: bool = False, overwrite: bool = False) -> None:
        with export.in_place(target, overwrite) as folder:
            assert not list(folder.iterdir())
            (folder / run.METADATA).write_text(text)
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
    assert (target / run.METADATA).read_text() == "first"
    write("second", overwrite=True)
    assert (target / run.METADATA).read_text() == "second"
    assert list(target.parent.iterdir()) == [target]


def test_what_is_no_export_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="is no export"), export.in_place(tmp_path, True):
        pass
    assert (tmp_path / "thesis.tex").exists()

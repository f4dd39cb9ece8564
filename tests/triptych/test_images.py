"""Every kind of file that can stand in a folder of pictures, and resizing."""

import io
import random
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from triptych import images
from triptych.images import (
    ImageError,
    decode,
    resize,
    shrink_to_cover,
    shrink_to_show,
    upright_size,
)

# Twelve pixels, all different, wider than high.
PIXELS = np.arange(36, dtype=np.uint8).reshape(3, 4, 3) * 7


def encoded(image: Image.Image | np.ndarray, kind: str, **options: Any) -> bytes:
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG of any size in a few bytes: header, an empty picture, end."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_plain_picture_from_bytes_and_from_a_file(kind: str, tmp_path: Path) -> None:
    data = encoded(PIXELS, kind)
    (tmp_path / "picture").write_bytes(data)
    for image in (decode(data), decode(tmp_path / "picture")):
        assert image.dtype == np.uint8
        np.testing.assert_array_equal(image, PIXELS)
        image[0, 0] = 1  # an array of its own, not a view of Pillow's


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_picture(kind: str) -> None:
    image = decode(encoded(np.full((8, 9, 3), (200, 100, 30), np.uint8), kind, quality=95))
    assert image.shape == (8, 9, 3)
    assert np.abs(image.astype(int) - (200, 100, 30)).max() <= 4


def test_transparent_pictures_lie_on_white() -> None:
    rgba = np.full((2, 3, 4), (100, 50, 0, 255), np.uint8)
    rgba[0, 0, 3], rgba[0, 1, 3] = 0, 51
    image = decode(encoded(rgba, "PNG"))
    assert image.shape == (2, 3, 3)
    np.testing.assert_array_equal(image[0, 0], (255, 255, 255))
    # A fifth of the colour, four fifths white.
    np.testing.assert_allclose(image[0, 1], (224, 214, 204), atol=1)
    np.testing.assert_array_equal(image[1, 2], (100, 50, 0))

    grey = decode(encoded(Image.fromarray(rgba[..., 2:4], "LA"), "PNG"))
    np.testing.assert_array_equal(grey[:, :, 0], [[255, 204, 0], [0, 0, 0]])

    palette = Image.new("P", (2, 1), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    palette.putpixel((0, 0), 0)
    image = decode(encoded(palette, "PNG", transparency=0))
    np.testing.assert_array_equal(image, [[(255, 255, 255), (10, 20, 30)]])


@pytest.mark.parametrize("orientation", [1, 6])
def test_16_bit_grey_keeps_the_upper_8_bits(orientation: int) -> None:
    values = np.array([[0, 255, 256], [0x1234, 0x80FF, 0xFFFF]], np.uint16)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image = decode(encoded(values, "PNG", exif=exif))
    expected = (values >> 8) if orientation == 1 else np.rot90(values >> 8, -1)
    np.testing.assert_array_equal(image, np.repeat(expected[..., None], 3, axis=2))


def test_first_frame_of_a_gif() -> None:
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode(data), np.full((4, 5, 3), (255, 0, 0)))


def test_cmyk_jpeg() -> None:
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # magenta and yellow ink: red
    image = decode(encoded(cmyk, "JPEG", quality=95)).astype(int)
    assert image.shape == (16, 16, 3)
    assert np.abs(image - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize("orientation", range(9))
def test_exif_orientation(orientation: int, tmp_path: Path) -> None:
    """The stored picture, turned as the flag says, is the upright one; the header has its size."""
    stored = {
        2: PIXELS[:, ::-1],
        3: PIXELS[::-1, ::-1],
        4: PIXELS[::-1],
        5: PIXELS.transpose(1, 0, 2),
        6: np.rot90(PIXELS, 1),
        7: np.rot90(PIXELS, 2).transpose(1, 0, 2),
        8: np.rot90(PIXELS, -1),
    }.get(orientation, PIXELS)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    data = encoded(np.ascontiguousarray(stored), "PNG", exif=exif)
    np.testing.assert_array_equal(decode(data), PIXELS)
    path = tmp_path / "a.png"
    path.write_bytes(data)
    assert upright_size(path) == PIXELS.shape[:2]
    path.write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"a\.png cannot be read as a picture"):
        upright_size(path)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_spoil_the_pixels() -> None:
    plain = encoded(PIXELS, "JPEG", quality=95)
    for block in (b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\0\x09" + b"\xff" * 30, b"Exif\0\0II*"):
        segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
        np.testing.assert_array_equal(decode(plain[:2] + segment + plain[2:]), decode(plain))
    # An orientation that can be read counts, even where the rest of the block is no EXIF.
    tags = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack(
        ">HHI4s", 0x0100, 4, 1, b"\xff" * 4
    )
    block = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2) + tags + bytes(4)
    segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    turned = np.rot90(decode(plain), -1)
    np.testing.assert_array_equal(decode(plain[:2] + segment + plain[2:]), turned)


def damaged() -> dict[str, tuple[bytes, str]]:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    return {
        "truncated.jpg": (encoded(noise, "JPEG")[:3000], "damaged"),
        "truncated.png": (encoded(noise, "PNG")[:5000], "damaged"),
        "truncated.gif": (encoded(noise, "GIF")[:1500], "damaged"),
        "empty.jpg": (b"", "the file is empty"),
        "text.jpg": (b"<html>404 not found</html>", "not a picture in a known format"),
        "large.png": (png_header(12_000, 10_000), "12000 x 10000 pixels are more than the limit"),
        "huge.png": (png_header(20_000, 20_000), "400000000 pixels"),
    }


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", damaged())
def test_what_cannot_be_used(name: str, tmp_path: Path) -> None:
    data, reason = damaged()[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ImageError, match=reason) as from_file:
        decode(tmp_path / name)
    assert str(from_file.value).startswith(f"{tmp_path / name}: ")
    with pytest.raises(ImageError) as from_bytes:
        decode(data)
    assert str(from_bytes.value) in str(from_file.value)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"gone\.jpg: cannot be read \(No such file"):
        decode(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match="cannot be read"):
        decode(tmp_path)


def test_a_huge_picture_is_refused_from_its_header() -> None:
    start = time.process_time()
    for _ in range(10):
        with pytest.raises(ImageError):
            decode(png_header(20_000, 20_000))
    assert (time.process_time() - start) / 10 < 0.01


def test_limit_of_pixels() -> None:
    with pytest.raises(ImageError, match="4 x 3 pixels are more than the limit of 11"):
        decode(encoded(PIXELS, "PNG"), max_pixels=11)
    assert decode(encoded(PIXELS, "PNG"), max_pixels=12).shape == (3, 4, 3)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP"])
def test_damage_of_any_kind_is_an_image_error(kind: str) -> None:
    """Bytes changed or cut off, mostly in the header: a picture or `ImageError`, nothing else."""
    noise = np.random.default_rng(0).integers(0, 255, (20, 24, 3), np.uint8)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Make] = 6, "maker"
    options: dict[str, Any] = {"exif": exif} if kind in ("JPEG", "PNG", "WEBP") else {}
    whole = encoded(noise, kind, **options)
    rng = random.Random(0)
    for _ in range(250):
        data = bytearray(whole)
        if rng.random() < 0.3:
            del data[rng.randrange(1, len(data)) :]
        for _ in range(rng.randrange(1, 8)):
            data[rng.randrange(min(len(data), 200))] = rng.randrange(256)
        try:
            image = decode(bytes(data), max_pixels=100_000)
        except ImageError:
            continue
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert image.shape[2] == 3


@pytest.mark.parametrize("size", [(17, 23), (50, 40), (9, 64)])
def test_resize_is_tensorflows_antialiased_bilinear(size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    expected = tf.image.resize(image, size, method="bilinear", antialias=True).numpy()
    got = resize(image, size)
    assert got.dtype == np.uint8
    assert got.shape == (*size, 3)
    # Pillow rounds between its two passes.
    assert np.abs(got - expected).max() <= 1.5


def test_resize_to_the_same_size_changes_nothing() -> None:
    assert resize(PIXELS, (3, 4)) is PIXELS


@given(
    image=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
def test_shrinking_covers_the_size_and_keeps_the_shape(
    image: tuple[int, int], size: tuple[int, int]
) -> None:
    height, width = shrink_to_cover(np.zeros((*image, 3), np.uint8), size).shape[:2]
    if image[0] <= size[0] or image[1] <= size[1]:
        assert (height, width) == image
    else:
        assert height >= size[0]
        assert width >= size[1]
        assert (height, width) <= image
        assert height == size[0] or width == size[1]
        scale = max(size[0] / image[0], size[1] / image[1])
        assert abs(height - image[0] * scale) <= 0.5
        assert abs(width - image[1] * scale) <= 0.5


def test_what_is_shown_has_a_bound_on_each_side() -> None:
    for image, shown in (
        ((1440, 1920), (720, 960)),
        ((500, 2000), (500, 2000)),
        ((1, 70_000), (1, 4096)),
        ((70_000, 5), (4096, 5)),
    ):
        assert shrink_to_show(np.zeros((*image, 3), np.uint8)).shape == (*shown, 3)


def test_the_kit_and_the_records_know_the_same_file_names() -> None:
    from carclf import records

    assert records.SUFFIXES == images.SUFFIXES


def test_formats_that_do_not_count_and_pixels_by_the_header() -> None:
    for kind, counts in (("PNG", True), ("EPS", False)):
        file = io.BytesIO()
        Image.new("RGB", (7, 5)).save(file, kind)
        if counts:
            assert images.pixels(file.getvalue(), 35, images.FORMATS) == 35
            assert images.decode(file.getvalue(), formats=images.FORMATS).shape == (5, 7, 3)
            with pytest.raises(ImageError, match="7 x 5 pixels are more"):
                images.pixels(file.getvalue(), 34)
            continue
        for function in (images.pixels, images.decode):
            with pytest.raises(ImageError, match="known format"):
                function(file.getvalue(), formats=images.FORMATS)

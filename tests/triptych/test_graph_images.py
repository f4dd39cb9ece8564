"""Decoding and resizing in a graph give the numbers of `triptych.images`."""

import contextlib
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from triptych import graph_images, images

RNG = np.random.default_rng(5)
HEIGHT, WIDTH = 23, 34
COLOUR = RNG.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
ALPHA = RNG.integers(0, 256, (HEIGHT, WIDTH, 1), dtype=np.uint8)
RGB = Image.fromarray(COLOUR)
RGBA = Image.fromarray(np.dstack([COLOUR, ALPHA]))
GREY, PALETTE = RGB.convert("L"), RGB.convert("P")

_graph = tf.function(graph_images.decode, input_signature=[tf.TensorSpec((), tf.string)])


def decode(data: bytes) -> np.ndarray:
    return _graph(tf.constant(data)).numpy()


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(bits: int, colour_type: int, values: np.ndarray, *chunks: bytes) -> bytes:
    """An uncompressed-filter PNG of samples [H, W, C] of `bits` bits each."""
    height, width, _ = values.shape
    flat = values.reshape(height, -1).astype(">u2")
    shifts = np.arange(bits - 1, -1, -1)
    rows = np.packbits((flat[..., None] >> shifts & 1).reshape(height, -1).astype(np.uint8), axis=1)
    pixels = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    body = (
        chunk(b"IHDR", head),
        *chunks,
        chunk(b"IDAT", zlib.compress(pixels)),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def samples(bits: int, channels: int = 1) -> np.ndarray:
    return RNG.integers(0, 2**bits, (HEIGHT, WIDTH, channels))


def tiff(orientation: int, order: str, kind: int = 3) -> bytes:
    """An EXIF block whose orientation is neither the first entry nor near the start."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    make = struct.pack(order + "HHII", 0x010F, 2, 6, 100)
    value = struct.pack(order + ("HH" if kind == 3 else "I"), *(orientation, 0)[: 5 - kind])
    entry = struct.pack(order + "HHI", 0x0112, kind, 1) + value
    directory = struct.pack(order + "H", 2) + make + entry + struct.pack(order + "I", 0)
    return (
        (mark + struct.pack(order + "I", 40)).ljust(40, b"\0")
        + directory.ljust(60, b"\0")
        + b"Car Co"
    )


SAME = {
    "jpeg": encode(RGB, "JPEG", quality=80),
    "jpeg full chroma": encode(RGB, "JPEG", quality=95, subsampling=0),
    "jpeg 4:2:2 progressive": encode(RGB, "JPEG", subsampling=1, progressive=True),
    "jpeg grey": encode(GREY, "JPEG"),
    "png": encode(RGB, "PNG"),
    "png alpha": encode(RGBA, "PNG"),
    "png grey alpha": encode(RGBA.convert("LA"), "PNG"),
    "png palette": encode(PALETTE, "PNG"),
    "png palette alpha": encode(PALETTE, "PNG", transparency=bytes(range(256))),
    "png one colour transparent": encode(RGB, "PNG", transparency=tuple(COLOUR[3, 4].tolist())),
    "png one grey transparent": encode(GREY, "PNG", transparency=GREY.getpixel((4, 3))),
    "png 1 bit": png(1, 0, samples(1)),
    "png 2 bits": png(2, 0, samples(2)),
    "png 4 bits": png(4, 0, samples(4)),
    "png 16 bits": png(16, 0, samples(16)),
    "png 16 bits, transparent": png(16, 0, np.full((2, 2, 1), 513), chunk(b"tRNS", b"\2\1")),
    "png 16 bits rgb": png(16, 2, samples(16, 3)),
    "png 16 bits rgba": png(16, 6, samples(16, 4)),
    "bmp": encode(RGB, "BMP"),
    "bmp grey": encode(GREY, "BMP"),
    "bmp palette": encode(PALETTE, "BMP"),
    "bmp 32 bits": encode(RGBA, "BMP"),
    "gif": encode(PALETTE, "GIF"),
    "gif animated": encode(PALETTE, "GIF", save_all=True, append_images=[PALETTE.rotate(180)]),
}


@pytest.mark.parametrize("name", SAME)
def test_same_pixels(name: str) -> None:
    assert graph_images.reads(SAME[name])
    np.testing.assert_array_equal(decode(SAME[name]), images.decode(SAME[name]))


def test_cmyk_within_one() -> None:
    cmyk = Image.fromarray(np.dstack([COLOUR, ALPHA // 2]), "CMYK")
    data = encode(cmyk, "JPEG", quality=95)
    np.testing.assert_allclose(decode(data).astype(int), images.decode(data), atol=1)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(10))
def test_upright_by_exif(orientation: int, order: str) -> None:
    """1 to 8; 0 and 9 mean nothing and turn nothing."""
    block = tiff(orientation, order)
    jpeg = encode(RGB, "JPEG", exif=b"Exif\0\0" + block)
    for data in (jpeg, png(8, 2, COLOUR, chunk(b"tEXt", b"a\0b"), chunk(b"eXIf", block))):
        upright = decode(data)
        assert upright.shape[:2] == ((WIDTH, HEIGHT) if 5 <= orientation <= 8 else (HEIGHT, WIDTH))
        np.testing.assert_array_equal(upright, images.decode(data))


def test_orientation_by_hand() -> None:
    """6: the picture was stored turned a quarter to the left, so it is turned to the right."""
    data = png(8, 2, COLOUR, chunk(b"eXIf", tiff(6, ">", kind=4)))
    np.testing.assert_array_equal(decode(data), np.rot90(COLOUR, -1))


def test_exif_after_other_segments() -> None:
    """A colour profile and XMP, which is an APP1 too, stand before it."""
    jpeg = encode(RGB, "JPEG", exif=b"Exif\0\0" + tiff(8, ">"))
    others = b"".join(
        mark + struct.pack(">H", len(text) + 2) + text
        for mark, text in (
            (b"\xff\xe2", b"ICC" * 9999),
            (b"\xff\xe1", b"http://ns.adobe.com/xap/\0 "),
        )
    )
    data = jpeg[:2] + others + jpeg[2:]
    np.testing.assert_array_equal(decode(data), images.decode(data))
    assert decode(data).shape == (WIDTH, HEIGHT, 3)


BAD = {
    "empty": b"",
    "one byte": b"\xff",
    "text": b"no picture at all, but some words",
    "jpeg's first bytes": b"\xff\xd8\xff",
    "truncated jpeg": SAME["jpeg"][:300],
    "truncated png": SAME["png"][:300],
    "webp": encode(RGB, "WEBP"),
    "bmp 1 bit": encode(RGB.convert("1"), "BMP"),
    "bmp run lengths": SAME["bmp grey"][:30] + b"\1" + SAME["bmp grey"][31:],
    "50 000 x 50 000": png(1, 0, samples(1)).replace(
        struct.pack(">II", WIDTH, HEIGHT), struct.pack(">II", 50_000, 50_000)
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(BAD[name])


@settings(max_examples=60)
@given(
    name=st.sampled_from(["jpeg", "png alpha", "bmp palette", "gif animated"]),
    at=st.integers(0, 250),
    octets=st.binary(min_size=1, max_size=6),
)
def test_damage_is_an_answer_or_one_error(name: str, at: int, octets: bytes) -> None:
    block = b"Exif\0\0" + tiff(6, "<")
    whole = encode(RGB, "JPEG", exif=block) if name == "jpeg" else SAME[name]
    with contextlib.suppress(tf.errors.InvalidArgumentError):
        assert decode(whole[:at] + octets + whole[at + len(octets) :]).ndim == 3


@pytest.fixture(scope="module")
def resize() -> Callable[[np.ndarray, tuple[int, int]], np.ndarray]:
    graphs = {}

    def call(batch: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        if size not in graphs:
            graphs[size] = tf.function(
                lambda x: graph_images.resize(x, size),
                input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)],
            )
        return graphs[size](batch).numpy()

    return call


@pytest.mark.parametrize("size", [(48, 64), (40, 32)])
def test_resize_as_pillow(
    size: tuple[int, int], resize: Callable[[np.ndarray, tuple[int, int]], np.ndarray]
) -> None:
    """Up, down, one side only, very long ones, and none at all."""
    shapes = [(1, 1), (7, 9), (24, 32), size, (48, 200), (300, 64), (333, 517), (517, 333)]
    for height, width in [*shapes, (500, 31), (31, 500), (160, 128), (49, 65), (1000, 1400)]:
        image = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
        expected = images.resize(image, size)
        np.testing.assert_array_equal(resize(image[None], size)[0], expected, str(image.shape))


def test_resize_a_batch(
    resize: Callable[[np.ndarray, tuple[int, int]], np.ndarray],
) -> None:
    batch = RNG.integers(0, 256, (3, 70, 50, 3), dtype=np.uint8)
    expected = np.stack([images.resize(image, (48, 64)) for image in batch])
    np.testing.assert_array_equal(resize(batch, (48, 64)), expected)
    assert resize(batch[:0], (48, 64)).shape == (0, 48, 64, 3)


Box = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def resize_box() -> Callable[[np.ndarray, Box], np.ndarray]:
    """The part `box` of one picture at 40 x 56."""

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None, 3), tf.uint8),
            tf.TensorSpec((4,), tf.float64),
        ]
    )
    def graph(batch: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
        return graph_images.resize(batch, (40, 56), tuple(tf.unstack(box)))

    return lambda image, box: graph(image[None], np.array(box, np.float64)).numpy()[0]


def pillow_box(image: np.ndarray, box: Box) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((56, 40), Image.Resampling.BILINEAR, box=box))


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        ((40, 57), (0.5, 0, 56.5, 40)),  # half a pixel aside, and no other size
        ((83, 74), (0, 4.5, 74, 78.5)),
        ((61, 300), (119.5, 0, 180.5, 61)),
        ((500, 31), (0, 234.5, 31, 265.5)),  # rows first, because of the whole picture's sides
        ((9, 14), (2.5, 0, 11.5, 9)),  # enlarged
        ((1, 100), (49.5, 0, 50.5, 1)),
        ((300, 400), (0, 0, 400, 300)),
        ((30, 40), (7.25, 3.125, 7.75, 29.875)),
        ((56, 100), (13.860013, 16.693426, 42.20382, 54.96916)),  # its sides rounded to float32
    ],
)
def test_resize_a_part_as_pillow(
    shape: tuple[int, int],
    box: Box,
    resize_box: Callable[[np.ndarray, Box], np.ndarray],
) -> None:
    image = RNG.integers(0, 256, (*shape, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize_box(image, box), pillow_box(image, box))


@settings(max_examples=25)
@given(data=st.data(), height=st.integers(1, 200), width=st.integers(1, 200))
def test_resize_any_part_as_pillow(
    data: st.DataObject,
    height: int,
    width: int,
    resize_box: Callable[[np.ndarray, Box], np.ndarray],
) -> None:
    """Edges at eighths of a pixel, which Pillow's float32 holds exactly."""
    left, right = sorted(data.draw(st.sets(st.integers(0, 8 * width), min_size=2, max_size=2)))
    top, bottom = sorted(data.draw(st.sets(st.integers(0, 8 * height), min_size=2, max_size=2)))
    box = (left / 8, top / 8, right / 8, bottom / 8)
    image = np.random.default_rng(left).integers(0, 256, (height, width, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize_box(image, box), pillow_box(image, box))

"""Picture files that cost far more than their pixels, each small here, and those that do not."""

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from benchmarks import fuzz
from triptych.structure import check

Entry = tuple[int, int, int, int]


def encoded(kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), "navy").save(file, kind, **options)
    return file.getvalue()


def tiff(*entries: Entry, then: bytes = b"", order: str = "<") -> bytes:
    """A directory of (tag, type, count, value), and what follows it."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    table = b"".join(struct.pack(f"{order}HHLL", *entry) for entry in entries)
    return head + struct.pack(f"{order}LH", 8, len(entries)) + table + bytes(4) + then


def overlapping(order: str = "<") -> bytes:
    """A hundred entries that are all made of the same 1000 bytes."""
    return tiff(*((tag, 1, 1000, 8) for tag in range(1000, 1100)), order=order)


def further(order: str) -> bytes:
    """The same in a directory within one."""
    inner = overlapping(order)[8:]
    return tiff((34665, 4, 1, 26), then=inner, order=order)


def segment(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, kind, len(content) + 2) + content


def in_jpeg(part: bytes) -> bytes:
    whole = encoded("JPEG")
    return whole[:2] + part + whole[2:]


def in_png(kind: bytes, content: bytes, times: int = 1) -> bytes:
    whole = encoded("PNG")
    part = struct.pack(">L", len(content)) + kind + content
    part += struct.pack(">L", zlib.crc32(kind + content))
    return whole[:33] + part * times + whole[33:]


def in_gif(part: bytes) -> bytes:
    whole = encoded("GIF")
    place = whole.index(b",")
    return whole[:place] + part + whole[place:]


def in_webp(part: bytes) -> bytes:
    whole = encoded("WEBP")
    return b"RIFF" + struct.pack("<L", len(whole) - 8 + len(part)) + whole[8:] + part


def passes(times: int) -> bytes:
    """A progressive JPEG whose last pass comes again and again."""
    whole = encoded("JPEG", progressive=True)
    return whole[:-2] + whole[whole.rindex(b"\xff\xda") : -2] * times + whole[-2:]


def run_length() -> bytes:
    whole = bytearray(encoded("BMP"))
    whole[30] = 1
    return bytes(whole)


PROFILE = b"\nexif\n  9\n" + overlapping().hex().encode()

BOMBS = {
    "more than 20.. parts": [
        in_jpeg(segment(0xFE, b"") * 2100),
        in_jpeg(b"\xff\xd0" * 2100),
        in_jpeg(b"\xff" * 2100),
        in_gif(b"!\xfe" + b"\x01x" * 2100 + b"\0"),
        in_gif(b"!\x01\x01x\x00" * 2100),
        in_gif(bytes(2100)),
        in_png(b"tIME", b"", 2100),
        in_webp(b"abcd\0\0\0\0" * 2100),
    ],
    "passes over 1600 pixels": [passes(20)],
    "run-length encoded": [run_length()],
    "directory larger than the file": [
        overlapping(),
        overlapping(">"),
        further("<"),
        further(">"),
        in_jpeg(segment(0xE1, b"Exif\0\0" + overlapping())),
        # In two segments, as Pillow puts them together; the picture then breaks off.
        in_jpeg(
            segment(0xE1, b"Exif\0\0" + overlapping()[:300])
            + segment(0xE1, b"Exif\0\0" + overlapping()[300:])
        )[:-2]
        + b"\xff\xfe",
        in_jpeg(segment(0xE2, b"MPF\0" + overlapping())),
        in_png(b"eXIf", overlapping()),
        in_png(b"tEXt", b"Raw profile type exif\0" + PROFILE),
        in_png(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(PROFILE)),
        in_png(b"iTXt", b"Raw profile type exif\0\1\0\0\0" + zlib.compress(PROFILE)),
        in_webp(b"EXIF" + struct.pack("<L", len(overlapping())) + overlapping()),
    ],
    "a directory of 5000 entries": [tiff(*[(1, 1, 1, 1)] * 5000)],
    "a table of 70000 numbers": [tiff((273, 3, 70_000, 8), then=bytes(140_000))],
    "tiles of 5000 x 5000": [tiff((322, 4, 1, 5000), (323, 3, 1, 5000))],
    "compression 34925": [tiff((259, 3, 1, 34925))],
    "only plain TIFFs": [b"II+\0" + bytes(20)],
}


@pytest.mark.parametrize(
    ("why", "data"), [(why, data) for why, files in BOMBS.items() for data in files]
)
def test_what_costs_too_much_is_refused(why: str, data: bytes) -> None:
    with pytest.raises(ValueError, match=why):
        check(data, 1600)


def test_honest_pictures_may_be_read() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(34665)[0x9286] = b"words"
    honest = dict(fuzz.whole())
    honest |= {kind: encoded(kind, exif=exif) for kind in ("JPEG", "PNG", "WEBP", "TIFF")}
    honest |= {"progressive": passes(0), "comment": encoded("GIF", comment=b"c" * 1000)}
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        honest[compression] = encoded("TIFF", compression=compression)
    for data in honest.values():
        check(data, 1600)


def test_what_is_broken_off_is_for_the_decoder_to_tell() -> None:
    for data in [*fuzz.whole().values(), in_png(b"eXIf", overlapping()[:40]), b"MMM"]:
        for end in range(len(data)):
            check(data[:end], 1600)

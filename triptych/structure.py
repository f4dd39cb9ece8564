"""Whether a stranger's picture file may be given to a decoder: by its structure, before any of it.

A picture's header bounds its pixels, but not what it costs to come to them: a file of a few MB can
have millions of empty parts, a thousand passes over the same pixels, tables that are all read from
the same bytes, or a tile larger than any picture. What is merely damaged is the decoder's to tell.
"""

import re
import struct
import zlib
from collections.abc import Iterator

_PLAIN = (b"II*\0", b"MM\0*")
_ODD = (b"II+\0", b"MM\0+", b"II\0*", b"MM*\0")  # BigTIFFs, and some with their bytes mixed up
_PASSES = 16  # over as many pixels as a picture may have; progressive JPEGs have about ten
_ENTRIES = 4096  # of a TIFF directory
_NUMBERS = 65_536  # of one entry: a strip of a TIFF has two
_ONE_BYTE = (1, 2, 6, 7)  # TIFF types whose values are not made into numbers one by one
_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_COMPRESSIONS = (1, 2, 3, 4, 5, 7, 8, 32773, 32946)  # none, fax, LZW, JPEG, deflate, PackBits
_FURTHER = (34665, 34853, 40965)  # tags of directories within: EXIF, GPS, and one of EXIF's
_PROFILE = 1_000_000  # bytes of EXIF as text, unpacked

_SCAN_END = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def check(data: bytes, max_pixels: int) -> None:
    """Look at an encoded picture in the time that it takes to count its parts.

    Raises:
        ValueError: it would cost more than a picture of `max_pixels` may.
    """
    try:
        if data.startswith(b"\xff\xd8"):
            _jpeg(data, max_pixels)
        elif data.startswith(b"\x89PNG"):
            _png(data)
        elif data.startswith(b"GIF8"):
            _gif(data)
        elif data.startswith(b"RIFF"):
            _webp(data)
        elif data.startswith(_PLAIN):
            _tiff(data, max_pixels)
        elif data.startswith(_ODD):
            raise ValueError("only plain TIFFs are read")
        elif data.startswith(b"BM") and struct.unpack_from("<L", data, 30)[0] in (1, 2):
            # Pillow unpacks these in Python, to any size.
            raise ValueError("run-length encoded BMPs are not read")
    except (struct.error, IndexError):
        pass  # it ends early


def _parts(data: bytes) -> Iterator[None]:
    """One for each part that a file may have; a PNG has one for 8 kB of pixels."""
    most = 2048 + len(data) // 8192
    for _ in range(most):
        yield
    raise ValueError(f"more than {most} parts")


def _jpeg(data: bytes, max_pixels: int) -> None:
    place, passes, pixels, exif = 2, 0, 0, bytearray()
    for _ in _parts(data):
        if passes:
            found = _SCAN_END.search(data, place)
            if not found or data[found.start() + 1] == 0xD9:
                break
            place = found.start()
        kind = data[place + 1]
        if data[place] != 0xFF or kind in (0x00, 0xFF):
            place += 1  # filled up
            continue
        place += 2
        if kind == 0x01 or 0xD0 <= kind <= 0xD9:
            continue  # these stand alone
        (length,) = struct.unpack_from(">H", data, place)
        content = data[place + 2 : place + length]
        if kind == 0xDA:
            passes += 1
            if passes == 1:  # all of the head has come
                _directories(bytes(exif))
        elif 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, 1)
            pixels = max(pixels, height * width)
        elif kind == 0xE1 and content.startswith(b"Exif\0\0"):
            exif += content[6:]
        elif kind == 0xE2 and content.startswith(b"MPF\0"):
            _directories(content[4:])
        if passes * pixels > _PASSES * max_pixels:
            raise ValueError(f"{passes} passes over {pixels} pixels")
        place += length


def _png(data: bytes) -> None:
    place = 8
    for _ in _parts(data):
        length, kind = struct.unpack_from(">L4s", data, place)
        content = data[place + 8 : place + 8 + length]
        if kind == b"eXIf":
            _directories(content)
        elif kind in (b"tEXt", b"zTXt", b"iTXt") and content.startswith(b"Raw profile type exif\0"):
            _profile(content.partition(b"\0")[2])
        elif kind == b"IEND":
            return
        place += 12 + length


def _profile(text: bytes) -> None:
    """EXIF that older programs wrote as text: in hexadecimal digits, packed or not."""
    packed = re.search(rb"\x78[\x01\x5e\x9c\xda]", text[:64])
    try:
        if packed:
            text = zlib.decompressobj().decompress(text[packed.start() :], _PROFILE)
        exif = bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except (zlib.error, ValueError):
        return
    _directories(exif.removeprefix(b"Exif\0\0"))


def _gif(data: bytes) -> None:
    """Up to its first picture: those that follow are not read."""
    place = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    within = False  # an extension
    for _ in _parts(data):
        if within:
            within, place = data[place] > 0, place + 1 + data[place]
        elif data[place] == 0x2C:
            return
        elif data[place] == 0x21:
            within, place = True, place + 2
        else:
            place += 1


def _webp(data: bytes) -> None:
    place = 12
    for _ in _parts(data):
        kind, length = struct.unpack_from("<4sL", data, place)
        if kind == b"EXIF":
            _directories(data[place + 8 : place + 8 + length].removeprefix(b"Exif\0\0"))
        place += 8 + length + length % 2


def _tiff(data: bytes, max_pixels: int) -> None:
    found = _directories(data)
    if found.get(259, 1) not in _COMPRESSIONS:
        raise ValueError(f"TIFFs of compression {found[259]} are not read")
    if found.get(322, 0) * found.get(323, 0) > max_pixels:
        raise ValueError(f"tiles of {found[322]} x {found[323]} pixels")


def _directories(data: bytes) -> dict[int, int]:
    """Look at a TIFF's directories, or EXIF's; the first number of each entry of the first.

    Of data that end early, as far as they go: a decoder too makes something of that.
    """
    if len(data) < 8:
        return {}
    order = "<" if data.startswith(b"II") else ">"
    first = _directory(data, order, struct.unpack_from(f"{order}L", data, 4)[0])
    within = dict(first)
    for tag in _FURTHER:
        if tag in within:
            within |= _directory(data, order, within[tag])
    return first


def _directory(data: bytes, order: str, place: int) -> dict[int, int]:
    if place + 2 > len(data):
        return {}
    (count,) = struct.unpack_from(f"{order}H", data, place)
    if count > _ENTRIES:
        raise ValueError(f"a directory of {count} entries")
    table = data[place + 2 : place + 2 + 12 * count]
    entries = struct.iter_unpack(f"{order}HHL4s", table[: len(table) // 12 * 12])
    found, total = {}, 0
    for tag, kind, numbers, content in entries:
        short = struct.unpack(f"{order}HH", content)[0]
        found[tag] = short if kind == 3 else struct.unpack(f"{order}L", content)[0]
        if numbers > _NUMBERS and kind not in _ONE_BYTE:
            raise ValueError(f"a table of {numbers} numbers")
        size = numbers * _SIZES.get(kind, 1)
        total += min(size, len(data)) if size > 4 else 0
    if total > 2 * len(data) + 4096:
        raise ValueError("a directory larger than the file")
    return found

"""One picture: decoding and resizing. Everywhere an image is [H, W, 3] uint8 RGB."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

MAX_PIXELS = 100_000_000
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"})
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF")
"""Pillow's names of these: what strangers may send. It knows others that start programs (EPS)."""

_SHOWN = (720, 960)  # pixels of a picture on a page, at least, if it had them
_LONGEST = 4096  # pixels of its side
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = range(5, 9)
# Pillow warns of large pictures; `decode` has its own limit. A filter set around each call would
# not do, since the list of filters belongs to all threads.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class ImageError(ValueError):
    """A picture that cannot be used; the message says why."""


def decode(
    source: bytes | Path, max_pixels: int = MAX_PIXELS, formats: tuple[str, ...] | None = None
) -> np.ndarray:
    """Decode a picture to [H, W, 3] uint8 RGB, upright by its EXIF orientation.

    Transparent pictures are laid on white, 16-bit ones keep their upper 8 bits, of an animation
    the first frame counts, CMYK becomes RGB. The size is read from the header and checked before
    any pixel is decoded. `formats` are the names of those that count; None: all that Pillow knows.

    Raises:
        ImageError: empty, truncated, not a picture, or more than `max_pixels`; names the file.
    """
    with _opened(source, max_pixels, formats) as opened:
        opened.load()
        return _to_rgb(_upright(opened))


def pixels(
    source: bytes | Path, max_pixels: int = MAX_PIXELS, formats: tuple[str, ...] | None = None
) -> int:
    """How many pixels a picture has by its header; nothing is decoded. Raises as `decode`."""
    with _opened(source, max_pixels, formats) as opened:
        return opened.width * opened.height


@contextmanager
def _opened(
    source: bytes | Path, max_pixels: int, formats: tuple[str, ...] | None
) -> Iterator[Image.Image]:
    """The picture, its header read and checked; what goes wrong while it is open is told."""
    name = f"{source}: " if isinstance(source, Path) else ""
    try:
        data = source.read_bytes() if isinstance(source, Path) else source
    except OSError as error:
        raise ImageError(f"{name}cannot be read ({error.strerror})") from error
    if not data:
        raise ImageError(f"{name}the file is empty")
    try:
        opened = Image.open(io.BytesIO(data), formats=formats)
        width, height = opened.size
        if width * height > max_pixels:
            raise ImageError(
                f"{name}{width} x {height} pixels are more than the limit of {max_pixels}"
            )
        yield opened
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"{name}not a picture in a known format") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name}{error}") from error
    except Exception as error:  # Pillow's decoders report damage by many kinds
        raise ImageError(f"{name}damaged ({error})") from error


def upright_size(path: Path) -> tuple[int, int]:
    """Height and width of a picture, upright by its EXIF orientation, from its header alone.

    Raises:
        ImageError: not there, or not a picture; names the file.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = _orientation(image) in _ON_ITS_SIDE
    except Exception as error:  # Pillow's readers report damage by many kinds
        raise ImageError(f"{path} cannot be read as a picture ({error})") from error
    return (width, height) if turned else (height, width)


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize to `size` = (height, width), averaging over the source's area (triangle filter).

    The same filter as `tf.image.resize(method="bilinear", antialias=True)`, so an exported graph
    can repeat it.
    """
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized)


def shrink_to_cover(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Shrink, keeping the shape, as far as both sides still reach `size` = (height, width)."""
    height, width = image.shape[:2]
    scale = max(size[0] / height, size[1] / width)
    if scale >= 1:
        return image
    return resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))


def shrink_to_show(image: np.ndarray) -> np.ndarray:
    """Shrink to what a page shows: to cover 720 x 960, and no side longer than a JPEG bears well.

    The shape is kept but for pictures hundreds of times longer than wide.
    """
    small = shrink_to_cover(image, _SHOWN)
    height, width = (min(side, _LONGEST) for side in small.shape[:2])
    return resize(small, (height, width))


def _upright(image: Image.Image) -> Image.Image:
    method = _UPRIGHT.get(_orientation(image))
    return image if method is None else image.transpose(method)


def _orientation(image: Image.Image) -> int:
    """As EXIF has it, 1 to 8; 1, upright, where it says nothing."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a damaged EXIF block does not spoil the pixels
        return 1


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):
        return np.repeat((np.asarray(image) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.array(image.convert("RGB"))

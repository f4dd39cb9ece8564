"""`triptych.images` in TensorFlow operations, for models that are shipped: decoding and resizing.

The numbers are those of `triptych.images` to the bit, but for what `decode` names. Autograph turns
`if`, `for` and `while` over tensors into graph operations.
"""

import PIL
import tensorflow as tf

FORMATS = "JPEG, PNG, BMP or GIF"
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"GIF8")
# A file may be made of millions of tiny segments, and EXIF stands among the first.
_MOST_SEGMENTS = 256
# Pillow's resampling works in fixed point with so many bits.
_BITS = 22
_PILLOW_13 = int(PIL.__version__.split(".")[0]) >= 13


def reads(data: bytes) -> bool:
    """Whether `decode` knows the format of an encoded picture, by its first bytes."""
    return data.startswith(_MAGIC)


def decode(data: tf.Tensor) -> tf.Tensor:
    """Decode a picture, a string scalar, to [H, W, 3] uint8 RGB, as `triptych.images.decode` does.

    Upright by the EXIF of a JPEG or PNG; transparent PNG pixels are laid on white, 16-bit ones keep
    their upper 8 bits; of a GIF the first frame counts. Not quite as there: CMYK is within 1 of 255
    for a JPEG with Adobe's marker, and read as uninverted without one; transparent pixels of a GIF
    are black; an orientation in XMP alone is not seen. WebP, TIFF and BMP with run lengths, masks
    or fewer than 8 bits are not read.

    Raises (when the graph runs):
        tf.errors.InvalidArgumentError: another format, damage, or more than 2**27 pixels.
    """
    octets = tf.concat([tf.io.decode_raw(data, tf.uint8), [0]], 0)
    is_jpeg, is_png, is_bmp, is_gif = (_starts(octets, magic) for magic in _MAGIC)
    known = is_jpeg | is_png | is_bmp | is_gif
    tf.debugging.Assert(known, [f"not a {FORMATS} picture"])
    if is_jpeg:
        # The default, a fast inverse DCT, is off by up to 9 of 255.
        image = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
        image = _upright(image, _orientation(octets, _jpeg_exif(octets)))
    elif is_png:
        image = _upright(_decode_png(data, octets), _orientation(octets, _png_exif(octets)))
    elif is_bmp:
        image = _decode_bmp(data, octets)
    else:
        image = tf.io.decode_image(data, channels=3, expand_animations=False)
    return tf.ensure_shape(image, (None, None, 3))


def resize(
    images: tf.Tensor, size: tuple[int, int] | tf.Tensor, box: tuple[tf.Tensor, ...] | None = None
) -> tf.Tensor:
    """Resize [B, H, W, 3] uint8 to `size` = (height, width), as `triptych.images.resize` does.

    `size` may also be known only when the graph runs: a tensor [2] int32.

    `box` = (left, top, right, bottom), scalars that need not be whole, in pixel corners: only this
    part is resized, as by Pillow's `Image.resize(size, box=box)`; None is all, (0, 0, W, H).

    Pillow's arithmetic to the bit. `tf.image.resize(antialias=True)` is the same filter, but one
    value in seven is off by one, and that alone moves probabilities by some 0.02.
    """
    rows, columns = tf.shape(images)[1], tf.shape(images)[2]
    edges = (0, 0, columns, rows) if box is None else box
    # Pillow holds a box in float32, and takes its differences there.
    left, top, right, bottom = (tf.cast(edge, tf.float32) for edge in edges)
    down, across = tf.stack((top, bottom)), tf.stack((left, right))
    # One side is resized and rounded to uint8, then the other. Pillow before 13 begins with the
    # width always; since then it asks for the whole picture's sides, with a box too.
    rows_first = (rows > size[0]) & (rows - size[0] > 2 * (columns - size[1])) & _PILLOW_13
    box_is_all = tf.reduce_all(
        tf.concat([down, across], 0) == tf.cast((0, rows, 0, columns), tf.float32)
    )
    # Each order is spelled out: ONNX has no transposition that is known only when the graph runs.
    if box_is_all & (rows == size[0]) & (columns == size[1]):
        resized = images
    elif rows_first:
        lines = _resample(tf.transpose(images, (1, 0, 2, 3)), size[0], down)
        lines = _resample(tf.transpose(lines, (2, 1, 0, 3)), size[1], across)
        resized = tf.transpose(lines, (1, 2, 0, 3))
    else:
        lines = _resample(tf.transpose(images, (2, 0, 1, 3)), size[1], across)
        lines = _resample(tf.transpose(lines, (2, 1, 0, 3)), size[0], down)
        resized = tf.transpose(lines, (1, 0, 2, 3))
    height, width = (None, None) if tf.is_tensor(size) else size
    return tf.ensure_shape(resized, (images.shape[0], height, width, 3))


def _resample(lines: tf.Tensor, count: tf.Tensor, span: tf.Tensor) -> tf.Tensor:
    """[N, ...] uint8 -> [count, ...]: the triangle filter of Pillow's Resample.c.

    `span` [2] float32 is the part of 0..N that is resampled; what lies beside it weighs in too.
    """
    number = tf.shape(lines)[0]
    begin, length = tf.unstack(tf.cast((span[0], span[1] - span[0]), tf.float64))
    scale = length / tf.cast(count, tf.float64)
    support = tf.maximum(scale, 1.0)
    centre = begin + (tf.range(count, dtype=tf.float64) + 0.5) * scale
    start = tf.cast(tf.maximum(centre - support + 0.5, 0.0), tf.int32)
    end = tf.minimum(tf.cast(centre + support + 0.5, tf.int32), number)
    taps = 2 * tf.cast(tf.math.ceil(support), tf.int32) + 1
    position = start + tf.range(taps)[:, None]
    distance = tf.abs(tf.cast(position, tf.float64) - centre + 0.5) / support
    weight = tf.where(position < end, tf.maximum(1.0 - distance, 0.0), 0.0)
    weight /= tf.reduce_sum(weight, axis=0)
    fixed = tf.cast(weight * 2**_BITS + 0.5, tf.int32)
    position = tf.minimum(position, number - 1)
    flat = tf.reshape(lines, (number, tf.reduce_prod(tf.shape(lines)[1:])))
    total = tf.fill((count, tf.shape(flat)[1]), 2 ** (_BITS - 1))
    for tap in tf.range(taps):
        line = tf.cast(tf.gather(flat, position[tap]), tf.int32)
        total += line * fixed[tap][:, None]
    rounded = tf.cast(tf.bitwise.right_shift(total, _BITS), tf.uint8)
    return tf.reshape(rounded, tf.concat([[count], tf.shape(lines)[1:]], 0))


def _decode_png(data: tf.Tensor, octets: tf.Tensor) -> tf.Tensor:
    image = tf.io.decode_png(data, channels=4)
    bits, is_grey = octets[24], octets[25] == 0
    colour, alpha = image[..., :3], image[..., 3:]
    if is_grey:
        # A grey picture has at most one transparent value, which Pillow does not see among 16
        # bits; TensorFlow writes the alpha of opaque pixels below 8 bits as 2**bits - 1.
        alpha = 255 * tf.cast((alpha > 0) | (bits == 16), tf.uint8)
    if tf.reduce_any(alpha < 255):
        # Pillow's alpha_composite on white, in its fixed point.
        share = tf.cast(alpha, tf.int32) * 128
        mixed = tf.cast(colour, tf.int32) * share + 255 * (255 * 128 - share) + (128 << 7)
        colour = tf.cast((mixed // 256 + mixed) // 2**15, tf.uint8)
    return colour


def _decode_bmp(data: tf.Tensor, octets: tf.Tensor) -> tf.Tensor:
    header = _number(octets, 14, 4, little=True)
    bits = _number(octets, 28, 2, little=True)
    packed = _number(octets, 30, 4, little=True)
    plain = (header >= 40) & (packed == 0) & (bits >= 8)
    tf.debugging.Assert(plain, ["BMP must be uncompressed, of 8 or more bits"])
    image = tf.io.decode_bmp(data)
    if bits == 8:
        # TensorFlow gives the indices into the table of colours, which are blue, green, red, 0.
        table = _number(octets, 14 + header + 4 * tf.range(256, dtype=tf.int64), 3, little=True)
        colours = tf.stack([table // 2**16, table // 2**8 % 256, table % 256], axis=1)
        image = tf.gather(tf.cast(colours, tf.uint8), tf.cast(image[..., 0], tf.int32))
    return image[..., :3]


def _jpeg_exif(octets: tf.Tensor) -> tf.Tensor:
    """Where the TIFF header of the first EXIF segment (APP1) starts; -1 without one."""
    at, found = tf.constant(2, tf.int64), tf.constant(-1, tf.int64)
    for _ in tf.range(_MOST_SEGMENTS):
        marker = _number(octets, at, 2)
        if marker == 0xFFE1 and _number(octets, at + 4, 6) == 0x457869660000:
            found = at + 10
        # The scan is the last segment; what is no marker is damage.
        if found >= 0 or marker == 0xFFDA or marker < 0xFFC0:
            break
        at += 2 + _number(octets, at + 2, 2)
    return found


def _png_exif(octets: tf.Tensor) -> tf.Tensor:
    """Where the TIFF header in the chunk eXIf starts; -1 without one before the pixels."""
    at, found = tf.constant(8, tf.int64), tf.constant(-1, tf.int64)
    for _ in tf.range(_MOST_SEGMENTS):
        kind = _number(octets, at + 4, 4)
        if kind == 0x65584966:
            found = at + 8
        if found >= 0 or kind == 0x49444154 or kind == 0:
            break
        at += 12 + _number(octets, at, 4)
    return found


def _orientation(octets: tf.Tensor, tiff: tf.Tensor) -> tf.Tensor:
    """The orientation, 1 to 8 (tag 0x0112 of the first directory), of a TIFF header at `tiff`.

    1, upright, where there is no header or no valid value.
    """
    little = _number(octets, tiff, 2) == 0x4949
    directory = tiff + _number(octets, tiff + 4, 4, little)
    count = _number(octets, directory, 2, little)
    entries = directory + 2 + 12 * tf.range(count)
    entries = tf.boolean_mask(entries, _number(octets, entries, 2, little) == 0x0112)
    is_long = _number(octets, entries + 2, 2, little) == 4
    short, long = (_number(octets, entries + 8, width, little) for width in (2, 4))
    value = tf.concat([tf.where(is_long, long, short), [1]], 0)[0]
    return tf.where((tiff >= 0) & (value >= 1) & (value <= 8), value, 1)


def _upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    if orientation >= 5:
        image = tf.transpose(image, (1, 0, 2))
    if tf.reduce_any(orientation == (2, 3, 6, 7)):
        image = tf.reverse(image, [1])
    if tf.reduce_any(orientation == (3, 4, 7, 8)):
        image = tf.reverse(image, [0])
    return image


def _starts(octets: tf.Tensor, magic: bytes) -> tf.Tensor:
    return _number(octets, 0, len(magic)) == int.from_bytes(magic)


def _number(
    octets: tf.Tensor, at: tf.Tensor | int, width: int, little: tf.Tensor | bool = False
) -> tf.Tensor:
    """Unsigned numbers of `width` bytes at positions `at` [...], int64; past the end all is 0."""
    index = tf.cast(at, tf.int64)[..., None] + tf.range(width, dtype=tf.int64)
    end = tf.size(octets, tf.int64) - 1
    inside = (index >= 0) & (index <= end)
    values = tf.cast(tf.gather(octets, tf.clip_by_value(index, 0, end)), tf.int64)
    values = tf.where(inside, values, 0)
    scale = tf.constant([256**i for i in range(width)], tf.int64)
    return tf.reduce_sum(values * tf.where(little, scale, scale[::-1]), axis=-1)

"""Plate crops by position: pictures as they are, or plates cut from photographs."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import numpy as np

from plates import geometry
from plates.reader.config import Config
from plates.reader.records import Crop
from plates.rectify import CUTS
from triptych.images import ImageError, decode, resize, shrink_to_cover
from triptych.pictures import Checked

LEAST = 4
"""Pixels: a crop with a shorter side holds no text that anybody could read."""
_THUMBNAIL = (16, 16)


class Crops:
    """The pictures of `records`, cut and sized as `config` says, from memory where they fit.

    With `shrink` a crop is shrunk as far as it still covers twice the model's picture, so that
    memory holds more of them; it is never enlarged. A reader is asked without: the crop is resized
    once, as an export does it, and whatever size another reader has.
    """

    def __init__(
        self, records: Sequence[Crop], config: Config, cache_mb: float = 0, *, shrink: bool = True
    ) -> None:
        self.records = list(records)
        self.config = config
        self.shrink = shrink
        height, width = (max(sides) for sides in zip(*config.sizes, strict=True))
        self._cover = (2 * height, 2 * width)
        self._left = cache_mb * 1e6
        self._kept: dict[int, np.ndarray] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> np.ndarray:
        """Crop [H, W, 3] uint8 RGB.

        Raises:
            ImageError: the file cannot be decoded, the plate not be cut from it, or a side is
                shorter than `LEAST`.
        """
        if (kept := self._kept.get(index)) is not None:
            return kept
        path = self.records[index].path
        image = decode(path)
        try:
            return self._cut(image, index)
        except ImageError as error:
            raise ImageError(f"{path}: {error}") from error

    def check(
        self, workers: int, progress: Callable[[Iterable[Checked]], Iterable[Checked]] = iter
    ) -> list[Checked]:
        """Look at every crop once, in parallel, keep what fits; never raises for a bad one."""
        with ThreadPoolExecutor(workers) as pool:
            return list(progress(pool.map(self._check, range(len(self)))))

    def select(self, positions: Sequence[int]) -> "Crops":
        """The crops at `positions`, in that order, sharing what is kept."""
        chosen = Crops([self.records[i] for i in positions], self.config, shrink=self.shrink)
        chosen._kept = {
            new: self._kept[old] for new, old in enumerate(positions) if old in self._kept
        }
        return chosen

    def _cut(self, image: np.ndarray, index: int) -> np.ndarray:
        quad = self.records[index].quad
        if quad is not None:
            corners = np.array(quad, float)
            if reason := geometry.problem(corners, image.shape[0], image.shape[1]):
                raise ImageError(reason)
            image = CUTS[self.config.cut](image, corners, self.config.margin)
        height, width = image.shape[:2]
        if min(height, width) < LEAST:
            raise ImageError(f"a crop of {width} x {height} pixels holds no text")
        return shrink_to_cover(image, self._cover) if self.shrink else image

    def _check(self, index: int) -> Checked:
        record = self.records[index]
        try:
            data = record.path.read_bytes()
            crop = self._cut(decode(data), index)
        except (ImageError, OSError) as error:
            return Checked(record.path, error=str(error))
        with self._lock:
            if crop.nbytes <= self._left:
                self._left -= crop.nbytes
                self._kept[index] = crop
        digest = picture_digest(data, record)
        grey = resize(crop, _THUMBNAIL) @ np.array([0.299, 0.587, 0.114])
        height, width = crop.shape[:2]
        return Checked(record.path, height, width, digest, thumbnail=grey.astype(np.uint8))


def picture_digest(data: bytes, record: Crop) -> str:
    """SHA-256 of a picture file and the plate's corners: two plates in one are no copies."""
    return hashlib.sha256(data + repr(record.quad or "").encode()).hexdigest()


class Tolerant:
    """Crops by position; one that cannot be used is remembered and reads as a grey one."""

    def __init__(self, crops: Crops) -> None:
        self.crops = crops
        self.unreadable: dict[int, str] = {}

    def read(self, index: int) -> np.ndarray:
        """[H, W, 3] uint8 RGB."""
        try:
            return self.crops[index]
        except ImageError as error:
            self.unreadable[index] = str(error)
            return np.full((32, 96, 3), 127, np.uint8)

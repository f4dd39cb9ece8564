"""What a server bears, and what it refuses before it costs anything."""

from dataclasses import dataclass

from triptych.stage import require


@dataclass(frozen=True)
class Limits:
    """Bounds of one server."""

    upload_mb: float = 20.0
    """Most of one request, in MB; more is refused while it is read."""
    uploads_mb: float = 400.0
    """Most of all requests that are under way, in MB; what comes then is refused with 429."""
    pixels: int = 50_000_000
    """Most of one picture, by its header: it is refused before it is decoded."""
    held_pixels: int = 200_000_000
    """Most of all pictures that are decoded, or answered, at a time (3 bytes each); others wait."""
    pictures: int = 16
    """Most of one request."""
    batch: int = 32
    """Most pictures that the model answers together."""
    wait_ms: float = 5.0
    """How long the first of a batch waits for others, in milliseconds."""
    queue: int = 256
    """Most pictures that wait or are answered; what comes then is refused with 429."""
    timeout: float = 30.0
    """Seconds after which a request that has no answer is given up with 503, and one that does not
    come in with 408."""

    def __post_init__(self) -> None:
        for name in ("upload_mb", "pixels", "pictures", "batch", "queue", "timeout"):
            require(getattr(self, name) > 0, name, "positive", getattr(self, name))
        for whole, part in (("uploads_mb", "upload_mb"), ("held_pixels", "pixels")):
            least = getattr(self, part)
            holds = getattr(self, whole) >= least
            require(holds, whole, f"at least `{part}`, {least}", getattr(self, whole))
        require(self.wait_ms >= 0, "wait_ms", "0 or more", self.wait_ms)
        fits = self.pictures <= self.queue
        require(fits, "pictures", f"at most `queue`, {self.queue}", self.pictures)

    @property
    def upload(self) -> int:
        """Most bytes of one request."""
        return round(self.upload_mb * 1e6)

    @property
    def uploads(self) -> int:
        """Most bytes of all requests under way."""
        return round(self.uploads_mb * 1e6)

"""What the page was given to look at: kept for a while, bounded, under names nobody guesses."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

_SECONDS = 600.0


class Uploads:
    """Encoded pictures in memory, of at most `most` bytes together: the oldest make room.

    `clock` tells seconds; what is older than ten minutes is forgotten.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self.clock = most, clock
        self.held = 0  # bytes
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._examples: dict[str, bytes] = {}

    def add(self, data: bytes) -> str:
        """Keep it for a while; the name that it is asked for by, which only its owner is told.

        Raises:
            ValueError: it is larger than all of them together may be.
        """
        if len(data) > self.most:
            raise ValueError(f"`data` must have at most {self.most} bytes; received: {len(data)}")
        name = secrets.token_urlsafe(16)
        self._kept[name] = self.clock() + _SECONDS, data
        self.held += len(data)
        self._forget()
        return name

    def add_example(self, data: bytes) -> str:
        """Keep it for ever; its name."""
        name = f"example-{len(self._examples)}"
        self._examples[name] = data
        return name

    def get(self, name: str) -> bytes | None:
        """What has this name; None where nothing has, or has any more."""
        self._forget()
        kept = self._kept.get(name)
        return kept[1] if kept else self._examples.get(name)

    def _forget(self) -> None:
        while self._kept:
            name, (end, data) = next(iter(self._kept.items()))
            if self.held <= self.most and self.clock() < end:
                return
            del self._kept[name]
            self.held -= len(data)

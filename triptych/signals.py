"""Ctrl-C and `kill` as a wish to stop soon, in place of an end in the middle of a step."""

import signal
import sys
import threading
from types import FrameType
from typing import Any


class Signals:
    """While it is open, the first SIGINT or SIGTERM sets `received`; a second one ends at once.

    With `heed=False` it changes nothing.
    """

    def __init__(self, heed: bool = True) -> None:
        self.received = False
        self._heed = heed
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Signals":
        # Python allows handlers in the main thread alone.
        if self._heed and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                # A shell starts a job in the background deaf to Ctrl-C; it stays so.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = True
        self._restore()
        print("\nstopping at the next safe place; once more: at once", file=sys.stderr, flush=True)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

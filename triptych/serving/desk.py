"""Where pictures are handed in: bounded, decoded, answered together, and never kept for ever."""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from triptych import structure
from triptych.images import FORMATS, ImageError, decode, pixels
from triptych.serving.batcher import Batcher, Closed, Full
from triptych.serving.budget import Budget
from triptych.serving.limits import Limits
from triptych.serving.service import Answer, Service, Shown

log = logging.getLogger("triptych.serving")


class Refused(Exception):
    """A request that is not answered: the HTTP status that says so, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, eq=False)
class _Asked:
    image: np.ndarray
    drawn: bool


_Reply = tuple[Answer, Shown | None]


class Desk:
    """A service's desk; `start` and `close` frame its life, in one event loop.

    `decoders` are the threads that decode, which several desks may share; `observe` is told the
    size of every batch.
    """

    def __init__(
        self,
        service: Service,
        limits: Limits,
        decoders: Executor,
        observe: Callable[[int], object] = lambda size: None,
    ) -> None:
        self.service, self.limits = service, limits
        self.inside = 0  # pictures
        self._decoders = decoders
        self._pixels = Budget(limits.held_pixels)
        self._batcher = Batcher[_Asked, _Reply](
            self._replies, limits.batch, limits.wait_ms / 1000, limits.queue, observe
        )

    @property
    def alive(self) -> bool:
        """Whether what is handed in will be answered."""
        return self._batcher.alive

    def start(self) -> None:
        """Begin to answer; within a running event loop."""
        self._batcher.start()

    async def close(self) -> None:
        """Refuse what comes from now on, answer what was accepted, and end."""
        await self._batcher.close()

    async def answer(self, pictures: Sequence[bytes]) -> list[Answer]:
        """What is said of encoded pictures; of one that cannot be used {"error": why}.

        Raises:
            Refused: too much waits, it took too long, or the server shuts down.
            Exception: the model failed.
        """
        replies = await self._handed_in(pictures, drawn=False)
        return [
            {"error": str(reply)} if isinstance(reply, Exception) else reply[0] for reply in replies
        ]

    async def show(self, picture: bytes) -> Shown:
        """What is said of an encoded picture, drawn.

        Raises:
            Refused: as `answer`; 422 for a picture that cannot be used.
            Exception: the model failed.
        """
        (reply,) = await self._handed_in([picture], drawn=True)
        if isinstance(reply, Exception):
            raise Refused(422, str(reply))
        shown = reply[1]
        assert shown is not None
        return shown

    async def _handed_in(
        self, pictures: Sequence[bytes], *, drawn: bool
    ) -> list[_Reply | ValueError]:
        """The replies; errors that may be told among them."""
        if self.inside + len(pictures) > self.limits.queue:
            raise Refused(429, "too many pictures wait")
        self.inside += len(pictures)
        # Given up, it still counts its pixels for as long as the model has them; nobody waits.
        replied = asyncio.ensure_future(self._replied(pictures, drawn))
        try:
            async with asyncio.timeout(self.limits.timeout):
                return await asyncio.shield(replied)
        except TimeoutError:
            raise Refused(503, "no answer in time") from None
        except Full as error:
            raise Refused(429, str(error)) from None
        except Closed as error:
            raise Refused(503, str(error)) from None
        finally:
            replied.cancel()
            self.inside -= len(pictures)

    async def _replied(self, pictures: Sequence[bytes], drawn: bool) -> list[_Reply | ValueError]:
        sizes = await self._each(_measured, pictures)
        needed = sum(size for size in sizes if isinstance(size, int))
        if needed > self._pixels.most:
            raise Refused(
                413, f"the pictures have {needed} pixels, more than {self._pixels.most} together"
            )
        async with self._pixels.take(needed):
            fit = [one for one, size in zip(pictures, sizes, strict=True) if isinstance(size, int)]
            decoded = iter(await self._each(decode, fit))
            images = [next(decoded) if isinstance(size, int) else size for size in sizes]
            usable = [_Asked(image, drawn) for image in images if isinstance(image, np.ndarray)]
            found = iter(await self._batcher.ask_all(usable) if usable else [])
        replies = (next(found) if isinstance(one, np.ndarray) else one for one in images)
        return [_told(reply) for reply in replies]

    async def _each(self, function: Callable[..., Any], pictures: Sequence[bytes]) -> list[Any]:
        """`function` of every picture, in the threads; an ImageError stands for its result."""
        loop = asyncio.get_running_loop()
        call = partial(_tried, function, self.limits.pixels)
        return await asyncio.gather(
            *(loop.run_in_executor(self._decoders, call, data) for data in pictures)
        )

    def _replies(self, asked: list[_Asked]) -> list[_Reply | Exception]:
        """The model's answers, in its thread."""
        try:
            return self._tried_together(asked)
        except Exception as error:
            if len(asked) == 1:
                # Of whatever kind it is, what it says is for the log alone.
                failure = RuntimeError("the model failed")
                failure.__cause__ = error
                return [failure]
            # One picture that breaks the model must not cost the others their answers.
            log.exception("a batch of %d failed, so each is answered alone", len(asked))
            return [reply for one in asked for reply in self._replies([one])]

    def _tried_together(self, asked: list[_Asked]) -> list[_Reply | Exception]:
        answers = self.service.answer([one.image for one in asked])
        return [
            answer
            if isinstance(answer, Exception)
            else (answer, self.service.show(one.image, answer) if one.drawn else None)
            for one, answer in zip(asked, answers, strict=True)
        ]


def _measured(data: bytes, most: int, formats: tuple[str, ...]) -> int:
    """How many pixels a picture has; its structure is looked at before anything reads it."""
    try:
        structure.check(data, most)
    except ValueError as error:
        raise ImageError(f"cannot be used ({error})") from error
    return pixels(data, most, formats)


def _tried(function: Callable[..., Any], most: int, data: bytes) -> Any:
    try:
        return function(data, most, FORMATS)
    except ImageError as error:
        return error


def _told(reply: Any) -> _Reply | ValueError:
    """A reply, or an error that may be told; others are raised."""
    if isinstance(reply, BaseException):
        if isinstance(reply, ValueError):
            return reply
        raise reply
    try:
        json.dumps(reply[0], allow_nan=False)
    except ValueError:
        return ValueError("the model's answer to this picture is not finite")
    return reply

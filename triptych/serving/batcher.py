"""Requests that come one by one, answered together: bounded, with a deadline, and never lost."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Full(Exception):
    """So many requests wait that one more could not be answered in time."""


class Closed(Exception):
    """The server shuts down: it answers what it has accepted, and nothing more."""


@dataclass(eq=False)
class _Waiting(Generic[T, R]):
    item: T
    answer: "asyncio.Future[R]"


class Batcher(Generic[T, R]):
    """Gathers items into batches and answers each batch with one call, in a thread of its own.

    `answers` gets 1 to `most` items and gives as many results, in order; a result that is an
    exception is raised to the one who asked, and an exception that it raises to all of the batch.
    The first item of a batch waits `wait` seconds at most for others; while a batch is answered the
    next one gathers, so that a busy server has full batches without waiting. At most `room` items
    wait. `observe` is told the size of every batch. One event loop uses it; `start` and `close`
    frame its life.

    Raises:
        ValueError: `most` or `room` is not positive, or `wait` is negative.
    """

    def __init__(
        self,
        answers: Callable[[list[T]], Sequence[R | Exception]],
        most: int = 32,
        wait: float = 0.005,
        room: int = 256,
        observe: Callable[[int], object] = lambda size: None,
    ) -> None:
        for name, value in (("most", most), ("room", room)):
            if value < 1:
                raise ValueError(f"`{name}` must be positive; received: {name}={value}")
        if wait < 0:
            raise ValueError(f"`wait` must be 0 or more; received: wait={wait}")
        self.answers, self.most, self.wait, self.room = answers, most, wait, room
        self.observe = observe
        self._waiting: list[_Waiting[T, R]] = []
        self._answering: frozenset[_Waiting[T, R]] = frozenset()
        self._let_go: asyncio.Future[None] | None = None  # of those that are answered
        self._came = asyncio.Event()
        self._closing = False
        self._thread = ThreadPoolExecutor(1, "model")
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many items are not in a batch yet."""
        return len(self._waiting)

    @property
    def alive(self) -> bool:
        """Whether what is asked will be answered."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin to answer; within a running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def ask(self, item: T) -> R:
        """The result of one item.

        Who is cancelled while waiting, by a time-out say, leaves the queue and costs nothing.

        Raises:
            Full: `room` items wait already.
            Closed: `close` was called.
            Exception: what `answers` gave or raised.
        """
        (result,) = await self.ask_all([item])
        if isinstance(result, BaseException):
            raise result
        return result

    async def ask_all(self, items: Sequence[T]) -> list[R | BaseException]:
        """The results of several items, accepted together or not at all; exceptions among them.

        Who is cancelled gets away when the model has let go of the items: until then they are in
        memory, and who counts that must not count them back.

        Raises:
            Full: they would not all find room.
            Closed: `close` was called.
        """
        if self._closing:
            raise Closed("the server is shutting down")
        if len(self._waiting) + len(items) > self.room:
            raise Full(f"{len(self._waiting)} pictures wait already")
        loop = asyncio.get_running_loop()
        mine: list[_Waiting[T, R]] = [_Waiting(item, loop.create_future()) for item in items]
        self._waiting += mine
        self._came.set()
        try:
            return await asyncio.gather(*(one.answer for one in mine), return_exceptions=True)
        except asyncio.CancelledError:
            unwanted = frozenset(mine)
            self._waiting = [one for one in self._waiting if one not in unwanted]
            if self._let_go and unwanted & self._answering:
                await asyncio.shield(self._let_go)
            raise

    async def close(self) -> None:
        """Refuse what comes from now on, answer what was accepted, and end."""
        self._closing = True
        self._came.set()
        if self._task:
            # Not the task itself: should it have died, the rest of the server still ends well.
            await asyncio.wait([self._task])
        for one in self._waiting:
            one.answer.cancel()
        self._thread.shutdown()

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                if self._closing:
                    return
                self._came.clear()
                await self._came.wait()
                continue
            await self._gathered()
            # Never in a variable here: it would be held until there is a next batch.
            await self._answered(self._taken())

    def _taken(self) -> list[_Waiting[T, R]]:
        """The next batch, without those that are not wanted any more."""
        batch, self._waiting = self._waiting[: self.most], self._waiting[self.most :]
        return [one for one in batch if not one.answer.done()]

    async def _gathered(self) -> None:
        """Waits until a batch is full, or the first item has waited long enough."""
        end = asyncio.get_running_loop().time() + self.wait
        while len(self._waiting) < self.most and not self._closing:
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                return
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), left)
            except TimeoutError:
                return

    async def _answered(self, batch: list[_Waiting[T, R]]) -> None:
        if not batch:
            return
        loop = asyncio.get_running_loop()
        self._answering, self._let_go = frozenset(batch), loop.create_future()
        self.observe(len(batch))
        results: Sequence[R | Exception]
        try:
            results = await loop.run_in_executor(
                self._thread, self.answers, [one.item for one in batch]
            )
            if len(results) != len(batch):
                raise RuntimeError(f"{len(batch)} items had {len(results)} answers")
        except Exception as error:
            results = [error] * len(batch)
        finally:
            self._answering = frozenset()
            self._let_go.set_result(None)
        for one, result in zip(batch, results, strict=True):
            if one.answer.done():
                continue
            if isinstance(result, Exception):
                one.answer.set_exception(result)
            else:
                one.answer.set_result(result)

"""Connections that nobody holds for nothing: bounded in number, and in how slow they may be."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """Uvicorn's connection, ended when a request's head takes longer than `seconds` to come, or
    when for so long nothing of an answer is taken; and at once where there are `most` already.

    The head alone: `triptych.serving.body` does the same for what follows it.
    """

    seconds = 30.0
    most = 1000
    _head: asyncio.TimerHandle | None = None
    _answer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol, as for all of these."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """A request, or a part of one."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """The next request's head has as long as the first."""
        super().on_response_complete()
        self._watch()

    def _watch(self) -> None:
        awaited = self.cycle is None or self.cycle.response_complete
        # Not begun anew by what comes: it could come byte by byte.
        if awaited and self._head is None:
            self._head = self.loop.call_later(self.seconds, self.transport.abort)
        elif not awaited and self._head:
            self._head.cancel()
            self._head = None

    def pause_writing(self) -> None:
        """The client takes nothing of the answer."""
        super().pause_writing()
        self._answer = self.loop.call_later(self.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It has taken some."""
        super().resume_writing()
        self._forget()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        super().connection_lost(exc)
        self._forget()
        if self._head:
            self._head.cancel()

    def _forget(self) -> None:
        if self._answer:
            self._answer.cancel()
            self._answer = None


def bounded(seconds: float, most: int) -> type[Connection]:
    """A class of connections with these bounds."""
    return type("BoundedConnection", (Connection,), {"seconds": seconds, "most": most})

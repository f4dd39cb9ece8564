"""Connections that nobody holds for nothing: few enough, and none slower than it may be."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """Uvicorn's connection, ended when a request's head takes longer than `seconds` to come, or
    when for so long nothing of an answer is taken.

    The head alone: `triptych.serving.body` does the same for what follows it. Of more than `room`
    the one that is silent for longest is ended, and of twice as many the newest.
    """

    seconds = 30.0
    room = 400
    _head: asyncio.TimerHandle | None = None
    _answer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol, as for all of these."""
        super().connection_made(transport)
        if len(self.connections) > 2 * self.room:
            transport.abort()
            return
        self._watch()
        if len(self.connections) > self.room:
            self._make_room()

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
        elif not awaited:
            self._listened()

    def _make_room(self) -> None:
        heads = {one: one._head for one in self.connections if isinstance(one, Connection)}
        silent = {one: head.when() for one, head in heads.items() if head}
        silent.pop(self, None)
        if silent:
            longest = min(silent, key=silent.__getitem__)
            longest._listened()
            longest.transport.abort()

    def _listened(self) -> None:
        if self._head:
            self._head.cancel()
            self._head = None

    def pause_writing(self) -> None:
        """The client takes nothing of the answer."""
        super().pause_writing()
        self._answer = self.loop.call_later(self.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It has taken some."""
        super().resume_writing()
        self._taken()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        super().connection_lost(exc)
        self._taken()
        self._listened()

    def _taken(self) -> None:
        if self._answer:
            self._answer.cancel()
            self._answer = None


def bounded(seconds: float, room: int) -> type[Connection]:
    """A class of connections with these bounds."""
    return type("BoundedConnection", (Connection,), {"seconds": seconds, "room": room})

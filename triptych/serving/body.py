"""Requests that are too large are refused while they come in, not when they are in memory."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DIGITS = 18  # of a length that is one


class _Refused(Exception):
    def __init__(self, status: int, detail: str) -> None:
        self.response = JSONResponse({"detail": detail}, status_code=status)
        if status == 429:
            self.response.headers["Retry-After"] = "1"


class BoundedBody:
    """ASGI middleware: 413 for a body of more than `most` bytes, by its header or as it is read.

    429 where all requests under way would have more than `together`: so many slow senders of large
    bodies could fill the memory.
    """

    def __init__(self, app: ASGIApp, most: int, together: int) -> None:
        self.app, self.most, self.together = app, most, together
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        large = _Refused(413, f"the request has more than {self.most} bytes")
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        number = declared.isdigit() and len(declared) <= _DIGITS
        if not number or int(declared) > self.most:
            await large.response(scope, receive, send)
            return
        read, begun = 0, False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            size = len(message.get("body", b""))
            read += size
            self.held += size
            if read > self.most:
                raise large
            if self.held > self.together:
                raise _Refused(429, "too much is being sent")
            return message

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, counted, sent)
        except _Refused as refused:
            if not begun:
                await refused.response(scope, receive, send)
        finally:
            self.held -= read

"""Requests that are too large or too slow are refused while they come in."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DIGITS = 18  # of a length that is one


class BoundedBody:
    """ASGI middleware: 413 for a body of more than `most` bytes, by its header or as it is read.

    429 where all requests under way would have more than `together`, since many senders could fill
    the memory; 408 for a body that takes longer than `seconds` to come. Who goes away before it is
    whole costs nothing but what was read. `awaited` has, while a piece of a body is waited for, how
    long it is: a server that ends shortens it.
    """

    def __init__(
        self,
        app: ASGIApp,
        most: int,
        together: int,
        seconds: float,
        awaited: set[asyncio.Timeout] | None = None,
    ) -> None:
        self.app, self.most, self.together, self.seconds = app, most, together, seconds
        self.awaited = set() if awaited is None else awaited
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        large = HTTPException(413, f"the request has more than {self.most} bytes")
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        number = declared.isdigit() and len(declared) <= _DIGITS
        if not number or int(declared) > self.most:
            await _refusal(large)(scope, receive, send)
            return
        read, whole, begun = 0, False, False
        end = asyncio.get_running_loop().time() + self.seconds

        async def counted() -> Message:
            nonlocal read, whole
            if whole:  # what is waited for now is that the client goes away
                return await receive()
            try:
                async with asyncio.timeout_at(end) as patience:
                    self.awaited.add(patience)
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "the request did not come in time") from None
            finally:
                self.awaited.discard(patience)
            whole = not message.get("more_body", False)
            size = len(message.get("body", b""))
            read += size
            self.held += size
            if read > self.most:
                raise large
            if self.held > self.together:
                raise HTTPException(429, "too much is being sent", {"Retry-After": "1"})
            return message

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, counted, sent)
        except HTTPException as refused:
            if not begun:
                await _refusal(refused)(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is there to be told
        except asyncio.CancelledError:
            # The server is told to end a second time, or has waited long enough.
            if not begun:
                ended = HTTPException(503, "the server is shutting down")
                await _refusal(ended)(scope, receive, send)
        finally:
            self.held -= read


def _refusal(error: HTTPException) -> JSONResponse:
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)

"""The only doors of Gradio's application that are open: those to its page and what it is made of.

Behind the others are its queue, its sessions, a proxy, recordings, and functions that take paths of
files on the server. The page's own requests are answered by `triptych.serving.page`.
"""

import re

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# Longer names no file can have, and to ask for them is an error.
_OPEN = re.compile(
    r"/?|/(assets|static)/[\w./@~-]{1,200}|/(config|theme\.css|gradio_api/(info|theme\.css))"
)


class Doors:
    """ASGI application: `app` as far as it may be reached, without a query; 404 elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            return
        within = scope["path"].removeprefix(scope.get("root_path", ""))
        if scope["method"] in ("GET", "HEAD") and _OPEN.fullmatch(within):
            await self.app({**scope, "query_string": b""}, receive, send)
        else:
            await PlainTextResponse("Not Found", status_code=404)(scope, receive, send)

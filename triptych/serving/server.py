"""Services behind a socket: loaded, warmed up, served until Ctrl-C or `kill`, and ended cleanly."""

import asyncio
import logging
import math
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Sequence

import numpy as np
import uvicorn
from fastapi import FastAPI

from triptych.serving.address import Address
from triptych.serving.app import create
from triptych.serving.connection import bounded
from triptych.serving.limits import Limits
from triptych.serving.service import Service
from triptych.stage import require

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_CONNECTIONS = (
    400  # and as many to be told 503: many systems give a process 1024 files, sockets too
)
_HURRY = 2.0  # seconds for a request to come in when the server is told to end


def run(load: Callable[[], Sequence[Service]], address: Address, limits: Limits) -> None:
    """Serve what `load` gives until SIGINT or SIGTERM; what was accepted is answered.

    Raises:
        ValueError: the port cannot be had, the key cannot be sent, and what `load` raises.
    """
    key = address.api_key or os.environ.get("TRIPTYCH_API_KEY", "")
    # Before the models: what is wrong here must not cost the wait.
    require(key.isascii() and key.isprintable(), "api_key", "printable ASCII", "another")
    listener = listen(address)
    services = load()
    for service in services:
        warm_up(service)
    with tempfile.TemporaryDirectory(prefix="triptych-") as folder:
        # What Gradio writes, though nothing of the page is kept in files: none of it stays.
        os.environ["GRADIO_TEMP_DIR"] = folder
        app = create(services, limits, key)
        if not key:
            from triptych.serving import page

            page.mount(app, limits)
        host, port = listener.getsockname()[:2]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        names = ", ".join(service.name for service in services)
        print(f"{names}: {url}{'' if key else '/'} (its interface: {url}/docs)")
        if not key and host not in _LOOPBACK:
            print("note: whoever reaches this address can ask; --api-key wants a key of them")
        print("Ctrl-C ends it", flush=True)
        server = Server(settings(app, limits))
        # Uvicorn ends on them and then raises them again: the folder is still to be removed.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        server.run([listener])


def listen(address: Address) -> socket.socket:
    """The socket that `address` says.

    Raises:
        ValueError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=2048)
    except OSError as error:
        raise ValueError(
            f"`host` and `port` must be free to listen on; received: {address.host} port "
            f"{address.port} ({error.strerror})"
        ) from None


def warm_up(service: Service) -> None:
    """Answer pictures alone and together: the first call compiles, and whoever asks would wait.

    Raises:
        ValueError: the model has no answer for its own examples.
    """
    # It counts the graphs that it makes for one and for several pictures, and warns of them.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    pictures = list(service.examples())[:1] or [np.zeros((64, 64, 3), np.uint8)]
    for together in (1, 2):
        for answer in service.answer(pictures * together):
            if isinstance(answer, Exception):
                raise ValueError(f"{service.name} cannot answer its own example") from answer


def settings(app: FastAPI, limits: Limits) -> uvicorn.Config:
    """How Uvicorn serves an application: what a connection may do, and how long its end takes."""
    return uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        http=bounded(limits.timeout, _CONNECTIONS),
        ws="none",
        limit_concurrency=_CONNECTIONS + 1,
        # Whoever was accepted has had an answer, or 503, by then.
        timeout_graceful_shutdown=math.ceil(limits.timeout) + 1,
    )


class Server(uvicorn.Server):
    """Uvicorn's server, which at its end does not wait for what is half sent as long as ever."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn.Server."""
        soon = asyncio.get_running_loop().time() + _HURRY
        for patience in self.config.app.state.awaited:  # type: ignore[union-attr]
            patience.reschedule(min(soon, patience.when()))
        await super().shutdown(sockets)

"""Bodies of requests, without a socket: slow ones, many together, and one that is cut short."""

import asyncio
from typing import Any

from starlette.responses import JSONResponse

from triptych.serving.app import create
from triptych.serving.body import BoundedBody
from triptych.serving.limits import Limits
from triptych.serving.service import Service, Shown


def test_a_slow_sender_is_given_up() -> None:
    service = Service("none", lambda images: [], lambda image, _: Shown(image, ()), list, {})

    async def trickle() -> list[Any]:
        """A body that stops after its first byte."""
        app = create([service], Limits(timeout=0.2))
        told: list[Any] = []
        head = [(b"content-type", b"application/json")]
        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": "/predict",
            "headers": head,
        }
        scope |= {"query_string": b"", "http_version": "1.1", "scheme": "http"}
        first = [{"type": "http.request", "body": b"{", "more_body": True}]

        async def receive() -> Any:
            return first.pop() if first else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            told.append(message)

        await asyncio.wait_for(app(scope, receive, send), 20)
        return told

    assert asyncio.run(trickle())[0]["status"] == 408


def test_all_bodies_together_have_a_bound() -> None:
    """One that waits with 60 bytes leaves no room for another such."""
    may_end = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await may_end.wait()
        await JSONResponse({})(scope, receive, send)

    async def main() -> list[int]:
        bounded = BoundedBody(app, 100, 100, 30)
        statuses = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"x" * 60}

        async def send(message: Any) -> None:
            statuses.append(message.get("status", 0))

        async def ask() -> None:
            await bounded({"type": "http", "headers": []}, receive, send)

        first = asyncio.create_task(ask())
        await asyncio.sleep(0)
        await ask()
        may_end.set()
        await first
        await ask()
        assert bounded.held == 0
        return [status for status in statuses if status]

    assert asyncio.run(main()) == [429, 200, 200]


def test_who_waits_in_vain_at_a_forced_end_is_told() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def main() -> list[Any]:
        told: list[Any] = []

        async def send(message: Any) -> None:
            told.append(message)

        bounded = BoundedBody(app, 100, 100, 30)
        asked = bounded({"type": "http", "headers": []}, asyncio.Event().wait, send)  # type: ignore[arg-type]
        task = asyncio.ensure_future(asked)
        await asyncio.sleep(0)
        task.cancel()
        await task
        return told

    assert asyncio.run(main())[0]["status"] == 503

"""What /metrics tells."""

import time
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

GONE = 499
"""The status of a request whose client went away before it was answered."""


class Meters:
    """Counters of one server, each by task."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        task: dict[str, Any] = {"labelnames": ["task"], "registry": self.registry}
        self.pictures = Counter("pictures", "Pictures answered", **task)
        self.seconds = Histogram("request_seconds", "Time of a request", **task)
        self.inside = Gauge("pictures_inside", "Pictures that wait or are answered", **task)
        sizes = [2**k for k in range(9)]
        self.batch = Histogram("batch_pictures", "Pictures in a batch", buckets=sizes, **task)
        self.requests = Counter(
            "requests", "Requests by what came of them", ["task", "status"], registry=self.registry
        )


class Metered:
    """ASGI middleware: counts what is posted at the paths of `tasks` by the status it is given."""

    def __init__(self, app: ASGIApp, meters: Meters, tasks: Mapping[str, str]) -> None:
        self.app, self.meters, self.tasks = app, meters, tasks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        task = self.tasks.get(scope["path"]) if scope.get("method") == "POST" else None
        if task is None:
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), GONE

        async def sent(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, sent)
        except Exception:
            status = 500
            raise
        finally:
            self.meters.requests.labels(task, status).inc()
            self.meters.seconds.labels(task).observe(time.perf_counter() - began)

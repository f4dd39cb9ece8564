"""The HTTP application of one service or several.

`POST /predict` (with several services `POST /NAME/predict`) takes pictures as multipart files or as
JSON `{"images": [BASE64, ...]}`; `GET /health`, `/info` and `/metrics` (Prometheus) tell of the
server, `/docs` of all this. No answer names a path or shows a stack trace.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import APIKeyHeader
from fastapi_offline import FastAPIOffline
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from triptych.serving import upload
from triptych.serving.body import BoundedBody
from triptych.serving.desk import Desk, Refused
from triptych.serving.limits import Limits
from triptych.serving.service import Service

_DECODERS = 2  # threads

log = logging.getLogger("triptych.serving")


def create(services: Sequence[Service], limits: Limits, key: str = "") -> FastAPI:
    """The application; with a `key` /predict wants it in the header X-API-Key.

    Its `state.desks` are the services' desks, in order.

    Raises:
        ValueError: no service, or two of one name.
    """
    names = [service.name for service in services]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"`services` must be some of different names; received: {names}")
    meters = _Meters()
    decoders = ThreadPoolExecutor(_DECODERS, "decode")
    desks = [Desk(one, limits, decoders, meters.batch.labels(one.name).observe) for one in services]
    for desk in desks:
        meters.inside.labels(desk.service.name).set_function(partial(getattr, desk, "inside"))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for desk in desks:
            desk.start()
        yield
        await asyncio.gather(*(desk.close() for desk in desks))
        decoders.shutdown()

    app = FastAPIOffline(
        redoc_url=None, title="Triptych", description=str(__doc__), lifespan=lifespan
    )
    app.state.desks = desks
    app.add_middleware(BoundedBody, most=limits.upload, together=limits.uploads)

    @app.exception_handler(Exception)
    async def hidden(_: Request, error: Exception) -> JSONResponse:
        log.error("internal error", exc_info=error)
        return JSONResponse({"detail": "internal error"}, status_code=500)

    header = APIKeyHeader(name="X-API-Key", auto_error=False)

    async def allowed(given: str | None = Depends(header)) -> None:
        if key and not secrets.compare_digest((given or "").encode(), key.encode()):
            raise HTTPException(401, "the header X-API-Key is missing or wrong")

    @app.get("/health", responses={503: {"description": "a model answers no more"}})
    async def health() -> JSONResponse:
        """Whether the server answers, and how many pictures are with it."""
        alive = all(desk.alive for desk in desks)
        told = {
            "status": "ok" if alive else "failed",
            "waiting": {desk.service.name: desk.inside for desk in desks},
        }
        return JSONResponse(told, status_code=200 if alive else 503)

    @app.get("/info")
    async def info() -> dict[str, Any]:
        """The model cards."""
        return {service.name: dict(service.info) for service in services}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        """Counters and times for Prometheus."""
        return PlainTextResponse(generate_latest(meters.registry), media_type=CONTENT_TYPE_LATEST)

    def add(desk: Desk, path: str) -> None:
        name = desk.service.name

        @app.post(
            path,
            name=f"predict_{name}",
            dependencies=[Depends(allowed)],
            openapi_extra=upload.BODY,
            responses={code: {"description": text} for code, text in _REFUSALS.items()},
        )
        async def predict(request: Request) -> JSONResponse:
            """What the model says of each picture, or why it cannot be used."""
            began, status = time.perf_counter(), 500
            try:
                answered = await _predicted(request, desk)
                status = answered.status_code
                return answered
            except HTTPException as refused:
                status = refused.status_code
                raise
            finally:
                meters.requests.labels(name, status).inc()
                meters.seconds.labels(name).observe(time.perf_counter() - began)

    async def _predicted(request: Request, desk: Desk) -> JSONResponse:
        try:
            async with asyncio.timeout(limits.timeout):
                pictures = await upload.pictures(request, limits.pictures)
        except TimeoutError:
            raise HTTPException(408, "the request did not come in time") from None
        try:
            found = await desk.answer([data for _, data in pictures])
        except Refused as refused:
            again = {"Retry-After": "1"} if refused.status == 429 else None
            raise HTTPException(refused.status, str(refused), again) from None
        meters.pictures.labels(desk.service.name).inc(len(pictures))
        rows = [{"file": name, **row} for (name, _), row in zip(pictures, found, strict=True)]
        usable = any("error" not in row for row in rows)
        return JSONResponse({"answers": rows}, status_code=200 if usable else 422)

    for desk in desks:
        add(desk, "/predict" if len(desks) == 1 else f"/{desk.service.name}/predict")
    return app


class _Meters:
    """What /metrics tells."""

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


_REFUSALS: dict[int | str, str] = {
    400: "the body has no pictures",
    401: "the key is wrong",
    408: "the request did not come in time",
    413: "too large, or too many pictures",
    415: "another kind of body",
    422: "no picture can be used; `error` of each says why",
    429: "too many pictures wait",
    503: "no answer in time, or shutting down",
}

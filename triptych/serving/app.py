"""The HTTP application of one service or several.

`POST /predict` (with several services `POST /NAME/predict`) takes pictures as multipart files or as
JSON `{"images": [BASE64, ...]}`; `GET /health`, `/info` and `/metrics` (Prometheus) tell of the
server, `/docs` of all this. No answer names a path or shows a stack trace.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import APIKeyHeader
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import ClientDisconnect

from triptych.serving import upload
from triptych.serving.body import BoundedBody
from triptych.serving.desk import Desk, Refused
from triptych.serving.limits import Limits
from triptych.serving.meters import Metered, Meters
from triptych.serving.service import Service

R = TypeVar("R")

_DECODERS = 2  # threads

log = logging.getLogger("triptych.serving")


def create(services: Sequence[Service], limits: Limits, key: str = "") -> FastAPI:
    """The application; with a `key` /predict wants it in the header X-API-Key.

    Its `state.desks` are the services' desks, in order; `state.awaited` is what `BoundedBody` says.

    Raises:
        ValueError: no service, or two of one name.
    """
    names = [service.name for service in services]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"`services` must be some of different names; received: {names}")
    meters = Meters()
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
    paths = {"/predict" if len(desks) == 1 else f"/{name}/predict": name for name in names}
    app.state.awaited = set()
    app.add_middleware(
        BoundedBody,
        most=limits.upload,
        together=limits.uploads,
        seconds=limits.timeout,
        awaited=app.state.awaited,
    )
    app.add_middleware(Metered, meters=meters, tasks=paths)

    @app.exception_handler(Exception)
    async def hidden(_: Request, error: Exception) -> JSONResponse:
        log.error("internal error", exc_info=error)
        return JSONResponse({"detail": "internal error"}, status_code=500)

    header = APIKeyHeader(name="X-API-Key", auto_error=False)

    async def allowed(given: str | None = Depends(header)) -> None:
        if key and not secrets.compare_digest((given or "").encode("latin-1"), key.encode()):
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
            pictures = await upload.pictures(request, limits.pictures)
            try:
                found = await _while_there(request, desk.answer([data for _, data in pictures]))
            except Refused as refused:
                again = {"Retry-After": "1"} if refused.status == 429 else None
                raise HTTPException(refused.status, str(refused), again) from None
            meters.pictures.labels(name).inc(len(pictures))
            rows = [{"file": file, **row} for (file, _), row in zip(pictures, found, strict=True)]
            usable = any("error" not in row for row in rows)
            return JSONResponse({"answers": rows}, status_code=200 if usable else 422)

    for desk, path in zip(desks, paths, strict=True):
        add(desk, path)
    return app


async def _while_there(request: Request, answer: Coroutine[Any, Any, R]) -> R:
    """The answer; nothing is done any more for a client that goes away.

    Raises:
        ClientDisconnect: it went away.
    """
    answered = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait((answered, gone), return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise ClientDisconnect
        return answered.result()
    finally:
        for task in (answered, gone):
            task.cancel()


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

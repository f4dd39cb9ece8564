"""The HTTP application of one service or several.

`POST /predict` (with several services `POST /NAME/predict`) takes pictures as multipart files or as
JSON `{"images": [BASE64, ...]}`; `GET /health`, `/info` and `/metrics` (Prometheus) tell of the
server, `/docs` of all this. No answer names a path or shows a stack trace.
"""

import asyncio
import base64
import binascii
import logging
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import APIKeyHeader
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile

from triptych.images import ImageError, decode
from triptych.serving.batcher import Batcher, Closed, Full
from triptych.serving.body import BoundedBody
from triptych.serving.limits import Limits
from triptych.serving.service import Answer, Service

_DECODERS = 2  # threads

log = logging.getLogger("triptych.serving")


class Images(BaseModel):
    """Pictures in a JSON request."""

    images: list[str] = Field(description="encoded pictures, each in base64")


def create(services: Sequence[Service], limits: Limits, key: str = "") -> FastAPI:
    """The application; with a `key` /predict wants it in the header X-API-Key.

    Raises:
        ValueError: no service, or two of one name.
    """
    names = [service.name for service in services]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"`services` must be some of different names; received: {names}")
    registry = CollectorRegistry()
    meters = _Meters(registry)
    decoders = ThreadPoolExecutor(_DECODERS, "decode")
    batchers = {
        service.name: Batcher[np.ndarray, Answer](
            service.answer,
            limits.batch,
            limits.wait_ms / 1000,
            limits.queue,
            meters.batch.labels(service.name).observe,
        )
        for service in services
    }

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for batcher in batchers.values():
            batcher.start()
        yield
        for batcher in batchers.values():
            await batcher.close()
        decoders.shutdown()

    app = FastAPI(title="Triptych", description=str(__doc__), lifespan=lifespan)
    app.add_middleware(BoundedBody, most=limits.upload)

    @app.exception_handler(Exception)
    async def hidden(_: Request, error: Exception) -> JSONResponse:
        log.error("internal error", exc_info=error)
        return JSONResponse({"detail": "internal error"}, status_code=500)

    header = APIKeyHeader(name="X-API-Key", auto_error=False)

    async def allowed(given: str | None = Depends(header)) -> None:
        if key and not secrets.compare_digest((given or "").encode(), key.encode()):
            raise HTTPException(401, "the header X-API-Key is missing or wrong")

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """Whether the server answers, and how many pictures wait."""
        waiting = {name: batcher.waiting for name, batcher in batchers.items()}
        return {"status": "ok", "waiting": waiting}

    @app.get("/info")
    async def info() -> dict[str, Any]:
        """The model cards."""
        return {service.name: dict(service.info) for service in services}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        """Counters and times for Prometheus."""
        return PlainTextResponse(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    def add(service: Service, path: str) -> None:
        batcher = batchers[service.name]

        @app.post(
            path,
            name=f"predict_{service.name}",
            dependencies=[Depends(allowed)],
            openapi_extra=_BODY,
            responses={code: {"description": text} for code, text in _REFUSALS.items()},
        )
        async def predict(request: Request) -> JSONResponse:
            """What the model says of each picture, or why it cannot be used."""
            began = time.perf_counter()
            pictures = await _pictures(request, limits.pictures)
            try:
                async with asyncio.timeout(limits.timeout):
                    found = await _answers([data for _, data in pictures], batcher)
            except TimeoutError:
                raise HTTPException(503, "no answer in time") from None
            meters.pictures.labels(service.name).inc(len(pictures))
            meters.seconds.labels(service.name).observe(time.perf_counter() - began)
            rows = [{"name": name, **row} for (name, _), row in zip(pictures, found, strict=True)]
            usable = any("error" not in row for row in rows)
            return JSONResponse({"answers": rows}, status_code=200 if usable else 422)

    async def _answers(
        pictures: list[bytes], batcher: Batcher[np.ndarray, Answer]
    ) -> list[dict[str, Any]]:
        loop = asyncio.get_running_loop()
        if batcher.waiting + len(pictures) > limits.queue:
            raise HTTPException(429, "too many pictures wait", {"Retry-After": "1"})
        images = await asyncio.gather(
            *(loop.run_in_executor(decoders, decode, data, limits.pixels) for data in pictures),
            return_exceptions=True,
        )
        usable = [image for image in images if isinstance(image, np.ndarray)]
        try:
            answers = iter(await batcher.ask_all(usable) if usable else [])
        except Full as error:
            raise HTTPException(429, str(error), {"Retry-After": "1"}) from None
        except Closed as error:
            raise HTTPException(503, str(error)) from None
        return [_row(next(answers) if isinstance(image, np.ndarray) else image) for image in images]

    for service in services:
        add(service, "/predict" if len(services) == 1 else f"/{service.name}/predict")
    return app


class _Meters:
    """What /metrics tells."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.pictures = Counter("pictures", "Pictures answered", ["task"], registry=registry)
        self.seconds = Histogram(
            "request_seconds", "Time of a request", ["task"], registry=registry
        )
        sizes = [2**k for k in range(9)]
        self.batch = Histogram(
            "batch_pictures", "Pictures in a batch", ["task"], registry=registry, buckets=sizes
        )


def _row(answer: Answer | BaseException) -> dict[str, Any]:
    """An answer, or an error that may be told."""
    if not isinstance(answer, BaseException):
        return dict(answer)
    if isinstance(answer, ImageError | ValueError):
        return {"error": str(answer)}
    raise answer


async def _pictures(request: Request, most: int) -> list[tuple[str, bytes]]:
    """Names and encoded pictures of a request.

    Raises HTTPException 415 for another kind of body, 400 for one that is no such, 413 for more
    than `most`.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=most + 1) as form:
            files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
            found = [(file.filename or str(i), await file.read()) for i, file in enumerate(files)]
    elif kind == "application/json":
        try:
            images = Images.model_validate_json(await request.body()).images
            found = [
                (str(i), base64.b64decode(text, validate=True)) for i, text in enumerate(images)
            ]
        except (binascii.Error, ValueError) as error:
            raise HTTPException(400, 'the body is not {"images": [BASE64, ...]}') from error
    else:
        raise HTTPException(415, "the body must be multipart/form-data or application/json")
    if not found:
        raise HTTPException(400, "the request has no picture")
    if len(found) > most:
        raise HTTPException(413, f"the request has more than {most} pictures")
    return found


_REFUSALS: dict[int | str, str] = {
    400: "the body has no pictures",
    401: "the key is wrong",
    413: "too large, or too many pictures",
    415: "another kind of body",
    422: "no picture can be used; `error` of each says why",
    429: "too many pictures wait",
    503: "no answer in time, or shutting down",
}
_FILE = {"type": "string", "format": "binary"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"files": {"type": "array", "items": _FILE}},
                    "required": ["files"],
                }
            },
            "application/json": {"schema": Images.model_json_schema()},
        },
    }
}

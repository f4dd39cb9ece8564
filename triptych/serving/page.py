"""The page: drop a photograph, or take one with the camera, and see the answer drawn.

Everything it is made of comes from this server: no fonts, scripts or counters from elsewhere.
Gradio makes the page; what the page sends is answered here, at the same desks as /predict and so
within the same limits, and never by Gradio, which would read any file that a request names.
"""

import asyncio
import base64
import io
import json
import os
from collections.abc import Container, Mapping, Sequence
from html import escape
from typing import Any

# Read when Gradio is imported: it would tell its makers of every start.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr
import numpy as np
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from PIL import Image

from triptych.images import shrink_to_show
from triptych.serving import upload
from triptych.serving.desk import Desk, Refused
from triptych.serving.doors import Doors
from triptych.serving.limits import Limits
from triptych.serving.service import Part
from triptych.serving.uploads import Uploads

PATH = "/page"
_ASKED = f"{PATH}/gradio_api"  # where Gradio's script in the browser sends its requests
_KEPT = 8  # the uploads that are kept, in largest ones
_QUESTION = 65_536  # bytes

_STYLE = """
.bar { display: flex; gap: 0.6em; align-items: center; margin: 0.15em 0 }
.bar > :first-child { flex: 0 0 9em; overflow: hidden; white-space: nowrap }
.bar > meter { flex: 1; height: 1.3em }
.bar > :last-child { flex: 0 0 4em; text-align: right }
.drawn-example { height: 5em }
"""


def mount(app: FastAPI, limits: Limits) -> None:
    """Add the page to an application that `app.create` made, at /page, where / then leads."""
    desks: dict[object, Desk] = {}
    uploads = Uploads(_KEPT * limits.upload)
    with gr.Blocks(title="Triptych", analytics_enabled=False) as blocks:
        for desk in app.state.desks:
            with gr.Tab(desk.service.name, elem_id=f"{desk.service.name}-tab"):
                desks[_add(desk, uploads)] = desk
    # Into an application of its own, of which only the page is taken: nothing of Gradio's runs
    # beside the server, no queue and no folder that is swept.
    whole = gr.mount_gradio_app(
        FastAPI(),
        blocks,
        PATH,
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        # Fonts that every system has: the default theme's come from elsewhere.
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        css=_STYLE,
    )
    (made,) = (vars(route)["app"] for route in whole.routes if getattr(route, "path", "") == PATH)
    _answer(app, desks, uploads)
    app.mount(PATH, Doors(made))


def _answer(app: FastAPI, desks: Mapping[object, Desk], uploads: Uploads) -> None:
    """The routes of what the page sends; `desks` by the number Gradio's script has for them."""

    @app.get("/", include_in_schema=False)
    async def home() -> RedirectResponse:
        return RedirectResponse(f"{PATH}/")

    @app.post(f"{_ASKED}/upload", include_in_schema=False)
    async def upload_(request: Request) -> JSONResponse:
        found = await upload.pictures(request, 1)
        return JSONResponse([uploads.add(data) for _, data in found])

    @app.get(f"{_ASKED}/upload_progress", include_in_schema=False)
    async def progress() -> Response:
        return Response('data: {"msg": "done"}\n\n', media_type="text/event-stream")

    @app.get(f"{_ASKED}/file={{name}}", include_in_schema=False)
    async def file(name: str) -> Response:
        data = uploads.get(name)
        if data is None:
            raise HTTPException(404)
        # Whatever it is, the browser may only take it for a picture.
        safe = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        return Response(data, media_type="image/png", headers=safe)

    @app.post(f"{_ASKED}/run/predict", include_in_schema=False)
    async def run(request: Request) -> JSONResponse:
        number, name = _asked(await request.body(), desks)
        if name is None:  # it was taken away
            return JSONResponse({"data": [None, ""]})
        picture = uploads.get(name)
        try:
            if picture is None:
                raise Refused(404, "the picture is not here any more: give it again")
            return JSONResponse({"data": await _shown(desks[number], picture)})
        except Refused as refused:
            # Of any other status the page would show that there is an error, and not which.
            return JSONResponse({"data": [None, f"<p>{escape(str(refused))}</p>"]})


def _asked(body: bytes, known: Container[object]) -> tuple[int, str | None]:
    """Which of the `known` numbers a question of the page has, and its picture's name, if any.

    Raises:
        HTTPException: it is no question.
    """
    try:
        if len(body) > _QUESTION:
            raise ValueError
        question = json.loads(body)
        (given,) = question["data"]
        number, name = question["fn_index"], None if given is None else given["path"]
        if not (number in known and isinstance(name, str | None)):
            raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError):
        raise HTTPException(400, "this is no question about a picture") from None
    return number, name


async def _shown(desk: Desk, picture: bytes) -> list[Any]:
    """What the page shows: a drawn picture, and what is said beside it."""
    shown = await desk.show(picture)
    return [await asyncio.to_thread(_sent, shown.picture), said(shown.parts)]


def _sent(picture: np.ndarray) -> dict[str, Any]:
    """A picture as Gradio's script takes it, whole in its address: there is no file of it."""
    file = io.BytesIO()
    Image.fromarray(shrink_to_show(picture)).save(file, "JPEG", quality=90)
    return _file(
        "answer.jpg", f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
    )


def _file(path: str, url: str) -> dict[str, Any]:
    return {"path": path, "url": url, "orig_name": path, "meta": {"_type": "gradio.FileData"}}


def _add(desk: Desk, uploads: Uploads) -> int:
    """What belongs to one service; the number that Gradio's script asks with."""
    name = desk.service.name
    with gr.Row():
        with gr.Column():
            given = gr.Image(
                label="your photograph",
                sources=["upload", "webcam", "clipboard"],
                elem_id=f"{name}-given",
            )
            _add_examples(desk, given, uploads)
        with gr.Column():
            drawn = gr.Image(
                label="answer",
                interactive=False,
                # Its own third button would publish the picture on a site of Gradio's makers.
                buttons=["download", "fullscreen"],
                elem_id=f"{name}-drawn",
            )
            told = gr.HTML(elem_id=f"{name}-said")
    asked = given.change(
        _elsewhere,
        given,
        [drawn, told],
        api_visibility="private",
        queue=False,
        show_progress="minimal",
    )
    return int(asked["id"])


def _elsewhere(_: object) -> None:
    """Gradio wants a function; what it would be called with is answered by `run` above."""
    raise NotImplementedError


def _add_examples(desk: Desk, given: gr.Image, uploads: Uploads) -> None:
    """Pictures to click on, which the browser then gives as if they had been uploaded."""
    files = []
    for image in desk.service.examples():
        encoded = io.BytesIO()
        Image.fromarray(image).save(encoded, "PNG")
        path = uploads.add_example(encoded.getvalue())
        # A relative address, since a proxy may give the server another place.
        files.append(_file(path, f"gradio_api/file={path}"))
    if not files:
        return
    shown = gr.Dataset(
        components=[gr.HTML(visible=False)],
        samples=[[f'<img class="drawn-example" src="{file["url"]}" alt="">'] for file in files],
        type="index",
        label="drawn examples",
        elem_id=f"{desk.service.name}-examples",
    )
    shown.click(None, shown, given, js=f"number => ({json.dumps(files)})[number]")


def said(parts: Sequence[Part]) -> str:
    """What is said beside a picture, as HTML: titles, and bars with their percentages."""
    lines = []
    for part in parts:
        lines.append(f"<h3>{escape(part.title)}</h3>")
        lines += [
            f'<div class="bar"><span>{escape(label)}</span>'
            f'<meter value="{share:.4f}"></meter><span>{share:.1%}</span></div>'
            for label, share in part.bars
        ]
    return "".join(lines)

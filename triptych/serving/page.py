"""The page: drop a photograph, or take one with the camera, and see the answer drawn.

Everything it is made of comes from this server: no fonts, scripts or counters from elsewhere. It
hands pictures in at the same desks as /predict, and so within the same limits.
"""

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from tempfile import mkdtemp

# Read when Gradio is imported: it would tell its makers of every start.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr
import numpy as np
from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from gradio.data_classes import ImageData
from PIL import Image

from triptych.images import shrink_to_cover
from triptych.serving.desk import Desk, Refused
from triptych.serving.limits import Limits
from triptych.serving.service import Part

PATH = "/page"
_SHOWN = (720, 960)  # pixels that a drawn picture has at least, if it had them
_KEPT = (60, 600)  # seconds: how often old uploads are deleted, and how old they are

_STYLE = """
.bar { display: flex; gap: 0.6em; align-items: center; margin: 0.15em 0 }
.bar > :first-child { flex: 0 0 9em; overflow: hidden; white-space: nowrap }
.bar > meter { flex: 1; height: 1.3em }
.bar > :last-child { flex: 0 0 4em; text-align: right }
"""


def mount(app: FastAPI, limits: Limits) -> None:
    """Add the page to an application that `app.create` made, at /page, where / then leads.

    `app.state.leave` ends the streams that open pages hold.
    """
    desks: Sequence[Desk] = app.state.desks
    with gr.Blocks(title="Triptych", analytics_enabled=False, delete_cache=_KEPT) as blocks:
        for desk in desks:
            with gr.Tab(desk.service.name, elem_id=f"{desk.service.name}-tab"):
                _add(desk)
    gr.mount_gradio_app(
        app,
        blocks,
        PATH,
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=limits.upload,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        # Fonts that every system has: the default theme's come from elsewhere.
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        css=_STYLE,
    )
    (mounted,) = (vars(route)["app"] for route in app.routes if getattr(route, "path", "") == PATH)
    app.state.leave = mounted.stop_event.set

    @app.get("/", include_in_schema=False)
    async def home() -> RedirectResponse:
        return RedirectResponse(f"{PATH}/")


def _add(desk: Desk) -> None:
    """What belongs to one service."""
    name = desk.service.name

    async def ask(file: str | None) -> tuple[np.ndarray | None, str]:
        if file is None:
            return None, ""
        try:
            shown = await desk.show(Path(file).read_bytes())
        except Refused as refused:
            raise gr.Error(str(refused), print_exception=False) from None
        return shrink_to_cover(shown.picture, _SHOWN), said(shown.parts)

    with gr.Row():
        with gr.Column():
            given = gr.Image(
                label="your photograph",
                type="filepath",
                image_mode=None,
                sources=["upload", "webcam", "clipboard"],
                elem_id=f"{name}-given",
            )
            # On the component itself: the browser takes a class of ours for one that it must load.
            given.preprocess = _path  # type: ignore[method-assign]
            gr.Examples(_written(desk), given, label="drawn examples")
        with gr.Column():
            drawn = gr.Image(
                label="answer",
                format="jpeg",
                interactive=False,
                # Its own third button would publish the picture on a site of Gradio's makers.
                buttons=["download", "fullscreen"],
                elem_id=f"{name}-drawn",
            )
            told = gr.HTML(elem_id=f"{name}-said")
    given.change(
        ask,
        given,
        [drawn, told],
        api_visibility="private",
        concurrency_limit=None,
        show_progress="minimal",
    )


def _path(payload: ImageData | None) -> str | None:
    """The uploaded file as it is: what it holds is judged at the desk, and told from there."""
    return payload.path if payload else None


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


def _written(desk: Desk) -> list[str]:
    """The service's examples as files, in the folder whose files the page may send."""
    folder = Path(mkdtemp(dir=os.environ.get("GRADIO_TEMP_DIR")))
    paths = []
    for number, image in enumerate(desk.service.examples()):
        paths.append(str(folder / f"{desk.service.name}-{number}.png"))
        Image.fromarray(image).save(paths[-1])
    return paths

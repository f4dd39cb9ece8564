"""Requests of every kind at a server, broken ones above all: none may be answered with a 500.

    python -m benchmarks.fuzz                        # a server of its own, in this process
    python -m benchmarks.fuzz --url http://127.0.0.1:8000 --path /predict

Prints how many requests had which status, and the first that was answered wrongly, made small.
"""

import base64
import io
import json
import re
import struct
import zlib
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from triptych.config import parse

ALLOWED = {200, 400, 404, 405, 413, 415, 422, 429, 503}
_BOUNDARY = "b0undary"
_TOLD = re.compile(r"Traceback|\.py\b|0x[0-9a-f]{6}|<_io")


@dataclass(frozen=True)
class Config:
    """Which server to ask, and how often."""

    url: str = ""
    """Address of a server that runs; default: one in this process, of a service that is known."""
    path: str = "/predict"
    """Where it takes pictures."""
    requests: int = 2000
    """How many."""
    seed: int = 0
    """Another seed asks other things."""


@dataclass(frozen=True)
class Request:
    """What is sent; `pictures` is how many rows an answer must have, None where it is no matter.

    Without a `path` it goes to where the server takes pictures.
    """

    method: str
    headers: dict[str, str]
    body: bytes
    pictures: int | None = None
    path: str = ""


@cache
def whole() -> dict[str, bytes]:
    """Small pictures of every kind that Pillow writes and a server might meet, by name."""
    colours = np.random.default_rng(0).integers(0, 256, (9, 13, 3), np.uint8)
    rgb = Image.fromarray(colours)
    exif = Image.Exif()
    exif[0x0112] = 6
    made: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
        "jpeg": (rgb, "JPEG", {"exif": exif}),
        "progressive": (rgb, "JPEG", {"progressive": True}),
        "cmyk": (rgb.convert("CMYK"), "JPEG", {}),
        "png": (rgb, "PNG", {}),
        "palette": (rgb.convert("P"), "PNG", {}),
        "transparent": (rgb.convert("RGBA"), "PNG", {}),
        "deep": (Image.fromarray(colours[..., 0].astype(np.uint16) << 8), "PNG", {}),
        "bits": (rgb.convert("1"), "TIFF", {"compression": "group4"}),
        "tiff": (rgb, "TIFF", {"compression": "tiff_lzw"}),
        "float": (rgb.convert("F"), "TIFF", {}),
        "gif": (rgb, "GIF", {"save_all": True, "append_images": [rgb.rotate(90)]}),
        "webp": (rgb, "WEBP", {}),
        "bmp": (rgb, "BMP", {}),
        "eps": (rgb, "EPS", {}),
        "ppm": (rgb, "PPM", {}),
        "ico": (rgb, "ICO", {"sizes": [(9, 9)]}),
    }
    found = {}
    for name, (image, kind, options) in made.items():
        file = io.BytesIO()
        image.save(file, kind, **options)
        found[name] = file.getvalue()
    return found | {
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
        "pdf": b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n",
        "zip": b"PK\x03\x04" + bytes(40),
        "html": b"<!doctype html><script>alert(1)</script>",
        "empty": b"",
    }


@cache
def costly() -> dict[str, bytes]:
    """Pictures that would cost far more than their pixels, were they as long as they may be."""
    run_length, jpeg = bytearray(whole()["bmp"]), whole()["jpeg"]
    run_length[30] = 1
    segments = jpeg[:2] + b"\xff\xfe\0\2" * 3000 + jpeg[2:]
    return {"run length": bytes(run_length), "segments": segments}


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header says `width` x `height` pixels, in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        sealed = kind + data
        return struct.pack(">I", len(data)) + sealed + struct.pack(">I", zlib.crc32(sealed))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(99))), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@st.composite
def pictures(draw: st.DrawFn) -> bytes:
    """A picture: whole, cut off, with bytes changed or put in, huge by its header; or noise."""
    how = draw(st.sampled_from(["whole", "cut", "changed", "longer", "bomb", "noise"]))
    if how == "noise":
        return draw(st.binary(max_size=200))
    if how == "bomb":
        side = st.sampled_from([0, 1, 2, 4000, 50_000, 2**31 - 1, 2**32 - 1])
        return bomb(draw(side), draw(side))
    files = whole() | costly()
    data = files[draw(st.sampled_from(sorted(files)))]
    if how == "whole" or not data:
        return data
    place = draw(st.integers(0, len(data) - 1))
    if how == "cut":
        return data[:place]
    if how == "longer":
        return data[:place] + draw(st.binary(min_size=1, max_size=20)) + data[place:]
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 8))):
        changed[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(changed)


_NAMES = st.text(st.characters(codec="utf-8", exclude_characters='"\r\n\\'), max_size=12)
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
_KINDS = st.sampled_from(
    [
        *("multipart/form-data", f"multipart/form-data; boundary={_BOUNDARY}", "application/json"),
        *("image/png", "text/plain", "application/json; charset=utf-16", "x", ""),
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=\xff",
    ]
)


@st.composite
def multipart(draw: st.DrawFn) -> Request:
    """Files in a form, as a browser sends them, or with a piece of the form missing."""
    files = draw(st.lists(st.tuples(_NAMES, pictures()), max_size=6))
    body = b""
    for name, data in files:
        head = f'Content-Disposition: form-data; name="files"; filename="{name}"'
        body += f"--{_BOUNDARY}\r\n{head}\r\n\r\n".encode() + data + b"\r\n"
    body += f"--{_BOUNDARY}--\r\n".encode()
    read_as = draw(st.sampled_from(["", "", "; charset=punycode", "; charset=unicode_escape"]))
    headers = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}{read_as}"}
    clean = all(name and f"--{_BOUNDARY}".encode() not in data for name, data in files)
    if draw(st.integers(0, 3)) == 0:
        body, clean = body[: draw(st.integers(0, len(body)))], False
    return Request("POST", headers, body, len(files) if clean and files else None)


@st.composite
def as_json(draw: st.DrawFn) -> Request:
    """Pictures in base64, or JSON of any other kind."""
    headers = {"content-type": "application/json"}
    if draw(st.booleans()):
        found = draw(st.lists(pictures(), min_size=1, max_size=6))
        body = {"images": [base64.b64encode(data).decode() for data in found]}
        return Request("POST", headers, json.dumps(body).encode(), len(found))
    inside = draw(_JSON)
    wrapped = {"images": inside} if draw(st.booleans()) else inside
    return Request("POST", headers, json.dumps(wrapped).encode())


@st.composite
def anything(draw: st.DrawFn) -> Request:
    """Bytes under any name."""
    method = draw(st.sampled_from(["POST", "POST", "GET", "PUT", "DELETE", "OPTIONS"]))
    body = draw(st.binary(max_size=300) | pictures())
    return Request(method, {"content-type": draw(_KINDS)}, body)


_DOORS = ("upload", "run/predict", "queue/join", "call/ask", "component_server", "file=/etc/passwd")


@st.composite
def to_the_page(draw: st.DrawFn) -> Request:
    """What Gradio's script would send, and whatever else at its addresses."""
    path = f"/page/gradio_api/{draw(st.sampled_from(_DOORS))}"
    method = draw(st.sampled_from(["POST", "POST", "GET"]))
    if draw(st.booleans()):
        return replace(draw(multipart()), method=method, pictures=None, path=path)
    names = st.sampled_from(["example-0", "/etc/passwd", "../x"]) | _JSON
    data = st.lists(st.fixed_dictionaries({"path": names}) | _JSON, max_size=2)
    asked = {"data": data | _JSON, "fn_index": st.integers(-1, 3) | _JSON}
    body = json.dumps(draw(st.fixed_dictionaries(asked) | _JSON)).encode()
    return Request(method, {"content-type": "application/json"}, body, path=path)


REQUESTS = st.one_of(multipart(), as_json(), anything(), to_the_page())


def check(client: Any, path: str, request: Request) -> int:
    """Ask `client` (httpx's, or Starlette's for tests); returns the status.

    Raises:
        AssertionError: a status or an answer that no request may have.
    """
    headers = {name: value.encode("latin-1") for name, value in request.headers.items()}
    place = request.path or path
    given = client.request(request.method, place, headers=headers, content=request.body)
    assert given.status_code in ALLOWED, (given.status_code, given.text)
    if request.path:
        assert _TOLD.search(given.text) is None, given.text
        return int(given.status_code)
    assert isinstance(given.json(), dict)
    if given.status_code not in (200, 422):
        assert _TOLD.search(given.text) is None, given.text
        return int(given.status_code)
    rows = given.json()["answers"]
    assert request.pictures in (None, len(rows))
    for row in rows:
        assert _TOLD.search(str(row.get("error", ""))) is None, row
    return int(given.status_code)


def run(client: Any, path: str, requests: int, seed: int = 0) -> Counter[int]:
    """Send so many requests; what came of them, by status. Raises as `check`."""
    counts: Counter[int] = Counter()

    @settings(
        max_examples=requests,
        deadline=None,
        derandomize=not seed,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(REQUESTS)
    def ask(request: Request) -> None:
        counts[check(client, path, request)] += 1

    ask()
    return counts


def known() -> Any:
    """A client of a server in this process, whose service tells a picture's size."""
    from starlette.testclient import TestClient

    from triptych.serving import page
    from triptych.serving.app import create
    from triptych.serving.limits import Limits
    from triptych.serving.service import Service, Shown

    service = Service(
        "sizes",
        lambda images: [{"size": list(image.shape)} for image in images],
        lambda image, answer: Shown(image, ()),
        lambda: [np.zeros((9, 9, 3), np.uint8)],
        {},
    )
    limits = Limits(pixels=100_000, held_pixels=500_000, pictures=5, wait_ms=0)
    app = create([service], limits)
    page.mount(app, limits)
    return TestClient(app, raise_server_exceptions=False)


def main() -> None:
    """The command line."""
    import httpx

    config = parse(Config, prog="benchmarks.fuzz", description=str(__doc__))
    client = httpx.Client(base_url=config.url, timeout=60) if config.url else known()
    with client:
        counts = run(client, config.path, config.requests, config.seed)
        assert client.get("/health").status_code == 200
    for status, count in sorted(counts.items()):
        print(f"{status}: {count}")
    print(f"{sum(counts.values())} requests, none was answered wrongly")


if __name__ == "__main__":
    main()

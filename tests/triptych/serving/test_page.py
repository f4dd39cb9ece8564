"""What the page's own addresses answer to somebody who is no browser."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from triptych.serving import page
from triptych.serving.app import create
from triptych.serving.limits import Limits
from triptych.serving.service import Part, Service, Shown

API = "/page/gradio_api"


def png(height: int, width: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((height, width), 90, np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """Two services with a page, which say their name and the picture's size."""

    def service(name: str) -> Service:
        return Service(
            name,
            lambda images: [{"size": str(image.shape[:2])} for image in images],
            lambda image, answer: Shown(image, [Part(name + answer["size"], [("<b>", 0.25)])]),
            lambda: [np.zeros((6, 8, 3), np.uint8)],
            {},
        )

    limits = Limits(upload_mb=0.1, pixels=200_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        app = create([service("first"), service("second")], limits)
        page.mount(app, limits)
        with TestClient(app) as one:
            yield one


def numbers(client: TestClient) -> list[int]:
    """What Gradio's script has for the services."""
    made = client.get("/page/config").json()["dependencies"]
    return [one["id"] for one in made if one["backend_fn"]]


def uploaded(client: TestClient, data: bytes) -> str:
    given = client.post(f"{API}/upload", files={"files": ("a.png", data)})
    assert given.status_code == 200, given.text
    (name,) = given.json()
    return str(name)


def asked(client: TestClient, number: int, path: Any) -> Any:
    body = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}], "fn_index": number}
    return client.post(f"{API}/run/predict", json=body)


def test_an_upload_is_shown_and_told(client: TestClient) -> None:
    name = uploaded(client, png(30, 40))
    assert client.get(f"{API}/file={name}").content == png(30, 40)
    for number, service in zip(numbers(client), ("first", "second"), strict=True):
        drawn, told = asked(client, number, name).json()["data"]
        assert f"<h3>{service}(30, 40)</h3>" in told
        assert "&lt;b&gt;" in told
        encoded = drawn["url"].removeprefix("data:image/jpeg;base64,")
        assert Image.open(io.BytesIO(base64.b64decode(encoded))).size == (40, 30)
    assert "first(6, 8)" in asked(client, numbers(client)[0], "example-0").json()["data"][1]
    assert asked(client, numbers(client)[0], None).json() == {"data": [None, ""]}


def test_a_picture_longer_than_a_jpeg_may_be_is_shown(client: TestClient) -> None:
    drawn, told = asked(client, numbers(client)[0], uploaded(client, png(1, 70_000))).json()["data"]
    assert "(1, 70000)" in told
    assert drawn["url"].startswith("data:image/jpeg")


def test_what_is_refused_is_said_in_words(client: TestClient) -> None:
    for data, word in ((b"<svg>", "not a picture"), (png(500, 500), "the limit of 200000")):
        drawn, told = asked(client, numbers(client)[0], uploaded(client, data)).json()["data"]
        assert drawn is None
        assert word in told


def test_no_file_of_the_server_is_read(client: TestClient, folder: Path) -> None:
    secret = folder / "secret.png"
    secret.write_bytes(png(9, 9))
    name = uploaded(client, png(8, 8))
    for path in (
        str(secret),
        "../secret.png",
        f"{name}/../secret.png",
        secret.as_uri(),
        "/dev/zero",
    ):
        drawn, told = asked(client, numbers(client)[0], path).json()["data"]
        assert drawn is None
        assert "give it again" in told
        assert client.get(f"{API}/file={path}").status_code == 404
    wrong: list[Any] = [[1], {}, 1, "x" * 70_000]
    for path in wrong:
        assert asked(client, numbers(client)[0], path).status_code == 400
    for body in (b"[" * 60_000, b"{}", b'{"data": [null], "fn_index": [1]}', b"\xff"):
        assert client.post(f"{API}/run/predict", content=body).status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[("POST", f"{API}/{name}") for name in ("queue/join", "call/ask", "api/ask", "run/ask")],
        *[
            ("POST", f"{API}/{name}")
            for name in ("component_server", "process_recording", "cancel")
        ],
        *[("POST", f"{API}/{name}") for name in ("stream/1", "vibe-edit", "reset")],
        *[
            ("GET", f"{API}/{name}")
            for name in ("queue/data?session_hash=a", "heartbeat/a", "runs")
        ],
        *[
            ("GET", f"{API}/{name}")
            for name in ("proxy=http://127.0.0.1/", "file=http://127.0.0.1/")
        ],
        *[
            ("GET", f"{API}/{name}")
            for name in ("deep_link", "openapi.json", "custom_component/a/b/c/d")
        ],
        *[
            ("GET", f"/page/{name}")
            for name in ("monitoring", "login_check", "assets/../../routes.py")
        ],
        ("GET", "/page/static/%2e%2e/%2e%2e/routes.py"),
        ("GET", "/page/assets/" + "a" * 300),
        ("POST", "/page/"),
    ],
)
def test_gradio_s_other_doors_are_shut(client: TestClient, method: str, path: str) -> None:
    body = {"data": [], "fn_index": numbers(client)[0], "session_hash": "a"}
    given = client.request(method, path, json=body if method == "POST" else None)
    assert given.status_code in (403, 404)


def test_uploads_have_the_bounds_of_requests_and_no_path_is_told(
    client: TestClient, folder: Path
) -> None:
    large = client.post(f"{API}/upload", files={"files": ("a.png", bytes(200_000))})
    assert large.status_code == 413
    two = client.post(f"{API}/upload", files=[("files", ("a", b"1")), ("files", ("b", b"2"))])
    assert two.status_code == 413
    for path in ("/page/", "/page/config", f"{API}/info"):
        given = client.get(path)
        assert given.status_code == 200
        assert str(folder) not in given.text
    assert [one for one in folder.rglob("*") if one.is_file() and one.name != "secret.png"] == []

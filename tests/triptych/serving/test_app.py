"""The server over HTTP, with a service that is known: it tells a picture's mean and size."""

import base64
import io
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from triptych.serving import server
from triptych.serving.address import Address
from triptych.serving.app import create
from triptych.serving.limits import Limits
from triptych.serving.service import Answer, Service, Shown


def png(shade: int, height: int = 4, width: int = 6) -> bytes:
    """A grey picture."""
    file = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), shade, np.uint8)).save(file, "PNG")
    return file.getvalue()


def bomb(side: int) -> bytes:
    """A PNG whose header says `side` x `side` pixels, in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


class Model:
    """Shade 13 is refused, 14 breaks all with words that must not be told, 16 is not finite."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, images: list[np.ndarray]) -> Sequence[Answer | Exception]:
        assert self.may_answer.wait(20)
        self.batches.append(len(images))
        shades = [int(image.mean()) for image in images]
        if 14 in shades:
            raise ValueError("/secret/path")
        return [
            ValueError("an unlucky picture")
            if shade == 13
            else {"shade": np.nan if shade == 16 else shade, "size": list(image.shape[:2])}
            for shade, image in zip(shades, images, strict=True)
        ]


def shades(name: str, model: Model) -> Service:
    return Service(name, model, lambda image, answer: Shown(image, ()), list, {"version": "1"})


@pytest.fixture
def model() -> Model:
    return Model()


def served(model: Model, key: str = "", **limits: Any) -> TestClient:
    """A client of a server with these limits; used in a `with`, which starts and stops it."""
    service = shades("shades", model)
    return TestClient(create([service], Limits(**limits), key), raise_server_exceptions=False)


@pytest.fixture
def client(model: Model) -> Iterator[TestClient]:
    with served(model, pictures=4, pixels=10_000, upload_mb=0.1, queue=8) as one:
        yield one


def files(*pictures: bytes) -> list[Any]:
    return [("files", (f"{i}.png", data, "image/png")) for i, data in enumerate(pictures)]


def test_pictures_as_files_and_in_base64(client: TestClient) -> None:
    given = client.post("/predict", files=files(png(10), png(200, 9, 5)))
    assert given.status_code == 200
    assert given.json()["answers"] == [
        {"file": "0.png", "shade": 10, "size": [4, 6]},
        {"file": "1.png", "shade": 200, "size": [9, 5]},
    ]
    coded = client.post("/predict", json={"images": [base64.b64encode(png(30)).decode()]})
    assert coded.json()["answers"] == [{"file": "0", "shade": 30, "size": [4, 6]}]


def test_broken_pictures_have_an_error_of_their_own(client: TestClient) -> None:
    given = client.post("/predict", files=files(b"no picture", png(7), png(13), b""))
    assert given.status_code == 200
    errors = [row.get("error", "") for row in given.json()["answers"]]
    assert errors == [
        "not a picture in a known format",
        "",
        "an unlucky picture",
        "the file is empty",
    ]
    assert given.json()["answers"][1]["shade"] == 7
    assert client.post("/predict", files=files(b"no picture")).status_code == 422


@pytest.mark.parametrize(
    ("charset", "name", "status", "file"),
    [
        ("unicode_escape", r"\ud800", 200, "?"),
        ("punycode", "a-\xff", 400, None),
        ("idna", "xn--a", 400, None),
        ("undefined", "a", 400, None),
        ("nonsense", "b", 200, "b"),
    ],
)
def test_a_form_may_name_any_charset(
    client: TestClient, charset: str, name: str, status: int, file: str | None
) -> None:
    head = f'--x\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n\r\n'
    body = head.encode("latin-1") + png(1) + b"\r\n--x--\r\n"
    kind = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
    given = client.post("/predict", content=body, headers=kind)
    assert given.status_code == status
    assert [row["file"] for row in given.json().get("answers", [{"file": None}])] == [file]


def test_a_huge_picture_is_refused_by_its_header(client: TestClient) -> None:
    began = time.perf_counter()
    given = client.post("/predict", files=files(bomb(50_000)))
    assert time.perf_counter() - began < 1
    assert given.status_code == 422
    assert "exceeds limit" in given.json()["answers"][0]["error"]


def test_a_picture_that_costs_too_much_is_refused_unread(client: TestClient) -> None:
    segments = b"\xff\xd8" + b"\xff\xfe\0\2" * 5000
    given = client.post("/predict", files=files(segments, png(5)))
    told, answer = given.json()["answers"]
    assert told["error"] == "cannot be used (more than 2050 parts)"
    assert answer["shade"] == 5


@pytest.mark.parametrize(
    ("request_", "status", "detail"),
    [
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415, "the body must be"),
        ({"json": {"pictures": []}}, 400, "the body is not"),
        ({"json": {"images": ["no base64!"]}}, 400, "the body is not"),
        ({"json": {"images": []}}, 400, "the request has no picture"),
        ({"json": {"images": [""] * 20_000}}, 400, "the body is not"),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "the body is"),
        ({"data": {"files": "text"}, "files": [("other", b"")]}, 422, ""),
        ({"files": files(*[png(1)] * 5)}, 413, "the request has more than 4 pictures"),
        ({"files": files(b"x" * 200_000)}, 413, "the request has more than 100000 bytes"),
        ({"content": b"x", "headers": {"x-api-key": b"\xff"}}, 415, "the body must be"),
    ],
)
def test_bad_requests(client: TestClient, request_: Any, status: int, detail: str) -> None:
    given = client.post("/predict", **request_)
    assert given.status_code == status, given.text
    assert detail in given.text
    counted = f'requests_total{{status="{status}",task="shades"}} 1.0'
    assert counted in client.get("/metrics").text


def test_a_body_without_a_length_is_refused_while_it_comes(client: TestClient) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(1000):
            yield b"x" * 1000

    given = client.post("/predict", content=endless(), headers={"content-type": "application/json"})
    assert given.status_code == 413


def test_no_path_and_no_trace_leaves_the_server(client: TestClient) -> None:
    given = client.post("/predict", files=files(png(14)))
    assert given.status_code == 500
    assert given.json() == {"detail": "internal error"}
    assert client.post("/predict", files=files(png(15))).status_code == 200  # it goes on


def test_others_in_the_batch_of_a_failure_are_answered(model: Model) -> None:
    with served(model, wait_ms=2000, batch=2) as client:
        statuses = {}

        def ask(shade: int) -> None:
            statuses[shade] = client.post("/predict", files=files(png(shade))).status_code

        threads = [threading.Thread(target=ask, args=(shade,)) for shade in (14, 15)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == {14: 500, 15: 200}
    assert model.batches == [2, 1, 1]


def test_an_answer_that_is_no_number_is_an_error(client: TestClient) -> None:
    given = client.post("/predict", files=files(png(16)))
    assert given.status_code == 422
    assert "is not finite" in given.json()["answers"][0]["error"]


def test_full_means_429_and_late_means_503(model: Model) -> None:
    with served(model, queue=3, pictures=2, batch=1, wait_ms=0, timeout=3) as client:
        model.may_answer.clear()
        statuses: list[int] = []

        def ask(count: int) -> None:
            statuses.append(client.post("/predict", files=files(*[png(1)] * count)).status_code)

        threads = [threading.Thread(target=ask, args=(count,)) for count in (1, 2)]
        for thread, inside in zip(threads, (1, 3), strict=True):
            thread.start()
            wait_for(client, inside)
        refused = client.post("/predict", files=files(png(2)))
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        for thread in threads:
            thread.join()
        assert statuses == [503, 503]
        wait_for(client, 0)
        model.may_answer.set()
        assert client.post("/predict", files=files(png(3))).status_code == 200
        told = client.get("/metrics").text
        for status, count in ((200, 1), (429, 1), (503, 2)):
            assert f'requests_total{{status="{status}",task="shades"}} {count}.0' in told
    # Nobody waits for the two any more: they were not answered.
    assert model.batches == [1, 1]


def wait_for(client: TestClient, inside: int) -> None:
    """Until so many pictures are with the server."""
    end = time.monotonic() + 20
    while client.get("/health").json()["waiting"] != {"shades": inside}:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_decoded_pictures_wait_for_room(model: Model) -> None:
    """Of 24 pixels each, two are in memory at a time, and all are answered."""
    with served(model, pixels=40, held_pixels=50, pictures=4, wait_ms=50) as client:
        found: list[int] = []

        def ask() -> None:
            found.append(client.post("/predict", files=files(png(1))).status_code)

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [200] * 6
        assert max(model.batches) <= 2
        refused = client.post("/predict", files=files(*[png(1)] * 3))
        assert refused.status_code == 413
        assert "72 pixels, more than 50 together" in refused.text


def test_pixels_count_until_the_model_has_let_go_of_them(model: Model) -> None:
    """Of 24 each: what was given up is still in memory, and nothing more is decoded beside it."""
    with served(model, pixels=40, held_pixels=40, wait_ms=0, timeout=0.5) as client:
        model.may_answer.clear()
        budget = client.app.state.desks[0]._pixels  # type: ignore[attr-defined]
        assert client.post("/predict", files=files(png(1))).status_code == 503
        assert budget.taken == 24
        assert client.post("/predict", files=files(png(1))).status_code == 503
        assert budget.taken == 24
        model.may_answer.set()
        assert client.post("/predict", files=files(png(1))).status_code == 200
        assert budget.taken == 0


def test_a_model_that_died_is_told(model: Model) -> None:
    with served(model) as client:
        assert client.get("/health").status_code == 200
        desk = client.app.state.desks[0]  # type: ignore[attr-defined]
        desk._batcher._task.get_loop().call_soon_threadsafe(desk._batcher._task.cancel)
        time.sleep(0.1)
        assert client.get("/health").status_code == 503


def test_a_key_is_wanted_for_predictions_alone(model: Model) -> None:
    with served(model, "sesame") as client:
        assert client.post("/predict", files=files(png(1))).status_code == 401
        wrong = client.post("/predict", files=files(png(1)), headers={"X-API-Key": "Sesame"})
        assert wrong.status_code == 401
        for odd in (b"\xff", "sésame".encode()):
            given = client.post("/predict", files=files(png(1)), headers={b"X-API-Key": odd})
            assert given.status_code == 401
        right = client.post("/predict", files=files(png(1)), headers={"X-API-Key": "sesame"})
        assert right.status_code == 200
        assert client.get("/health").status_code == 200
        told = client.get("/metrics").text
        assert 'requests_total{status="401",task="shades"} 4.0' in told


def test_a_key_that_no_header_can_have_is_told_at_the_start() -> None:
    with pytest.raises(ValueError, match="`api_key` must be printable ASCII"):
        server.run(list, Address(api_key="sésame"), Limits())


def test_health_info_metrics_and_the_document(client: TestClient) -> None:
    client.post("/predict", files=files(png(1), png(2)))
    assert client.get("/health").json() == {"status": "ok", "waiting": {"shades": 0}}
    assert client.get("/info").json() == {"shades": {"version": "1"}}
    told = client.get("/metrics").text
    assert 'pictures_total{task="shades"} 2.0' in told
    assert 'request_seconds_count{task="shades"} 1.0' in told
    document = client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    assert set(document["requestBody"]["content"]) == {"multipart/form-data", "application/json"}
    assert {"413", "429", "503"} <= set(document["responses"])


def test_several_services_have_a_path_each() -> None:
    services = [shades(name, Model()) for name in ("a", "b")]
    with TestClient(create(services, Limits())) as client:
        for name in ("a", "b"):
            assert client.post(f"/{name}/predict", files=files(png(1))).status_code == 200
        assert client.post("/predict", files=files(png(1))).status_code == 404
    with pytest.raises(ValueError, match="`services` must be some of different names"):
        create([services[0], services[0]], Limits())


def test_limits_that_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="`pictures` must be at most `queue`, 4"):
        Limits(queue=4, pictures=5)
    with pytest.raises(ValueError, match="`timeout` must be positive"):
        Limits(timeout=0)
    with pytest.raises(ValueError, match="`held_pixels` must be at least `pixels`, 9"):
        Limits(pixels=9, held_pixels=8)

"""What a real socket can do to a server: be silent, slow, endless, deaf, or one of too many."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest

from triptych.serving import server
from triptych.serving.address import Address
from triptych.serving.app import create
from triptych.serving.limits import Limits
from triptych.serving.service import Answer, Service, Shown

SECONDS = 0.8
POST = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /metrics HTTP/1.1\r\nHost: a\r\n"
PICTURE = (  # a GIF of one pixel
    b'{"images": ["R0lGODdhAQABAIAAAAAAAAAAACwAAAAAAQABAAACAkQBADs="]}'
)


@contextmanager
def served(
    answer: Callable[[list[np.ndarray]], list[Answer]], timeout: float
) -> Iterator[tuple[str, int]]:
    """A server of this answer, on a socket of its own; where it is. It must end by itself."""
    service = Service("sizes", answer, lambda image, _: Shown(image, ()), list, {})
    limits = Limits(timeout=timeout, wait_ms=0)
    app = create([service], limits)
    listener = server.listen(Address(port=0))
    running = server.Server(server.settings(app, limits))
    thread = threading.Thread(target=running.run, args=([listener],))
    thread.start()
    try:
        while not running.started:
            time.sleep(0.01)
        yield listener.getsockname()
    finally:
        running.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def where() -> Iterator[tuple[str, int]]:
    with served(lambda images: [{"size": 1}] * len(images), SECONDS) as one:
        yield one


def ended(client: socket.socket, sent: bytes = b"") -> bytes:
    """All that comes until the server ends the connection, while `sent` is sent again and again."""
    client.settimeout(0.05)
    found, last = b"", time.monotonic() + 10
    while time.monotonic() < last:
        try:
            if sent:
                client.sendall(sent)
            if not (data := client.recv(65_536)):
                return found
            found += data
        except TimeoutError:
            continue
        except OSError:
            return found
    raise AssertionError("it is still open")


@pytest.mark.parametrize(
    ("begin", "then", "status"),
    [
        (b"", b"", b""),
        (b"GET /health HT", b"", b""),
        (b"GET /health HTTP/1.1\r\nX: ", b"x", b""),
        (POST + b"Content-Length: 9\r\n\r\n{", b"", b"408"),
        (CHUNKED, b"1\r\n{\r\n", b"408"),
        (POST + b"Content-Length: 99999999999\r\n\r\n", b"{", b"413"),
        (GET + b"\r\n" + GET, b"", b"200"),
        (GET + b"Content-Length: 9\r\n\r\n", b"", b"200"),
        (b"\x16\x03\x01", b"", b""),
    ],
)
def test_whoever_is_slow_is_ended(
    where: tuple[str, int], begin: bytes, then: bytes, status: bytes
) -> None:
    with socket.create_connection(where) as client:
        client.sendall(begin)
        assert ended(client, then).startswith(b"HTTP/1.1 " + status if status else b"")


def test_who_takes_no_answer_is_ended(where: tuple[str, int]) -> None:
    with socket.create_connection(where) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(10)
        # Not TimeoutError, which would be ours.
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            client.sendall((GET + b"\r\n") * 1_000_000)


def test_who_is_silent_makes_room_and_who_waits_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_CONNECTIONS", 2)
    may_answer = threading.Event()
    last = b"Connection: close\r\n\r\n"
    waiting = POST + b"Content-Length: %d\r\n" % len(PICTURE) + last + PICTURE

    def answer(images: list[np.ndarray]) -> list[Answer]:
        assert may_answer.wait(20)
        return [{}] * len(images)

    with served(answer, 20) as where, ExitStack() as clients:

        def connected(sent: bytes) -> socket.socket:
            one = clients.enter_context(socket.create_connection(where))
            one.sendall(sent)
            time.sleep(0.2)
            return one

        silent, first = connected(b"GET /he"), connected(waiting)
        second = connected(waiting)
        assert ended(silent) == b""
        assert ended(connected(GET + last)).startswith(b"HTTP/1.1 503")
        silent = connected(b"")
        connected(b"")
        assert ended(silent) == b""
        may_answer.set()
        for one in (first, second):
            assert ended(one).startswith(b"HTTP/1.1 200")


def test_nothing_is_done_for_who_went_away_and_the_end_answers_who_did_not() -> None:
    """The first picture keeps the model busy; of those that wait, one is not wanted any more."""
    may_answer, batches = threading.Event(), []

    def answer(images: list[np.ndarray]) -> list[Answer]:
        assert may_answer.wait(20)
        batches.append(len(images))
        return [{"size": 1}] * len(images)

    body = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(PICTURE) + PICTURE
    clients: list[socket.socket] = []
    with served(answer, 20) as where:
        for _ in range(3):
            clients.append(socket.create_connection(where))
            clients[-1].sendall(POST + body)
            time.sleep(0.1)
        clients.pop(1).close()
        time.sleep(0.1)
        with socket.create_connection(where) as asked:
            asked.sendall(GET + b"Connection: close\r\n\r\n")
            told = ended(asked).decode()
        assert 'requests_total{status="499",task="sizes"} 1.0' in told
        assert 'pictures_inside{task="sizes"} 2.0' in told
        threading.Timer(0.3, may_answer.set).start()
    for client in clients:
        with client:
            assert ended(client).startswith(b"HTTP/1.1 200")
    assert sum(batches) == 2


def test_the_end_does_not_wait_for_what_is_half_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_HURRY", 0.2)
    with served(lambda images: [{}] * len(images), 60) as where:
        client = socket.create_connection(where)
        client.sendall(POST + b"Content-Length: 9\r\n\r\n{")
        time.sleep(0.1)
    with client:  # and the server has ended, within the seconds that `served` gives it
        assert ended(client).startswith(b"HTTP/1.1 408")

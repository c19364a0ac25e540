"""The listener for a browser's way back: one answer on one path, and nothing else is of any effect."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctaclient._util.clock import SystemClock
from ctaclient_agent.login.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMIT_S = 20.0


class Waiting:
    """A listener that waits in a thread; what it heard."""

    def __init__(self) -> None:
        self.loopback = Loopback(SystemClock())
        self.heard: str | None = None
        self._told = threading.Event()
        self._thread = threading.Thread(target=self._wait)
        self._thread.start()

    def _wait(self) -> None:
        while self.heard is None and not self._told.is_set():
            self.heard = self.loopback.wait(lambda query: "state=mine" in query.split("&"), 0.1)

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.loopback.redirect_uri)
        return str(parts.hostname), int(parts.port or 0)

    def send(self, request: bytes) -> bytes:
        """Everything that comes back for `request`."""
        with socket.create_connection(self.address, timeout=_LIMIT_S) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(request)
            with contextlib.suppress(ConnectionResetError):
                return b"".join(iter(lambda: connection.recv(65536), b""))
        return b""

    def get(self, target: str, *, method: str = "GET", host: str | None = None) -> bytes:
        name = f"127.0.0.1:{self.address[1]}" if host is None else host
        return self.send(f"{method} {target} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode("latin-1"))

    def end(self) -> None:
        self._told.set()
        self._thread.join()
        self.loopback.__exit__()


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    made = Waiting()
    yield made
    made.end()


def test_it_hears_one_answer_and_then_listens_no_more(waiting: Waiting) -> None:
    page = waiting.get("/callback?code=secret&state=mine")
    head, _, body = page.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Cache-Control: no-store" in head
    assert b"Content-Security-Policy: default-src 'none'" in head
    assert b"secret" not in page
    assert b"go back to your terminal" in body.lower()
    waiting.end()
    assert waiting.heard == "code=secret&state=mine"
    with pytest.raises(ConnectionRefusedError):
        waiting.get("/callback?state=mine")


def test_it_listens_on_this_machine_only(waiting: Waiting) -> None:
    assert waiting.address[0] == "127.0.0.1"
    assert waiting.address[1] > 1023


@pytest.mark.parametrize(
    ("target", "method", "host", "status"),
    [
        ("/callback?code=x&state=theirs", "GET", None, b"400"),
        ("/callback?code=x", "GET", None, b"400"),
        ("/callback", "GET", None, b"400"),
        ("/?state=mine", "GET", None, b"404"),
        ("/callback/../callback?state=mine", "GET", None, b"404"),
        ("//callback?state=mine", "GET", None, b"404"),
        ("/favicon.ico", "GET", None, b"404"),
        ("/callback?state=mine", "POST", None, b"404"),
        ("/callback?state=mine", "HEAD", None, b"404"),
        ("/callback?state=mine&x=\xe9", "GET", None, b"404"),
        ("/callback?state=mine", "GET", "evil.example", b"404"),
        ("/callback?state=mine", "GET", "localhost:80", b"404"),
        ("/callback?state=mine x", "GET", None, b"404"),
    ],
)
def test_all_else_is_an_error_and_ends_nothing(
    waiting: Waiting, target: str, method: str, host: str | None, status: bytes
) -> None:
    assert waiting.get(target, method=method, host=host).startswith(b"HTTP/1.1 " + status)
    assert waiting.get("/callback?state=mine").startswith(b"HTTP/1.1 200")


def test_connections_that_say_nothing_are_in_nobody_s_way(waiting: Waiting) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(40):  # more than it keeps
            stack.enter_context(socket.create_connection(waiting.address, timeout=_LIMIT_S))
        slow = stack.enter_context(socket.create_connection(waiting.address, timeout=_LIMIT_S))
        slow.sendall(b"GET /callback?state=mi")
        assert waiting.get("/callback?state=mine").startswith(b"HTTP/1.1 200")


def test_an_answer_that_comes_in_pieces(waiting: Waiting) -> None:
    with socket.create_connection(waiting.address, timeout=_LIMIT_S) as connection:
        connection.sendall(b"GET /callback?state=mi")
        assert waiting.get("/other").startswith(b"HTTP/1.1 404")  # so the first piece has been read
        connection.sendall(f"ne HTTP/1.1\r\nHost: 127.0.0.1:{waiting.address[1]}\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"


def test_a_request_without_end_is_cut(waiting: Waiting) -> None:
    assert b"200" not in waiting.send(b"GET /callback?state=mine" + b"x" * 10_000_000)
    assert waiting.get("/callback?state=mine").startswith(b"HTTP/1.1 200")


@pytest.fixture(scope="module")
def patient() -> Iterator[Waiting]:
    made = Waiting()
    yield made
    made.end()
    assert made.heard is None


@given(request=st.binary(max_size=200) | st.binary(max_size=60).map(lambda b: b"GET /callback?" + b + b"\r\n\r\n"))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rubbish_does_no_harm(patient: Waiting, request: bytes) -> None:
    if b"\r\n\r\n" not in request:
        request += b"\r\n\r\n"
    answer = patient.send(request)
    assert not answer.startswith(b"HTTP/1.1 200")


def test_nobody_comes() -> None:
    with Loopback(SystemClock()) as loopback:
        assert loopback.wait(lambda _: True, 0.05) is None

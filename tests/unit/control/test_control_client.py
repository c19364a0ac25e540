"""Asking the agent: it may be gone, slow, mad or somebody else."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import pytest

from ctaclient.control.address import new_socket, socket_address
from ctaclient.control.client import ask
from ctaclient.control.messages import MAX_BYTES, Request, decode_request, encode_answer, encode_refusal
from ctaclient.errors import AgentError, CtaError, LoginRequired, ProtocolError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

STATUS = Request("status")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agent.sock"


@contextlib.contextmanager
def agent(path: Path, behave: Callable[[socket.socket], None]) -> Iterator[None]:
    """Something that takes one connection at `path` and behaves so."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            behave(connection)

    with new_socket() as server:
        with socket_address(path) as address:
            server.bind(address)
        server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            thread.join()


def replying(*parts: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        connection.recv(1000)
        for part in parts:
            connection.sendall(part)

    return behave


def test_an_answer_in_pieces(path: Path) -> None:
    asked: list[Request] = []

    def behave(connection: socket.socket) -> None:
        asked.append(decode_request(connection.recv(1000)))
        for byte in encode_answer(pid=7):
            connection.sendall(bytes([byte]))

    with agent(path, behave):
        assert ask(path, Request("refresh", "site")) == {"v": 1, "ok": True, "pid": 7}
    assert asked == [Request("refresh", "site")]


def test_nobody_there(path: Path) -> None:
    assert ask(path, STATUS) is None
    assert ask(path / "not" / "a" / "directory", STATUS) is None
    path.touch()
    assert ask(path, STATUS) is None
    assert ask(path / "below a file", STATUS) is None


def test_a_socket_that_a_dead_agent_left(path: Path) -> None:
    with new_socket() as server:
        server.bind(str(path))
        server.listen()
    assert ask(path, STATUS) is None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", AgentError),
        (b"hello\n", ProtocolError),
        (b"\xff\xfe\n", ProtocolError),
        (b'{"v": 1, "ok": true', ProtocolError),
        (b"[]\n", ProtocolError),
        (b'{"v": 9, "ok": true}\n', ProtocolError),
        (b'{"v": 1}\n', ProtocolError),
        (b'{"v": 1, "ok": false}\n', AgentError),
        (b"x" * (MAX_BYTES + 10), ProtocolError),
        (b"x" * (10 * MAX_BYTES), ProtocolError),
        (encode_refusal(LoginRequired("no such profile")), LoginRequired),
    ],
    ids=["nothing", "words", "bytes", "half", "list", "version", "not ok", "no error", "long", "endless", "refusal"],
)
def test_nonsense(path: Path, answer: bytes, error: type[CtaError]) -> None:
    with agent(path, replying(answer)), pytest.raises(error) as caught:
        ask(path, STATUS)
    assert str(caught.value).isprintable()


def test_silence(path: Path) -> None:
    def listen(connection: socket.socket) -> None:
        while connection.recv(1000):
            pass

    with agent(path, listen), pytest.raises(AgentError, match="the agent did not answer within 0 s"):
        ask(path, STATUS, timeout_s=0.05)


def test_dripping_does_not_prolong_it(path: Path) -> None:
    enough = threading.Event()

    def drip(connection: socket.socket) -> None:
        while not enough.wait(0.05):
            connection.sendall(b" ")

    with agent(path, drip):
        try:
            with pytest.raises(AgentError, match="did not answer"):
                ask(path, STATUS, timeout_s=0.3)
        finally:
            enough.set()

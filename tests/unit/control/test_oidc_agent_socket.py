"""Asking oidc-agent: it may be gone, hang, talk without end, or be something else."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import pytest

from ctaclient.control.address import new_socket, socket_address
from ctaclient.control.messages import MAX_BYTES
from ctaclient.control.oidc_agent import ask_oidc_agent
from ctaclient.errors import AgentError, ProtocolError
from tests.unit.control.test_control_client import agent, replying

if TYPE_CHECKING:
    import socket
    from pathlib import Path

REQUEST = {"request": "access_token", "account": "here"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "oidc-agent"


def test_an_answer_in_pieces(path: Path) -> None:
    asked: list[object] = []

    def behave(connection: socket.socket) -> None:
        asked.append(json.loads(connection.recv(1000)))
        for byte in b'{"status": "success", "more": {"a": 1}}\n':
            connection.sendall(bytes([byte]))

    with agent(path, behave):
        assert ask_oidc_agent(path, REQUEST) == {"status": "success", "more": {"a": 1}}
    assert asked == [REQUEST]


def test_who_does_not_hang_up_is_not_waited_for(path: Path) -> None:
    heard = threading.Event()

    def behave(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b'{"status": "success"}')
        heard.wait(20)

    with agent(path, behave):
        try:
            assert ask_oidc_agent(path, REQUEST, timeout_s=20) == {"status": "success"}
        finally:
            heard.set()


def test_nobody_there(path: Path) -> None:
    assert ask_oidc_agent(path, REQUEST) is None
    assert ask_oidc_agent(path / "below", REQUEST) is None


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"hello",
        b"\xff\xfe}",
        b'{"status": "success"',
        b"[]",
        b'"text"',
        b"[" * 50_000,
        b"[" * 50_000 + b"}",
        b'{"a": "' + b"x" * MAX_BYTES + b'"}',
        b"x" * (10 * MAX_BYTES),
        b"Y7HUdF+59b6rO1I1iMs7sJ3oWwCKWUCJuCeqMr8GcAM=",  # the key with which it begins its encrypted protocol
    ],
    ids=["nothing", "words", "bytes", "half", "list", "text", "deep", "deep object", "long", "endless", "key"],
)
def test_nonsense(path: Path, answer: bytes) -> None:
    with agent(path, replying(answer)), pytest.raises(ProtocolError, match="is not understood") as caught:
        ask_oidc_agent(path, REQUEST)
    assert "OIDC_SOCK" in (caught.value.hint or "")


def test_it_hangs(path: Path) -> None:
    """Version 4 waits for its issuer without any limit."""

    def listen(connection: socket.socket) -> None:
        while connection.recv(1000):
            pass

    with agent(path, listen), pytest.raises(AgentError, match="oidc-agent did not answer within 0 s") as caught:
        ask_oidc_agent(path, REQUEST, timeout_s=0.05)
    assert caught.value.exit_code == 7


def test_a_path_that_is_too_long_for_a_socket(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 100)
    directory.mkdir()
    with agent(directory / "oidc-agent", replying(b'{"status": "failure"}')):
        assert ask_oidc_agent(directory / "oidc-agent", REQUEST) == {"status": "failure"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_somebody_else_listens_and_hears_nothing(path: Path) -> None:
    with new_socket() as server:
        with socket_address(path) as address:
            server.bind(address)
        os.seteuid(65534)  # whose socket it is, is settled when it begins to listen (unix(7), SO_PEERCRED)
        try:
            server.listen()
        finally:
            os.seteuid(0)
        with pytest.raises(AgentError, match="belongs to user 65534"):
            ask_oidc_agent(path, REQUEST)
        connection, _ = server.accept()
        with connection:
            assert connection.recv(1000) == b""

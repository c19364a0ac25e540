"""The control socket, asked well and badly."""

from __future__ import annotations

import errno
import os
import select
import shutil
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient._util.clock import SystemClock
from ctaclient.control.client import ask
from ctaclient.control.messages import MAX_BYTES, Request, decode_answer, encode_answer, encode_request
from ctaclient.errors import AgentError, ProtocolError
from ctaclient_agent.daemon.instance import Instance
from ctaclient_agent.daemon.listener import Listener
from ctaclient_agent.machines.holder import this_process
from tests.support.unusual import away, no_threads
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Served:
    """A listener with a loop of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stop, self._stopper = os.pipe()
        self.listener = Listener(path, self._answer, SystemClock())
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        os.write(self._stopper, b"x")
        self._thread.join()
        self.listener.close()
        os.close(self._stop)
        os.close(self._stopper)

    def _answer(self, request: Request) -> bytes:
        return encode_answer(op=request.op)

    def _run(self) -> None:
        while True:
            readable = select.select([self.listener.fileno(), self._stop], [], [], 0.05)[0]
            if self._stop in readable:
                return
            self.listener.keep()
            if readable:
                self.listener.accept()


@pytest.fixture
def served(private: Path) -> Iterator[Served]:
    running = Served(private / "run" / "agent.sock")
    yield running
    running.close()


def connect(served: Served) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(str(served.path))
    return connection


def test_question_and_answer(served: Served) -> None:
    assert ask(served.path, Request("status")) == {"v": 1, "ok": True, "op": "status"}
    assert served.path.stat().st_mode & 0o777 == 0o600


def test_silent_and_slow_clients_block_nobody(served: Served) -> None:
    silent = [connect(served) for _ in range(5)]
    silent[0].sendall(b'{"v": 1, ')
    assert ask(served.path, Request("status"), timeout_s=2) is not None
    for connection in silent:
        connection.close()


@pytest.mark.parametrize(
    "line", [b"\n", b"garbage\n", b"[]\n", b'{"v": 2, "op": "stop"}\n', b'{"v": 1, "op": "shell"}\n', b"\xff\n"]
)
def test_nonsense_is_refused(served: Served, line: bytes) -> None:
    with connect(served) as connection:
        connection.sendall(line)
        assert b'"ok": false' in connection.recv(MAX_BYTES)


def test_too_long_is_refused(served: Served) -> None:
    with connect(served) as connection:
        connection.sendall(b"x" * (MAX_BYTES + 1))
        assert b"too long" in connection.recv(MAX_BYTES)


def test_a_dead_agents_socket_is_replaced_and_a_living_ones_is_not(private: Path) -> None:
    path = private / "run" / "agent.sock"
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert ask(path, Request("status")) is None
    served = Served(path)
    try:
        assert ask(path, Request("status")) is not None
        with pytest.raises(AgentError, match="another store"):
            Listener(path, lambda _: b"", SystemClock())
        assert ask(path, Request("status")) is not None
    finally:
        served.close()
    assert not path.exists()


def test_a_path_longer_than_a_socket_address(private: Path) -> None:
    served = Served(private / ("d" * 100) / "agent.sock")
    try:
        assert ask(served.path, Request("status")) is not None
    finally:
        served.close()


def test_a_socket_that_is_not_ours_stays(private: Path) -> None:
    path = private / "agent.sock"
    listener = Listener(path, lambda _: b"", SystemClock())
    path.unlink()
    path.touch()
    listener.close()
    assert path.exists()


def test_a_refusal_reaches_the_client(private: Path) -> None:
    def refuse(_: Request) -> bytes:
        raise ProtocolError("not today")

    listener = Listener(private / "agent.sock", refuse, SystemClock())
    heard: list[Any] = []

    def client() -> None:
        try:
            ask(private / "agent.sock", Request("status"))
        except ProtocolError as error:
            heard.append(str(error))

    thread = threading.Thread(target=client)
    thread.start()

    def served() -> bool:
        listener.accept()
        return bool(heard)

    eventually(served)
    thread.join()
    listener.close()
    assert "not today" in heard[0]


def test_a_socket_that_was_cleared_away_is_made_anew(served: Served) -> None:
    shutil.rmtree(served.path.parent)
    eventually(served.path.exists)
    assert ask(served.path, Request("status")) is not None


def test_a_directory_that_cannot_be_looked_at_ends_nobody(served: Served) -> None:
    inode = served.path.stat().st_ino
    with away(served.path.parent):
        served.listener.keep()
    served.listener.keep()
    assert served.path.stat().st_ino == inode
    assert ask(served.path, Request("status")) is not None


def answered(path: Path, answer: Callable[[Request], bytes]) -> bytes:
    """What a client hears of a listener that asks `answer`."""
    listener = Listener(path, answer, SystemClock())
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(path))
            listener.accept()
            client.sendall(encode_request(Request("status")))
            return client.recv(MAX_BYTES)
    finally:
        listener.finish()
        listener.close()


def test_at_the_limit_of_processes_a_connection_is_closed_and_the_next_one_served(private: Path) -> None:
    path = private / "agent.sock"
    listener = Listener(path, lambda _: encode_answer(), SystemClock())
    try:
        with no_threads():
            for _ in range(200):  # more than there are places
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(10)
                    client.connect(str(path))
                    listener.accept()
                    assert client.recv(1) == b""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(path))
            listener.accept()
            client.sendall(encode_request(Request("status")))
            assert b'"ok": true' in client.recv(MAX_BYTES)
    finally:
        listener.finish()
        listener.close()


def test_a_store_that_is_away_is_said(private: Path) -> None:
    def fail(_: Request) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "/store/cta")

    with pytest.raises(AgentError, match="cannot answer: /store/cta: Input/output error"):
        decode_answer(answered(private / "agent.sock", fail))


def test_a_bug_is_said_without_its_words_and_logged(private: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Request) -> bytes:
        raise KeyError("refresh-1")

    with pytest.raises(AgentError, match=r"cannot answer: KeyError") as caught:
        decode_answer(answered(private / "agent.sock", fail))
    assert "refresh-1" not in str(caught.value)
    assert caught.value.hint == "ctaclient agent logs"
    assert any(record.exc_info for record in caplog.records)


def test_last_words_are_heard(private: Path) -> None:
    asked, go, said = threading.Event(), threading.Event(), []

    def answer(_: Request) -> bytes:
        asked.set()
        go.wait(10)
        said.append("bye")
        return encode_answer()

    listener = Listener(private / "agent.sock", answer, SystemClock())
    with socket.socket(socket.AF_UNIX) as client, socket.socket(socket.AF_UNIX) as silent:
        for connection in (client, silent):
            connection.connect(str(private / "agent.sock"))
            listener.accept()
        client.sendall(encode_request(Request("stop")))
        assert asked.wait(10)
        listener.close()
        threading.Timer(0.1, go.set).start()
        begun = time.monotonic()
        listener.finish()
        assert said == ["bye"]
        assert time.monotonic() - begun < 4  # who says nothing is not waited for
        client.settimeout(10)
        assert b'"ok": true' in client.recv(MAX_BYTES)


def test_one_agent_for_a_machine(private: Path) -> None:
    first, second, me = Instance(private / "run"), Instance(private / "run"), this_process(1.0, socket_path="/s")
    assert first.take(me)
    assert not second.take(this_process(2.0))
    assert second.holder() == me
    assert str(me) == f"pid {os.getpid()}"
    shutil.rmtree(private / "run")
    first.keep(me)
    assert not second.take(this_process(2.0))
    first.release()
    assert second.take(me)
    second.release()
    (private / "run" / "agent.lock").write_bytes(b"?")
    assert first.holder() is None

"""The agent's HTTP against a real server that misbehaves."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import ConfigError, ConnectError, Disconnected, NetworkError, ProtocolError, Timeout, TlsError
from ctaclient.sandbox.certificate import Authority
from ctaclient_agent.issuer.http import HttpxHttp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class TalkingServer:
    """A TLS server on loopback that says what `talk` says to each connection."""

    def __init__(self, directory: Path, host: str = "127.0.0.1") -> None:
        authority = Authority()
        self.ca_file = directory / "ca.pem"
        self.ca_file.write_bytes(authority.pem)
        certificate, key = authority.issue("issuer")
        (directory / "cert.pem").write_bytes(certificate)
        (directory / "key.pem").write_bytes(key)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
        self._listener = socket.create_server((host, 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"https://localhost:{self.port}/x"
        self.seen: list[bytes] = []
        self.talk: Callable[[ssl.SSLSocket], None] = lambda _: None
        threading.Thread(target=self._run, daemon=True).start()

    def say(self, data: bytes) -> None:
        self.talk = lambda connection: connection.sendall(data)

    def close(self) -> None:
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            plain.settimeout(10)
            with contextlib.suppress(OSError), plain, self._context.wrap_socket(plain, server_side=True) as connection:
                self.seen.append(_request(connection))
                self.talk(connection)


def _request(connection: ssl.SSLSocket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and (part := connection.recv(65536)):
        head += part
    length = re.search(rb"(?i)content-length: (\d+)", head)
    end = head.find(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)
    while len(head) < end and (part := connection.recv(65536)):
        head += part
    return head


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TalkingServer]:
    running = TalkingServer(tmp_path)
    yield running
    running.close()


@pytest.fixture
def http(server: TalkingServer) -> Iterator[HttpxHttp]:
    with HttpxHttp(str(server.ca_file), total_timeout_s=1.5) as client:
        yield client


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_an_answer(server: TalkingServer, http: HttpxHttp) -> None:
    server.say(answer(b"{}", "400 Bad Request", "Retry-After: 7"))
    reply = http.post(server.url, {"a": "1 2"}, {"X-Y": "z"})
    assert (reply.status, reply.body, reply.headers["retry-after"]) == (400, b"{}", "7")
    assert b"a=1+2" in server.seen[0]
    assert b"ctaclient-agent/" in server.seen[0]


def test_json_and_delete(server: TalkingServer, http: HttpxHttp) -> None:
    server.say(answer(b"{}"))
    assert http.post_json(server.url, {"client_name": "x"}).status == 200
    assert http.delete(server.url, {"Authorization": "Bearer t"}).status == 200
    sent, deleted = server.seen
    assert sent.startswith(b"POST /x ")
    assert b"content-type: application/json" in sent.lower()
    assert sent.endswith(b'{"client_name":"x"}')
    assert deleted.startswith(b"DELETE /x ")
    assert b"authorization: bearer t" in deleted.lower()


def test_a_redirect_is_an_answer_like_any_other(server: TalkingServer, http: HttpxHttp) -> None:
    server.say(answer(b"", "307 Temporary Redirect", f"Location: {server.url}/elsewhere"))
    assert http.post(server.url, {"refresh_token": "r"}, {}).status == 307
    assert len(server.seen) == 1


def drip(connection: ssl.SSLSocket) -> None:
    """A head that never ends, one byte at a time: no single read takes long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(200):
        connection.sendall(b"x")
        threading.Event().wait(0.05)


def test_a_dripping_answer_ends_in_time(server: TalkingServer, http: HttpxHttp) -> None:
    server.talk = drip
    begun = time.monotonic()
    with pytest.raises(Timeout):
        http.get(server.url)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (answer(b"x" * (1024 * 1024 + 1)), ProtocolError),
        (answer(b"x", "200 OK", "Content-Encoding: gzip"), ProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", Disconnected),
        (b"", Disconnected),
        (b"SSH-2.0-OpenSSH\r\n\r\n", Disconnected),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000 + b"\r\n", NetworkError),
    ],
)
def test_broken_answers(server: TalkingServer, http: HttpxHttp, said: bytes, kind: type[NetworkError]) -> None:
    server.say(said)
    with pytest.raises(kind):
        http.get(server.url)


def test_certificates(server: TalkingServer, tmp_path: Path) -> None:
    with HttpxHttp(None) as stranger, pytest.raises(TlsError, match="certificate of localhost") as caught:
        stranger.get(server.url)
    assert "--ca-bundle" in (caught.value.hint or "")
    elsewhere = TalkingServer(tmp_path, "127.0.0.2")
    with HttpxHttp(str(elsewhere.ca_file)) as http, pytest.raises(TlsError, match=r"127\.0\.0\.2"):
        http.get(f"https://127.0.0.2:{elsewhere.port}/")
    elsewhere.close()
    with pytest.raises(ConfigError):
        HttpxHttp("/does/not/exist")


def test_nobody_there(http: HttpxHttp) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectError, match="localhost"):
            http.get(f"https://localhost:{taken.getsockname()[1]}/?token=hidden")


def test_no_tls_there(http: HttpxHttp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True)
        thread.start()
        with pytest.raises(NetworkError) as caught:
            http.get(f"https://localhost:{listener.getsockname()[1]}/")
        thread.join(5)
    assert not isinstance(caught.value, TlsError)


def test_http_is_never_spoken(http: HttpxHttp) -> None:
    with pytest.raises(ProtocolError):
        http.post("http://localhost/", {"refresh_token": "r"}, {})

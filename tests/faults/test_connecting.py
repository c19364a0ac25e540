"""Connections that do not come about: refused, not TLS, or to somebody who cannot prove who it is."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import httpcore
import pytest

from ctaclient import Client
from ctaclient._util.origin import Origin
from ctaclient.errors import ConfigError, ConnectError, NetworkError, Timeout, TlsError
from ctaclient.sandbox.certificate import Authority
from ctaclient.storage.listing import stat
from ctaclient.storage.path import RemotePath
from ctaclient.storage.storage import Storage
from ctaclient.tls import client_context
from ctaclient.transport.dial import Dialer
from ctaclient.transport.limits import Timeouts
from ctaclient.transport.proxy import Proxies
from tests.faults.bytes_server import BytesServer
from tests.faults.certificates import bad_context
from tests.faults.conftest import unchanged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient.transport.requests import Requests
    from tests.faults.bytes_server import Talk
    from tests.faults.conftest import Spot
    from tests.faults.program import Program


class NoSuchHost(httpcore.SyncBackend):
    """Knows no host, and says so as the standard library does."""

    def connect_tcp(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise httpcore.ConnectError from socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def _nobody_asks(talk: Talk) -> None:
    raise AssertionError(f"a request came through: {talk.hear()}")


def _client(url: str, ca_file: Path, home: Path) -> Client:
    environ = {"CTACLIENT_HOME": str(home)}
    return Client(storage_url=url, token="secret", ca_bundle=str(ca_file), environ=environ)


class TestCertificates:
    """TLS is never off, and a token never goes to somebody unproven."""

    def test_a_ca_that_we_do_not_know(self, spot: Spot, tmp_path: Path) -> None:
        (tmp_path / "other.pem").write_bytes(Authority().pem)
        with pytest.raises(TlsError, match="not signed by a trusted CA") as caught:
            _client(spot.url, tmp_path / "other.pem", tmp_path / "home").ls("/")
        assert "--ca-bundle" in str(caught.value.hint)
        assert (caught.value.exit_code, caught.value.retryable) == (7, False)
        assert spot.records("door") == []

    def test_for_another_host(self, tmp_path: Path) -> None:
        context, ca = bad_context(tmp_path, host="dcache.example")
        (tmp_path / "ca.pem").write_bytes(ca)
        with (
            BytesServer(_nobody_asks, context) as server,
            pytest.raises(TlsError, match=f"localhost:{server.port} is for another host"),
        ):
            _client(server.url, tmp_path / "ca.pem", tmp_path / "home").ls("/")

    def test_of_last_year(self, tmp_path: Path) -> None:
        context, ca = bad_context(tmp_path, days_left=-300)
        (tmp_path / "ca.pem").write_bytes(ca)
        with (
            BytesServer(_nobody_asks, context) as server,
            pytest.raises(TlsError, match=f"localhost:{server.port} has expired"),
        ):
            _client(server.url, tmp_path / "ca.pem", tmp_path / "home").ls("/")

    def test_a_good_one_from_the_same_hands(self, tmp_path: Path) -> None:
        """Or else the two above prove nothing."""
        context, ca = bad_context(tmp_path)
        (tmp_path / "ca.pem").write_bytes(ca)

        def refuse(talk: Talk) -> None:
            if head := talk.hear():
                talk.body(head)
                talk.answer(404)

        with (
            BytesServer(refuse, context) as server,
            _client(server.url, tmp_path / "ca.pem", tmp_path / "home") as client,
        ):
            assert not client.exists("/")

    def test_a_bundle_that_is_none(self, spot: Spot, tmp_path: Path) -> None:
        (tmp_path / "empty.pem").touch()
        for file in ("empty.pem", "nothing.pem"):
            with pytest.raises(ConfigError, match=file) as caught:
                _client(spot.url, tmp_path / file, tmp_path / "home").ls("/")
            assert caught.value.exit_code == 2
        assert spot.records("door") == []


class TestNoConnection:
    def test_refused(self, tmp_path: Path, spot: Spot) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with pytest.raises(ConnectError, match=f"cannot connect to localhost:{port}: connection refused") as caught:
            _client(f"https://localhost:{port}", spot.sandbox.ca_file, tmp_path / "home").ls("/")
        assert (caught.value.exit_code, caught.value.retryable) == (7, True)

    def test_an_unknown_host(self) -> None:
        """The resolver is a double: a question to the real one would leave the loopback."""
        dialer = Dialer(client_context(), Proxies({}), Timeouts(), NoSuchHost())
        with pytest.raises(ConnectError, match=r"unknown host in dcache\.example:2880") as caught:
            dialer.open(Origin.of("https://dcache.example:2880"))
        assert caught.value.exit_code == 7
        assert "ctaclient config show" in str(caught.value.hint)

    def test_a_name_that_can_be_no_host(self, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CTACLIENT_STORAGE_URL", f"https://{'a' * 64}.invalid:2880")
        program("ls", "/").check_failed(2)

    @pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"])
    def test_a_port_without_tls(self, spot: Spot, tmp_path: Path, greeting: bytes) -> None:
        heard: list[bytes] = []

        def answer_plainly(talk: Talk) -> None:
            heard.append(talk.connection.recv(65536))
            talk.say(greeting)

        with BytesServer(answer_plainly, None) as server, pytest.raises(NetworkError) as caught:
            _client(server.url, spot.sandbox.ca_file, tmp_path / "home").ls("/")
        assert f"localhost:{server.port}" in str(caught.value)
        assert caught.value.exit_code == 7
        assert b"secret" not in b"".join(heard)

    def test_an_http_url(self, program: Program, spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CTACLIENT_STORAGE_URL", spot.url.replace("https:", "http:"))
        program("ls", "/").check_failed(2)

    def test_somebody_who_never_answers(self, requests_to: Callable[..., Requests]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"https://localhost:{listener.getsockname()[1]}"
            with pytest.raises(Timeout, match="timed out connecting to localhost"):
                stat(Storage(url, requests_to(url, connect_s=0.2)), RemotePath())


class TestThroughTheProgram:
    @pytest.mark.parametrize("command", [("ls", "/"), ("get", "/f", "HERE"), ("put", "FILE", "/f"), ("rm", "/f")])
    @pytest.mark.parametrize("trouble", ["wrong CA", "nobody there"])
    def test_two_lines_and_nothing_harmed(
        self,
        program: Program,
        spot: Spot,
        here: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        command: tuple[str, ...],
        trouble: str,
    ) -> None:
        (here / "f").write_bytes(b"old")
        (spot.directory / "f").write_bytes(b"other")
        if trouble == "wrong CA":
            (tmp_path / "other.pem").write_bytes(Authority().pem)
            monkeypatch.setenv("CTACLIENT_CA_BUNDLE", str(tmp_path / "other.pem"))
        else:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                port = listener.getsockname()[1]
            monkeypatch.setenv("CTACLIENT_STORAGE_URL", f"https://localhost:{port}")
        words = {"HERE": str(here), "FILE": str(here / "f")}
        with unchanged(spot.directory, here):
            program(*(words.get(word, word) for word in command)).check_failed(7)
        assert spot.records("door") == []

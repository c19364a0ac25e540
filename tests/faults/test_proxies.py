"""HTTPS_PROXY, NO_PROXY, passwords, and a proxy that lets nobody through to the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from ctaclient import Client
from ctaclient.errors import ConfigError, ConnectError
from tests.faults.bytes_server import BytesServer
from tests.faults.conftest import large, unchanged
from tests.faults.connect_proxy import ConnectProxy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.bytes_server import Talk
    from tests.faults.conftest import Spot, Trust
    from tests.faults.program import Program


@pytest.fixture
def full(spot: Spot) -> Spot:
    """`/f` on the server."""
    (spot.directory / "f").write_bytes(b"data")
    return spot


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


class TestProxies:
    @pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
    def test_all_goes_through_the_one_in_the_environment(
        self, program: Program, full: Spot, here: Path, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        with ConnectProxy() as proxy:
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
            assert program("get", "/f", here).code == 0
            assert program("put", here / "f", "/g").code == 0
        assert (full.directory / "g").read_bytes() == b"data"
        door, pool = (f"localhost:{_port(url)}" for url in (full.sandbox.storage_url, full.sandbox.pool_url))
        assert set(proxy.asked) == {door, pool}
        assert proxy.asked.count(pool) == 2

    def test_one_that_is_spoken_to_by_tls(
        self,
        program: Program,
        full: Spot,
        here: Path,
        tmp_path: Path,
        trust: Trust,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """TLS in TLS: the bytes take another way through the client."""
        bundle = tmp_path / "both.pem"
        bundle.write_bytes(trust.ca_file.read_bytes() + full.sandbox.ca_file.read_bytes())
        monkeypatch.setenv("CTACLIENT_CA_BUNDLE", str(bundle))
        source = large(here)
        with ConnectProxy(context=trust.context) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"https://localhost:{proxy.port}")
            assert program("put", source, "/g").code == 0
            assert program("get", "/g", here).code == 0
        assert (here / "g").read_bytes() == source.read_bytes()

    def test_the_argument_wins(self, full: Spot, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("NO_PROXY", "*")
        with ConnectProxy() as proxy:
            client = Client(
                storage_url=full.url,
                token=full.sandbox.mint(),
                ca_bundle=str(full.sandbox.ca_file),
                proxy=f"http://127.0.0.1:{proxy.port}",
                environ={"CTACLIENT_HOME": str(tmp_path / "home")},
            )
            with client:
                client.get("/f", here)
        assert len(proxy.asked) >= 2

    @pytest.mark.parametrize("exception", ["localhost", ".nowhere,localhost", "*", "localhost:PORT"])
    def test_exceptions_are_honoured(
        self, program: Program, full: Spot, monkeypatch: pytest.MonkeyPatch, exception: str
    ) -> None:
        port = _port(full.sandbox.storage_url)
        with ConnectProxy() as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("NO_PROXY", exception.replace("PORT", str(port)))
            assert program("ls", "/").code == 0
        assert proxy.asked == []

    def test_a_password(self, program: Program, full: Spot, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with ConnectProxy(authorization="Basic bWU6cEA6c3M=") as proxy:  # me:p@:ss
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40%3Ass@127.0.0.1:{proxy.port}")
            assert program("get", "/f", here).code == 0
        assert (here / "f").read_bytes() == b"data"

    def test_a_wrong_password(self, program: Program, full: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
        with ConnectProxy(authorization="Basic bWU6cEA6c3M=") as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:guessed@127.0.0.1:{proxy.port}")
            outcome = program("ls", "/")
        outcome.check_failed(7)
        assert f"proxy 127.0.0.1:{proxy.port}" in outcome.err
        assert "407" in outcome.err
        assert "guessed" not in outcome.err

    def test_one_that_refuses_the_pools_port(
        self, program: Program, full: Spot, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Many allow 443 only; pools listen on 20000-25000 (storage.md 9.4)."""
        door, pool = _port(full.sandbox.storage_url), _port(full.sandbox.pool_url)
        (here / "new").write_bytes(b"new")
        with ConnectProxy(allows=lambda port: port == door) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            for command in (("get", "/f", here), ("put", here / "new", "/new")):
                with unchanged(full.directory, here):
                    outcome = program(*command)
                outcome.check_failed(7)
                assert f"proxy 127.0.0.1:{proxy.port} refused to connect to localhost:{pool}" in outcome.err
                assert "NO_PROXY=localhost" in outcome.err

    def test_one_that_is_not_there(self, program: Program, full: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        outcome = program("ls", "/")
        outcome.check_failed(7)
        assert "cannot connect to proxy 127.0.0.1:1" in outcome.err
        assert full.records("door") == []

    @pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
    def test_one_that_is_none(
        self, program: Program, full: Spot, monkeypatch: pytest.MonkeyPatch, answer: bytes
    ) -> None:
        def handle(talk: Talk) -> None:
            talk.hear()
            talk.say(answer)
            talk.linger()

        with BytesServer(handle, None) as server:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")
            outcome = program("ls", "/")
        outcome.check_failed(7)
        assert f"proxy 127.0.0.1:{server.port}" in outcome.err

    @pytest.mark.parametrize("url", ["socks5://127.0.0.1:1080", "http://", "http://[::1", "http://127.0.0.1:port"])
    def test_a_setting_that_cannot_be_meant(
        self, program: Program, full: Spot, monkeypatch: pytest.MonkeyPatch, url: str
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", url)
        outcome = program("ls", "/")
        outcome.check_failed(ConfigError.exit_code)
        assert ConnectError.exit_code != ConfigError.exit_code

    def test_the_token_is_the_storages_business(self, full: Spot, here: Path, tmp_path: Path) -> None:
        """What the proxy sees is a name, a port and its own password; ConnectProxy checks that itself."""
        with ConnectProxy() as proxy:
            client = Client(
                storage_url=full.url,
                token=full.sandbox.mint(),
                ca_bundle=str(full.sandbox.ca_file),
                proxy=f"127.0.0.1:{proxy.port}",
                environ={"CTACLIENT_HOME": str(tmp_path / "home")},
            )
            with client:
                assert client.stat("/f").size_bytes == 4
        assert proxy.asked == [f"localhost:{_port(full.sandbox.storage_url)}"]

"""401: one refresh, one retry, for all threads together; never the same token twice (storage.md 1.12)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ctaclient._util.private import ensure_private_dir
from ctaclient.client import Client
from ctaclient.errors import TokenRejected
from ctaclient.storage.listing import stat
from ctaclient.storage.path import RemotePath
from ctaclient.storage.storage import Storage
from ctaclient.tokens.token import AccessToken
from tests.faults.small_dav import SmallDav
from tests.faults.test_tokens import log_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient.transport.requests import Requests
    from tests.faults.bytes_server import BytesServer, Head, Serve, Talk
    from tests.faults.conftest import Trust

_ROOT = RemotePath()


class Tokens:
    """A source that has one token after the other, and counts how often it was asked for another."""

    description = "the test"
    cure = "ask the test"
    file = None

    def __init__(self, *values: str) -> None:
        self._values = list(values)
        self.replaced = 0

    def get(self, *, min_ttl_s: float = 0) -> AccessToken:
        return AccessToken(self._values[0])

    def replace(self, refused: AccessToken) -> AccessToken | None:
        self.replaced += 1
        if len(self._values) > 1:
            del self._values[0]
        return self.get()


def presented(server: BytesServer) -> list[str]:
    """The tokens that came, in order."""
    return [head.headers["authorization"].removeprefix("Bearer ") for head in server.heads]


@pytest.fixture
def door(serve: Serve) -> BytesServer:
    """A door that knows the token `good` alone."""

    def check(talk: Talk, head: Head) -> bool:
        if head.headers["authorization"] == "Bearer good":
            return False
        talk.body(head)
        talk.answer(401)
        return True

    return serve(SmallDav(check))


class TestUnauthorized:
    def test_another_token_is_tried_once(self, door: BytesServer, requests_to: Callable[..., Requests]) -> None:
        tokens = Tokens("bad", "good")
        storage = Storage(door.url, requests_to(door.url, tokens))
        assert stat(storage, _ROOT).is_dir
        assert stat(storage, _ROOT).is_dir
        assert (presented(door), tokens.replaced) == (["bad", "good", "good"], 1)

    def test_twice_is_the_end(self, door: BytesServer, requests_to: Callable[..., Requests]) -> None:
        tokens = Tokens("bad", "also-bad", "good")
        with pytest.raises(TokenRejected) as caught:
            stat(Storage(door.url, requests_to(door.url, tokens)), _ROOT)
        assert (caught.value.exit_code, caught.value.status) == (4, 401)
        assert (presented(door), tokens.replaced) == (["bad", "also-bad"], 1)

    def test_a_token_that_stays_the_same_is_not_sent_again(
        self, door: BytesServer, requests_to: Callable[..., Requests]
    ) -> None:
        tokens = Tokens("bad")
        storage = Storage(door.url, requests_to(door.url, tokens))
        for _ in range(3):
            with pytest.raises(TokenRejected):
                stat(storage, _ROOT)
        assert presented(door) == ["bad"]

    def test_many_threads_refresh_once(self, serve: Serve, requests_to: Callable[..., Requests]) -> None:
        threads = 8
        all_refused = threading.Barrier(threads, timeout=20)

        def check(talk: Talk, head: Head) -> bool:
            if head.headers["authorization"] == "Bearer good":
                return False
            talk.body(head)
            all_refused.wait()  # each has sent the bad token before any hears of it
            talk.answer(401)
            return True

        server = serve(SmallDav(check))
        tokens = Tokens("bad", "good", "too-far")
        storage = Storage(server.url, requests_to(server.url, tokens))
        with ThreadPoolExecutor(threads) as pool:
            results = list(pool.map(lambda _: stat(storage, _ROOT).is_dir, range(threads)))
        assert results == [True] * threads
        assert tokens.replaced == 1
        assert sorted(presented(server)) == ["bad"] * threads + ["good"] * threads

    def test_the_body_is_sent_again_from_its_start(
        self, door: BytesServer, requests_to: Callable[..., Requests]
    ) -> None:
        with requests_to(door.url, Tokens("bad", "good")).send("PUT", f"{door.url}/f", body=b"body" * 1000) as answer:
            assert answer.status == 201
        assert [head.length for head in door.heads] == [4000, 4000]


class TestTokenChangesMeanwhile:
    """Somebody else has renewed the token between our look and the storage's answer."""

    def test_in_the_token_file(self, serve: Serve, trust: Trust, tmp_path: Path) -> None:
        file = tmp_path / "token"
        file.write_text("bad\n")
        server = serve(_renewing(lambda: file.write_text("good\n")))
        environ = {
            "CTACLIENT_HOME": str(tmp_path / "ctaclient-home"),
            "CTACLIENT_CA_BUNDLE": str(trust.ca_file),
            "CTACLIENT_STORAGE_URL": server.url,
            "BEARER_TOKEN_FILE": str(file),
        }
        with Client(environ=environ) as client:
            assert client.ls("/") == []
        assert presented(server) == ["bad", "good"]

    def test_in_the_store(self, serve: Serve, trust: Trust, tmp_path: Path) -> None:
        home = tmp_path / "ctaclient-home"
        ensure_private_dir(home)
        renew: list[Callable[[], object]] = []
        server = serve(_renewing(lambda: renew[0]()))
        log_in(home, "here", server.url, "bad")
        renew.append(lambda: log_in(home, "here", server.url, "good"))
        environ = {"CTACLIENT_HOME": str(home), "CTACLIENT_CA_BUNDLE": str(trust.ca_file)}
        with Client(environ=environ) as client:
            assert client.ls("/") == []
        assert presented(server) == ["bad", "good"]


def _renewing(renew: Callable[[], object]) -> SmallDav:
    def check(talk: Talk, head: Head) -> bool:
        if head.headers["authorization"] == "Bearer good":
            return False
        talk.body(head)
        renew()
        talk.answer(401)
        return True

    return SmallDav(check)

"""`Expect: 100-continue`: the body waits for leave, and a final answer instead ends it (RFC 9110 10.1.1)."""

from __future__ import annotations

import select
import threading
from typing import TYPE_CHECKING

import pytest

from ctaclient.transport.body import BytesSource, SourceStream
from tests.faults.conftest import large
from tests.faults.small_dav import SmallDav
from tests.faults.test_refused_tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient import Client
    from ctaclient.transport.requests import Requests
    from tests.faults.bytes_server import Head, Serve, Talk

CONTENT = bytes(range(256)) * 2000
LEAVE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Sender:
    """PUTs CONTENT, and knows when the first byte was taken from it."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self.begun = threading.Event()

    def put(self, url: str, wait_s: float) -> int:
        """The status of the answer."""
        body = SourceStream(BytesSource(CONTENT), restart=self.begun.set)
        with self._requests.send("PUT", url, body=body, size_bytes=len(CONTENT), expect_wait_s=wait_s) as answer:
            answer.text()
            return answer.status


def silent(talk: Talk) -> bool:
    """Whether nothing has come so far."""
    return not select.select([talk.connection], [], [], 0)[0]


class TestLeave:
    def test_at_once(self, serve: Serve, requests_to: Callable[..., Requests]) -> None:
        stored: list[bytes] = []

        def handle(talk: Talk) -> None:
            head = talk.hear()
            assert head is not None
            assert head.headers["expect"] == "100-continue"
            assert head.length == len(CONTENT)
            assert silent(talk)
            assert not sender.begun.is_set()
            talk.say(LEAVE)
            stored.append(talk.body(head))
            talk.answer(201)

        server = serve(handle)
        sender = Sender(requests_to(server.url))
        assert sender.put(f"{server.url}/f", 60) == 201
        assert stored == [CONTENT]

    def test_late(self, serve: Serve, requests_to: Callable[..., Requests]) -> None:
        """It comes when the body is on its way already, and is no answer."""
        stored: list[bytes] = []

        def handle(talk: Talk) -> None:
            head = talk.hear()
            assert head is not None
            start = talk.read(1)
            talk.say(LEAVE)
            stored.append(start + talk.read(head.length - 1))
            talk.answer(201)

        server = serve(handle)
        assert Sender(requests_to(server.url)).put(f"{server.url}/f", 0.1) == 201
        assert stored == [CONTENT]

    @pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"])
    def test_never(self, serve: Serve, requests_to: Callable[..., Requests], interim: bytes) -> None:
        stored: list[bytes] = []

        def handle(talk: Talk) -> None:
            head = talk.hear()
            assert head is not None
            talk.say(interim)
            stored.append(talk.body(head))
            talk.answer(201)

        server = serve(handle)
        assert Sender(requests_to(server.url)).put(f"{server.url}/f", 0.1) == 201
        assert stored == [CONTENT]

    def test_an_interim_answer_is_no_leave(self, serve: Serve, requests_to: Callable[..., Requests]) -> None:
        """102 and 103 may come first; a door that sees a byte before its 307 proxies all of them (storage.md 1.5)."""
        too_early: list[bool] = []

        def handle(talk: Talk) -> None:
            head = talk.hear()
            assert head is not None
            talk.say(b"HTTP/1.1 102 Processing\r\n\r\n")
            too_early.append(sender.begun.wait(0.3))
            talk.say(LEAVE)
            talk.body(head)
            talk.answer(201)

        server = serve(handle)
        sender = Sender(requests_to(server.url))
        assert sender.put(f"{server.url}/f", 60) == 201
        assert too_early == [False]


class TestAnotherAnswer:
    @pytest.mark.parametrize("status", [201, 403, 412, 413, 500, 507])
    def test_ends_it(self, serve: Serve, requests_to: Callable[..., Requests], status: int) -> None:
        def handle(talk: Talk) -> None:
            talk.hear()
            talk.answer(status, {"Connection": "close"})
            assert talk.read(1) == b""

        server = serve(handle)
        sender = Sender(requests_to(server.url))
        assert sender.put(f"{server.url}/f", 60) == status
        assert not sender.begun.is_set()

    def test_ends_it_without_closing_too(self, serve: Serve, requests_to: Callable[..., Requests]) -> None:
        """A connection on which a body is still owed is not used again."""

        def handle(talk: Talk) -> None:
            talk.hear()
            talk.answer(403 if talk.number == 0 else 201)
            assert talk.read(1) == b""

        server = serve(handle)
        sender = Sender(requests_to(server.url))
        assert [sender.put(f"{server.url}/f", 60) for _ in range(2)] == [403, 201]
        assert server.connections == 2

    def test_401_takes_another_token_and_begins_anew(self, serve: Serve, requests_to: Callable[..., Requests]) -> None:
        stored: list[bytes] = []

        def handle(talk: Talk) -> None:
            head = talk.hear()
            assert head is not None
            assert head.headers["expect"] == "100-continue"
            if head.headers["authorization"] == "Bearer bad":
                talk.answer(401, {"Connection": "close"})
            else:
                talk.say(LEAVE)
                stored.append(talk.body(head))
                talk.answer(201)

        server = serve(handle)
        assert Sender(requests_to(server.url, Tokens("bad", "good"))).put(f"{server.url}/f", 60) == 201
        assert stored == [CONTENT]

    def test_307_takes_the_body_elsewhere(self, serve: Serve, requests_to: Callable[..., Requests]) -> None:
        pool = SmallDav()
        pool_server = serve(pool)

        def handle(talk: Talk) -> None:
            talk.hear()
            talk.answer(307, {"Location": f"{pool_server.url}/f?id=1", "Connection": "close"})
            assert talk.read(1) == b""

        server = serve(handle)
        assert Sender(requests_to(server.url, Tokens("good"))).put(f"{server.url}/f", 60) == 201
        assert pool.files == {"/f?id=1": CONTENT}
        assert not {"expect", "authorization"} & set(pool_server.heads[0].headers)

    def test_417_asks_for_the_request_without_it(
        self, serve: Serve, client_at: Callable[..., Client], here: Path
    ) -> None:
        """RFC 9110 15.5.18: proxies that know no Expect answer so."""

        def twist(talk: Talk, head: Head) -> bool:
            if "expect" in head.headers:
                talk.answer(417, {"Connection": "close"})
                talk.linger()
                return True
            return False

        store = SmallDav(twist)
        source = large(here)
        client_at(serve(store).url).put(source, "/f")
        assert store.files == {"/f": source.read_bytes()}


class TestWhoIsAsked:
    def test_nobody_for_a_small_file_of_an_unknown_server(
        self, serve: Serve, client_at: Callable[..., Client], here: Path
    ) -> None:
        server = serve(store := SmallDav())
        (here / "f").write_bytes(b"small")
        client_at(server.url).put(here / "f", "/f")
        assert store.files == {"/f": b"small"}
        assert [head.headers.get("expect") for head in server.heads if head.method == "PUT"] == [None]

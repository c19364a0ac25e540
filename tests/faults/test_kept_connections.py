"""Connections that are kept, and closed by the server while nobody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import Disconnected
from tests.conftest import eventually
from tests.faults.small_dav import SmallDav, multistatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctaclient.transport.requests import Requests
    from tests.faults.bytes_server import Serve, Talk


def once_then_hang_up(talk: Talk) -> None:
    """Answers one request, hears the next, and closes without a word: the race of an idle connection."""
    head = talk.hear()
    assert head is not None
    talk.body(head)
    talk.answer(207 if head.method == "PROPFIND" else 200, body=b"" if head.method == "HEAD" else multistatus())
    second = talk.hear()
    if second is not None:
        talk.body(second)


class TestClosedBetweenRequests:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "PROPFIND", "OPTIONS"])
    def test_what_changes_nothing_is_sent_again(
        self, serve: Serve, requests_to: Callable[..., Requests], method: str
    ) -> None:
        server = serve(once_then_hang_up)
        requests = requests_to(server.url)
        for _ in range(3):
            with requests.send(method, f"{server.url}/f", body=b"q" if method == "PROPFIND" else None) as answer:
                assert answer.status in (200, 207)
                answer.text()
        # Each kept connection was tried once, and replaced by a new one that was not kept waiting.
        assert server.methods() == [method] * 5
        assert server.connections == 3

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "MKCOL", "MOVE"])
    def test_what_may_have_been_done_is_not(
        self, serve: Serve, requests_to: Callable[..., Requests], method: str
    ) -> None:
        server = serve(once_then_hang_up)
        requests = requests_to(server.url)
        url = f"{server.url}/f"
        with requests.send("GET" if method == "PUT" else "HEAD", url) as answer:
            answer.text()
        with pytest.raises(Disconnected, match="closed the connection without an answer"):
            requests.send(method, url, body=b"body" if method == "PUT" else None)
        assert server.methods()[1:] == [method]

    def test_twice_in_a_row_is_an_error(self, serve: Serve, requests_to: Callable[..., Requests]) -> None:
        def handle(talk: Talk) -> None:
            if talk.number == 0:
                once_then_hang_up(talk)
            else:
                talk.hear()

        server = serve(handle)
        requests = requests_to(server.url)
        with requests.send("HEAD", f"{server.url}/f"):
            pass
        with pytest.raises(Disconnected):
            requests.send("HEAD", f"{server.url}/f")
        assert server.methods() == ["HEAD"] * 3

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD"])
    def test_one_that_was_closed_before_is_not_used(
        self, serve: Serve, requests_to: Callable[..., Requests], method: str
    ) -> None:
        """The end of it has arrived, so even a PUT loses nothing."""
        closed: list[int] = []

        def handle(talk: Talk) -> None:
            head = talk.hear()
            assert head is not None
            talk.body(head)
            talk.answer(200)
            closed.append(talk.number)

        server = serve(handle)
        requests = requests_to(server.url)
        for expected in (1, 2, 3):
            with requests.send(method, f"{server.url}/f", body=b"x" if method == "PUT" else None) as answer:
                assert answer.status == 200
                answer.text()
            eventually(lambda expected=expected: len(closed) == expected)  # type: ignore[misc]
        assert server.methods() == [method] * 3


class TestKept:
    def test_one_serves_many_requests(self, serve: Serve, requests_to: Callable[..., Requests]) -> None:
        server = serve(SmallDav())
        requests = requests_to(server.url)
        for _ in range(10):
            with requests.send("HEAD", f"{server.url}/nothing") as answer:
                assert answer.status == 404
        assert server.connections == 1

    def test_one_with_an_unread_body_serves_no_more(self, serve: Serve, requests_to: Callable[..., Requests]) -> None:
        store = SmallDav()
        store.files["/f"] = bytes(2_000_000)
        server = serve(store)
        requests = requests_to(server.url)
        for _ in range(2):
            with requests.send("GET", f"{server.url}/f") as answer:
                assert answer.status == 200
        assert server.connections == 2

    def test_one_that_says_close_serves_no_more(self, serve: Serve, requests_to: Callable[..., Requests]) -> None:
        def handle(talk: Talk) -> None:
            while talk.hear():
                talk.answer(200, {"Connection": "Keep-Alive, close"})

        server = serve(handle)
        requests = requests_to(server.url)
        for _ in range(2):
            with requests.send("HEAD", f"{server.url}/f") as answer:
                answer.text()
        assert server.connections == 2

"""The whole stack on scripted connections: tokens, redirects, repetition."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from ctaclient._util.origin import Origin
from ctaclient.errors import Disconnected, LoginRequired, ProtocolError, TokenRejected
from ctaclient.tokens.token import AccessToken
from ctaclient.transport.access import Access
from ctaclient.transport.body import BytesSource, SourceStream
from ctaclient.transport.dial import Dialer
from ctaclient.transport.limits import Timeouts
from ctaclient.transport.pool import Pool
from ctaclient.transport.proxy import Proxies
from ctaclient.transport.requests import Requests
from ctaclient.transport.session import Session
from ctaclient.transport.wire import Wire
from tests.support.clock import FakeClock
from tests.unit.transport.conftest import Backend, Buffer, Step, Stream

if TYPE_CHECKING:
    from ctaclient.transport.requests import Answer

DOOR = Origin.of("https://door:2880")
OK = b"HTTP/1.1 200 OK\r\nServer: dCache/9.2\r\nContent-Length: 2\r\n\r\nok"
EMPTY = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"


def to(location: str, status: int = 307) -> bytes:
    return f"HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\n\r\n".encode()


class Source:
    description = "the login of profile site"
    cure = "ctaclient start-agent --profile site"
    file = None

    def __init__(self, *values: str) -> None:
        self.values = list(values)

    def get(self, *, min_ttl_s: float = 0) -> AccessToken:
        if not self.values:
            raise LoginRequired("you are not logged in")
        return AccessToken(self.values[0])

    def replace(self, refused: AccessToken) -> AccessToken | None:
        if len(self.values) < 2:
            return None
        self.values.pop(0)
        return self.get()


class World:
    """A session whose door gets the tokens of `source`; each item of `connections` is one connection's script."""

    def __init__(self, source: Source, *connections: tuple[Step, ...] | Exception) -> None:
        scripted = [each if isinstance(each, Exception) else Stream(*each) for each in connections]
        self.streams = [each for each in scripted if isinstance(each, Stream)]
        self.backend = Backend(*scripted)
        clock = FakeClock()
        dialer = Dialer(ssl.create_default_context(), Proxies({}), Timeouts(), self.backend)
        wire = Wire(Pool(dialer, clock), Timeouts())
        self.requests = Requests(Session(wire, Access({DOOR: source}, clock)))

    def send(self, method: str = "GET", path: str = "/a", body: bytes | None = None, **headers: str) -> Answer:
        stream = None if body is None else SourceStream(BytesSource(body))
        return self.requests.send(
            method, f"https://door:2880{path}", headers, body=stream, size_bytes=len(body or b"") if stream else None
        )

    def sent(self, connection: int) -> bytes:
        return self.streams[connection].sent


def test_one_request() -> None:
    world = World(Source("secret-1"), (OK,))
    with world.send(Depth="1") as answer:
        assert answer.text() == "ok"
    assert b"Authorization: Bearer secret-1\r\n" in world.sent(0)
    assert b"Accept-Encoding: identity\r\n" in world.sent(0)
    assert world.requests.server(DOOR) == "dCache/9.2"


def test_a_data_server_gets_neither_token_nor_cookie() -> None:
    world = World(Source("secret-1"), (to("https://pool:20000/a?dcache-http-uuid=1", 302),), (OK,))
    with world.send(Authorization="Bearer of-the-caller", Cookie="c=d", Overwrite="F") as answer:
        assert answer.text() == "ok"
    assert world.backend.dialled == [("door", 2880), ("pool", 20000)]
    for hidden in (b"secret-1", b"of-the-caller", b"Cookie", b"Overwrite", b"Authorization"):
        assert hidden not in world.sent(1)
    assert b"of-the-caller" not in world.sent(0)
    assert world.sent(1).startswith(b"GET /a?dcache-http-uuid=1 HTTP/1.1\r\nHost: pool:20000\r\n")


@pytest.mark.parametrize(
    "url", ["https://door:2881/a", "https://door/a", "https://door.:2880/a", "https://[::1]:2880/"]
)
def test_another_port_or_spelling_is_another_server(url: str) -> None:
    world = World(Source("secret-1"), (to(url),), (OK,))
    with world.send():
        pass
    assert b"secret-1" not in world.sent(1)


def test_back_at_the_door_the_token_is_needed_again() -> None:
    world = World(Source("secret-1"), (to("https://pool:20000/a"), OK), (to("https://DOOR:2880/a"),))
    with world.send(Depth="1") as answer:
        assert answer.text() == "ok"
    assert world.sent(0).count(b"Authorization: Bearer secret-1\r\n") == 2
    assert b"secret-1" not in world.sent(1)


def test_a_data_server_names_nothing_at_the_door() -> None:
    """Sent back, we begin anew with our own request: what the data server names would get our token."""
    elsewhere = to("https://door:2880/precious?x=1")
    world = World(Source("secret-1"), (to("https://pool:20000/a?id=1"),) * 3, (elsewhere, elsewhere, EMPTY))
    with world.send("PUT", "/a", body=b"content", Overwrite="F") as answer:
        assert answer.status == 201
    at_door = world.sent(0)
    assert at_door.count(b"PUT /a HTTP/1.1\r\n") == at_door.count(b" HTTP/1.1\r\n") == 3
    assert at_door.count(b"Overwrite: F\r\n") == at_door.count(b"Authorization: Bearer secret-1\r\n") == 3
    assert world.sent(1).count(b"PUT /a?id=1 HTTP/1.1\r\n") == world.sent(1).count(b" HTTP/1.1\r\n") == 3


def test_to_and_fro_not_for_ever() -> None:
    world = World(Source("secret-1"), (to("https://pool:20000/a"),) * 20, (to("https://door:2880/b"),) * 20)
    with pytest.raises(ProtocolError, match="again and again"):
        world.send("PUT", body=b"content")
    assert 2 <= world.sent(0).count(b"PUT /a") < 10
    assert b"/b" not in world.sent(0)


NGINX = b"HTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n"


def test_a_server_is_who_its_first_good_answer_says() -> None:
    """An error page may come from a proxy in front."""
    world = World(Source("secret-1"), (NGINX, OK, NGINX, OK.replace(b"dCache/9.2", b"nginx")))
    seen = []
    for _ in range(4):
        with world.send() as answer:
            answer.text()
        seen.append(world.requests.server(DOOR))
    assert seen == [None, "dCache/9.2", "dCache/9.2", "dCache/9.2"]


def test_a_missing_file_tells_who_the_server_is_until_something_better_comes() -> None:
    """The first request of most uploads is answered 404: no need to ask once more for the name."""
    missing = b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n"
    world = World(Source("secret-1"), (missing, OK, missing))
    seen = []
    for _ in range(3):
        with world.send() as answer:
            answer.text()
        seen.append(world.requests.server(DOOR))
    assert seen == ["nginx", "dCache/9.2", "dCache/9.2"]


REFUSES_EXPECT = b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def expecting(world: World) -> Answer:
    body = SourceStream(BytesSource(b"content"))
    return world.requests.send("PUT", "https://door:2880/a", body=body, size_bytes=7, expect_wait_s=60)


def test_417_is_repeated_once_without_expect_and_with_everything_else() -> None:
    world = World(Source("secret-1"), (REFUSES_EXPECT,), (to("https://pool:20000/a"),), (EMPTY,))
    with expecting(world) as answer:
        assert answer.status == 201
    assert b"Expect: 100-continue\r\n" in world.sent(0)
    assert b"Expect" not in world.sent(1) + world.sent(2)
    assert [b"Bearer secret-1" in world.sent(number) for number in range(3)] == [True, True, False]
    assert world.sent(2).endswith(b"\r\n\r\ncontent")


def test_a_second_417_is_the_answer() -> None:
    world = World(Source("secret-1"), (REFUSES_EXPECT,), (REFUSES_EXPECT,))
    with expecting(world) as answer:
        assert answer.status == 417
    assert len(world.backend.dialled) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["PUT", "PROPFIND"])
def test_method_and_body_survive_a_redirect(method: str, status: int) -> None:
    world = World(Source("secret-1"), (to("https://pool:20000/a", status),), (EMPTY,))
    with world.send(method, body=b"content") as answer:
        assert answer.status == 201
    assert world.sent(1).startswith(f"{method} /a HTTP/1.1".encode())
    assert world.sent(1).endswith(b"\r\n\r\ncontent")


def test_not_to_http() -> None:
    world = World(Source("secret-1"), (to("http://pool:20000/a"),))
    with pytest.raises(ProtocolError, match="not protected by TLS"):
        world.send()
    assert world.backend.dialled == [("door", 2880)]


def test_not_for_ever() -> None:
    world = World(Source("secret-1"), *[(to("https://door:2880/a"),) * 10] * 10)
    with pytest.raises(ProtocolError, match="again and again"):
        world.send()


def test_one_401_is_repeated_once_with_body_and_new_token() -> None:
    world = World(Source("secret-1", "secret-2"), (REFUSED, EMPTY), (EMPTY,))
    with world.send("PUT", body=b"content") as answer:
        assert answer.status == 201
    assert b"Bearer secret-2" in (world.sent(0) + world.sent(1))
    assert (world.sent(0) + world.sent(1)).count(b"\r\n\r\ncontent") == 2


def test_a_second_401_ends_it() -> None:
    world = World(Source("secret-1", "secret-2", "secret-3"), (REFUSED, REFUSED), (REFUSED,))
    with pytest.raises(TokenRejected) as caught:
        world.send()
    assert (world.sent(0) + world.sent(1)).count(b"GET /a") == 2
    assert "secret" not in str(caught.value)


def test_a_401_without_another_token_is_not_repeated() -> None:
    world = World(Source("secret-1"), (REFUSED,), (REFUSED,))
    for _ in range(3):
        with pytest.raises(TokenRejected):
            world.send()
    assert (world.sent(0) + world.sent(1)).count(b"GET /a") == 1


def test_without_a_token_nothing_is_sent() -> None:
    world = World(Source())
    with pytest.raises(LoginRequired):
        world.send()
    assert world.backend.dialled == []


def test_a_kept_connection_that_died_is_replaced_for_requests_that_only_ask() -> None:
    world = World(Source("t" * 20), (OK,), (OK,))
    for _ in range(2):
        with world.send() as answer:
            assert answer.text() == "ok"
    assert len(world.backend.dialled) == 2


def test_a_change_is_not_sent_twice() -> None:
    world = World(Source("t" * 20), (EMPTY,), (EMPTY,))
    with world.send("MKCOL"):
        pass
    with pytest.raises(Disconnected):
        world.send("MKCOL")
    assert len(world.backend.dialled) == 1


def test_connections_are_kept_over_answers_without_a_body() -> None:
    world = World(Source("t" * 20), (EMPTY, EMPTY, OK))
    for method in ("MKCOL", "DELETE"):
        with world.send(method):
            pass
    with world.send("PROPFIND") as answer:
        assert answer.text() == "ok"
    assert len(world.backend.dialled) == 1


def test_an_answer_that_is_left_early_ends_its_connection() -> None:
    world = World(Source("t" * 20), (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc",), (OK,))
    with world.send():
        pass
    assert world.streams[0].closed
    with world.send() as answer:
        assert answer.text() == "ok"


def test_bytes_pass_as_they_are_whatever_their_encoding_is_called() -> None:
    world = World(Source("t" * 20), (OK.replace(b"Server", b"Content-Encoding: gzip\r\nServer"),))
    sink = Buffer()
    with world.send() as answer:
        assert answer.drain_into(sink) == 2
    assert sink.data == b"ok"


def test_nothing_foreign_comes_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    world = World(Source("secret-1"), (to("https://pool:20000/a?authz=secret-2"),), (OK,))
    with world.send():
        pass
    assert "GET https://pool:20000/a: 200" in caplog.text
    assert "secret" not in caplog.text

"""One request and its answer, byte by byte."""

from __future__ import annotations

import contextlib

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.errors import Changed, CtaError, Disconnected, NetworkError, ProtocolError, Timeout
from tests.unit.transport.conftest import SILENCE, Buffer, Step, Stream, a_request, an_exchange

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
REDIRECT = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://pool:20000/\r\nContent-Length: 0\r\n\r\n"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def get(*steps: Step) -> bytes:
    """The body of the answer, twice: into a sink, and as blocks."""
    bodies = []
    for drained in (True, False):
        exchange = an_exchange(Stream(*steps))
        exchange.start(a_request())
        if drained:
            sink = Buffer()
            assert exchange.drain_into(sink) == len(sink.data)
            bodies.append(bytes(sink.data))
        else:
            bodies.append(b"".join(exchange.blocks()))
    assert bodies[0] == bodies[1]
    return bodies[0]


def test_the_request_on_the_wire() -> None:
    stream = Stream(OK + b"hello")
    an_exchange(stream).start(a_request("PROPFIND", b"<x/>", depth="1", user_agent="ctaclient"))
    head, _, body = stream.sent.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"PROPFIND /a%20b HTTP/1.1"
    assert sorted(head.splitlines()[1:]) == [b"Content-Length: 4", b"Depth: 1", b"Host: door", b"User-Agent: ctaclient"]
    assert body == b"<x/>"


def test_lower_case_names_are_title_cased_and_others_stay() -> None:
    stream = Stream(OK + b"hello")
    names = {"want-digest": "adler32", "X-OC-MTime": "1", "DEPTH": "0"}
    an_exchange(stream).start(a_request("GET", None, **names))
    assert b"Want-Digest: adler32\r\nX-OC-MTime: 1\r\nDEPTH: 0\r\n" in stream.sent


@pytest.mark.parametrize(
    "steps",
    [
        (OK + b"hello",),
        (OK, b"hello"),
        (OK, b"he", b"llo"),
        tuple((OK + b"hello")[n : n + 1] for n in range(len(OK) + 5)),
        (b"HTTP/1.1 200 OK\r\n\r\nhe", b"llo"),
        (b"HTTP/1.0 200 OK\r\n\r\nhe", b"llo"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", b"lo\r\n0\r\nDigest: x\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n",),
        (CONTINUE + OK + b"hello",),
        (b"HTTP/1.1 102 Processing\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", OK + b"hello"),
    ],
    ids=[
        *("at once", "head and body", "in pieces", "byte by byte", "until the end", "1.0", "1.0 with length"),
        *("chunks", "cut chunks", "chunks above length", "100 unasked", "other interim answers"),
    ],
)
def test_bodies(steps: tuple[bytes, ...]) -> None:
    assert get(*steps) == b"hello"


def test_a_large_body_passes_whole() -> None:
    body = bytes(range(256)) * 4000
    assert get(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body) == body


@pytest.mark.parametrize(
    "steps",
    [
        (OK + b"hel",),
        (OK,),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Le",),
        (b"",),
        (httpcore.ReadError("reset"),),
        (OK, httpcore.ReadError("reset")),
    ],
    ids=["short", "empty", "cut chunk", "no last chunk", "half a head", "nothing", "reset", "reset in the body"],
)
def test_an_end_too_early_is_a_disconnection(steps: tuple[Step, ...]) -> None:
    with pytest.raises(Disconnected, match="door:443"):
        get(*steps)


def test_a_stall_is_a_timeout() -> None:
    for steps in ((SILENCE,), (OK, SILENCE), (OK + b"he", SILENCE)):
        with pytest.raises(Timeout, match="door:443"):
            get(*steps)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02",
        b"<html>hello</html>\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
        OK + b"hello and more",
        b"HTTP/1.1 204 No Content\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
    ],
    ids=[
        *("ssh", "tls alert", "html", "no status", "no number", "negative", "two lengths", "endless number"),
        *("no colon", "no name", "101", "gzip", "no chunk", "too long", "204 with body", "endless head"),
    ],
)
def test_garbage_is_a_protocol_error(answer: bytes) -> None:
    with pytest.raises(ProtocolError, match="door:443"):
        get(answer)


@given(st.lists(st.binary(max_size=60), max_size=5), st.booleans())
def test_any_bytes_end_in_a_body_or_in_our_errors(steps: list[bytes], with_head: bool) -> None:
    said = ""
    try:
        get(*([b"HTTP/1.1 200 OK\r\n"] if with_head else []), *[step for step in steps if step])
    except NetworkError as error:
        said = str(error)
    assert said.isprintable()


def test_a_head_answer_has_no_body() -> None:
    exchange = an_exchange(Stream(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"))
    exchange.start(a_request("HEAD"))
    assert list(exchange.blocks()) == []


# --- reuse


@pytest.mark.parametrize(
    ("answer", "method", "read", "reusable"),
    [
        (OK + b"hello", "GET", True, True),
        (OK + b"hello", "GET", False, False),
        (CREATED, "MKCOL", False, True),
        (REDIRECT, "GET", False, True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "DELETE", False, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", "HEAD", False, True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", "GET", True, False),
        (b"HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 0\r\n\r\n", "GET", True, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "GET", True, False),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "GET", True, False),
        (CREATED + b"x", "MKCOL", False, False),
    ],
    ids=[
        *(
            "read",
            "not read",
            "empty",
            "redirect",
            "204",
            "head",
            "close",
            "close among others",
            "1.0",
            "until the end",
        ),
        "more than announced",
    ],
)
def test_what_may_be_used_again(answer: bytes, method: str, read: bool, reusable: bool) -> None:
    exchange = an_exchange(Stream(answer))
    exchange.start(a_request(method))
    if read:
        list(exchange.blocks())
    assert exchange.reusable is reusable


# --- Expect


def put(*steps: Step, body: bytes = b"content", refuses_after: int | None = None) -> tuple[int, bytes]:
    """The status of the answer to a PUT with `Expect`, and what was sent of its body."""
    stream = Stream(*steps, refuses_after=refuses_after)
    head = an_exchange(stream).start(a_request("PUT", body, Expect="100-continue"), 3.0)
    return head.status_code, stream.sent.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("steps", "status", "sent"),
    [
        ((CONTINUE, CREATED), 201, b"content"),
        ((SILENCE, CREATED), 201, b"content"),
        ((CONTINUE + CREATED,), 201, b"content"),
        ((REDIRECT,), 307, b""),
        ((FORBIDDEN,), 403, b""),
        ((b"HTTP/1.1 102 Processing\r\n\r\n", REDIRECT), 307, b""),
        ((b"HTTP/1.1 102 Processing\r\n\r\n", CONTINUE, CREATED), 201, b"content"),
        ((b"HTTP/1.1 307 Temporary", b" Redirect\r\nLocation: https://x/\r\n\r\n"), 307, b""),
        ((b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n",), 417, b""),
        ((SILENCE, CONTINUE, CREATED), 201, b"content"),
    ],
    ids=[
        *("100", "silence", "100 and answer", "307", "403", "102 then 307", "102 then 100", "307 in pieces", "417"),
        "late 100",
    ],
)
def test_the_body_waits_for_leave(steps: tuple[Step, ...], status: int, sent: bytes) -> None:
    assert put(*steps) == (status, sent)


def test_not_one_body_byte_is_sent_before_the_answer() -> None:
    def look(sent: bytes) -> bytes:
        assert sent.endswith(b"\r\n\r\n")
        return CONTINUE

    assert put(look, CREATED) == (201, b"content")


def test_a_server_that_closes_instead_of_an_answer() -> None:
    with pytest.raises(Disconnected):
        put(b"")


def test_an_answer_in_the_middle_says_more_than_the_broken_pipe() -> None:
    stream = Stream(FORBIDDEN, refuses_after=200)
    head = an_exchange(stream).start(a_request("PUT", bytes(100_000)))
    assert head.status_code == 403


def test_a_broken_pipe_without_an_answer() -> None:
    stream = Stream(refuses_after=200)
    with pytest.raises(Disconnected):
        an_exchange(stream).start(a_request("PUT", bytes(100_000)))


@pytest.mark.parametrize("announced", [3, 4000])
def test_a_body_of_another_length_than_announced(announced: int) -> None:
    with pytest.raises(Changed, match="not as long as announced"):
        an_exchange(Stream(CREATED)).start(a_request("PUT", b"content", Content_Length=str(announced)))


def test_an_exchange_that_failed_is_not_used_again() -> None:
    for steps in ((b"",), (b"garbage\r\n\r\n",), (OK + b"he",)):
        exchange = an_exchange(Stream(*steps))
        with contextlib.suppress(CtaError):
            exchange.start(a_request())
            pytest.fail(f"{list(exchange.blocks())!r} passed for a whole answer")
        assert not exchange.reusable


@pytest.mark.parametrize(("steps", "untouched"), [((b"",), True), ((b"H",), False), ((SILENCE,), True)])
def test_whether_anything_was_answered(steps: tuple[Step, ...], untouched: bool) -> None:
    exchange = an_exchange(Stream(*steps))
    with pytest.raises(NetworkError):
        exchange.start(a_request())
    assert exchange.untouched is untouched

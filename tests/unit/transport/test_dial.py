"""Connections: TCP, TLS, and CONNECT through proxies."""

from __future__ import annotations

import ssl
from base64 import b64encode

import httpcore
import pytest

from ctaclient._util.origin import Origin
from ctaclient.errors import ConnectError, CtaError, NetworkError, ProtocolError, Timeout
from ctaclient.transport.dial import Dialer
from ctaclient.transport.limits import Timeouts
from ctaclient.transport.proxy import Proxies
from tests.unit.transport.conftest import Backend, Stream

CONTEXT = ssl.create_default_context()
DOOR = Origin.of("https://door.example:2880")
DIRECT = Proxies({})


def dialer(backend: Backend, proxy: str | None = None) -> Dialer:
    return Dialer(CONTEXT, Proxies.single(proxy) if proxy else DIRECT, Timeouts(), backend)


def test_directly() -> None:
    stream = Stream()
    backend = Backend(stream)
    channel = dialer(backend).open(DOOR)
    assert channel.peer == "door.example:2880"
    assert backend.dialled == [("door.example", 2880)]
    assert stream.tls_names == ["door.example"]
    assert stream.sent == b""


def test_never_without_tls() -> None:
    backend = Backend()
    with pytest.raises(ProtocolError, match="without TLS"):
        dialer(backend).open(Origin.of("http://door.example"))
    assert backend.dialled == []


def test_through_a_proxy() -> None:
    stream = Stream(b"HTTP/1.1 200 Connection established\r\n\r\n")
    backend = Backend(stream)
    dialer(backend, "http://me:secret@proxy:3128").open(DOOR)
    pair = b64encode(b"me:secret")
    assert backend.dialled == [("proxy", 3128)]
    assert stream.sent == (
        b"CONNECT door.example:2880 HTTP/1.1\r\nHost: door.example:2880\r\nProxy-Authorization: Basic "
        + pair
        + b"\r\n\r\n"
    )
    assert stream.tls_names == ["door.example"]


def test_through_an_https_proxy_there_is_tls_in_tls() -> None:
    stream = Stream(b"HTTP/1.1 200 OK\r\n\r\n")
    dialer(Backend(stream), "https://proxy:3129").open(Origin.of("https://[2001:db8::1]:2880"))
    assert stream.tls_names == ["proxy", "2001:db8::1"]
    assert stream.sent.startswith(b"CONNECT [2001:db8::1]:2880 HTTP/1.1\r\n")


@pytest.mark.parametrize("status", [403, 407, 502, 302])
def test_a_proxy_that_refuses_is_named(status: int) -> None:
    stream = Stream(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
    with pytest.raises(ConnectError) as caught:
        dialer(Backend(stream), "http://me:secret@proxy:3128").open(DOOR)
    assert str(caught.value) == f"proxy proxy:3128 refused to connect to door.example:2880 (status {status})"
    assert caught.value.hint == "allow the port at the proxy, or set NO_PROXY=door.example"
    assert stream.closed
    assert not stream.tls_names


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (b"", ProtocolError),
        (b"SSH-2.0-OpenSSH\r\n\r\n", ProtocolError),
        (b"HTTP/1.1 200", ProtocolError),
        (httpcore.ReadTimeout("x"), Timeout),
        (httpcore.ReadError("x"), NetworkError),
    ],
)
def test_a_proxy_that_is_none(step: bytes | Exception, kind: type[CtaError]) -> None:
    stream = Stream(step)
    with pytest.raises(kind, match="proxy proxy:3128"):
        dialer(Backend(stream), "http://proxy:3128").open(DOOR)
    assert stream.closed


@pytest.mark.parametrize("error", [httpcore.ConnectError("x"), httpcore.ConnectTimeout("x"), UnicodeError("x")])
def test_what_goes_wrong_is_ours(error: Exception) -> None:
    with pytest.raises(NetworkError, match=r"door\.example:2880"):
        dialer(Backend(error)).open(DOOR)


def test_tls_that_fails_closes_the_connection() -> None:
    class NoTls(Stream):
        def start_tls(self, *_: object, **__: object) -> httpcore.NetworkStream:
            raise httpcore.ConnectError("handshake failed")

    stream = NoTls()
    with pytest.raises(NetworkError):
        dialer(Backend(stream)).open(DOOR)
    assert stream.closed

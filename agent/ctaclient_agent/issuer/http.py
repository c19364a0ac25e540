"""The agent's only HTTP: one request, one small answer, no redirects. All failures leave as errors of our own tree."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, Self

import httpx

from ctaclient._util.origin import Origin
from ctaclient._util.redact import printable, redact, safe_url
from ctaclient.errors import ConfigError, ConnectError, Disconnected, NetworkError, ProtocolError, Timeout
from ctaclient.tls import certificate_error, client_context
from ctaclient_agent import version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ctaclient_agent.issuer.send_limit import SendLimit

CONNECT_TIMEOUT_S = 10.0
TOTAL_TIMEOUT_S = 30.0
MAX_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, headers with lower-case names, body. The body may hold tokens."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Http(Protocol):
    """What the flows need. Both raise the kin of NetworkError when there is no complete answer."""

    def get(self, url: str) -> Reply:
        """The answer to a GET."""
        ...

    def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str], *, limit: SendLimit | None = None
    ) -> Reply:
        """The answer to a POST of `form`, which leaves within `limit` or not at all (then Timeout is raised)."""
        ...


class RegistrationHttp(Http, Protocol):
    """`Http`, and what the registration of clients needs besides (RFC 7591, 7592)."""

    def post_json(self, url: str, document: Mapping[str, Any]) -> Reply:
        """The answer to a POST of `document`."""
        ...

    def delete(self, url: str, headers: Mapping[str, str]) -> Reply:
        """The answer to a DELETE."""
        ...


class HttpxHttp:
    """`RegistrationHttp` over httpx, trusting the system's CAs and those in `ca_bundle`. A context manager."""

    def __init__(self, ca_bundle: str | None, *, total_timeout_s: float = TOTAL_TIMEOUT_S) -> None:
        self._total_timeout_s = total_timeout_s
        context = client_context(ca_bundle)
        try:
            self._client = httpx.Client(
                verify=context,
                timeout=httpx.Timeout(total_timeout_s, connect=min(CONNECT_TIMEOUT_S, total_timeout_s)),
                # A redirect would carry the refresh token to wherever the answer points.
                follow_redirects=False,
                # identity: a compressed body could unpack to far more than the limit.
                headers={
                    "User-Agent": f"ctaclient-agent/{version()}",
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                },
            )
        except (ImportError, ValueError, httpx.InvalidURL):
            # the text may hold the proxy's password
            raise ConfigError(
                "the proxy that the environment names cannot be used",
                hint="unset ALL_PROXY or HTTPS_PROXY, or name an http:// proxy (SOCKS is not supported)",
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, url: str) -> Reply:
        return self._send("GET", url, {})

    def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str], *, limit: SendLimit | None = None
    ) -> Reply:
        return self._send("POST", url, headers, limit, data=form)

    def post_json(self, url: str, document: Mapping[str, Any]) -> Reply:
        return self._send("POST", url, {}, json=document)

    def delete(self, url: str, headers: Mapping[str, str]) -> Reply:
        return self._send("DELETE", url, headers)

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], limit: SendLimit | None = None, **body: Any
    ) -> Reply:
        if not url.lower().startswith("https://"):
            raise ProtocolError(f"{printable(safe_url(url))} is not https")
        deadline = _Deadline(self._total_timeout_s, limit)
        try:
            with (
                deadline,
                self._client.stream(
                    method, url, headers=dict(headers), extensions={"trace": deadline.trace}, **body
                ) as response,
                _let_go(response),
            ):
                return Reply(response.status_code, _lower(response.headers), _body(response, url))
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            if limit is not None and limit.passed:
                raise Timeout("the request was held up, and another may send it now") from None
            if deadline.passed:
                raise Timeout(f"{_host(url)} did not answer within {self._total_timeout_s:.0f} s") from None
            _translate(error, url)


class _Deadline:
    """Ends a request after `seconds` in total: httpx's own limits start anew with every byte that drips in."""

    def __init__(self, seconds: float, limit: SendLimit | None) -> None:
        self.passed = False
        self._limit = limit
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._limit is not None:
            self._limit.end()
        del self._timer  # it refers to us: without this the connection stays until a garbage collection, see `_let_go`

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by the connection at each step: learn the socket, and go no further once time is up."""
        stream = info.get("return_value")
        # TLS, and TLS inside a proxy's tunnel, each give a new socket object for the same connection.
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            found = stream.get_extra_info("socket") if stream is not None else None
            self._socket = found if isinstance(found, socket.socket) else None
            self._bound_delivery()
        if self._limit is not None and event.endswith(("send_request_body.complete", "send_request_body.failed")):
            self._limit.end()
        if self.passed:
            raise TimeoutError
        if self._limit is not None and event.endswith("send_request_body.started"):
            self._limit.begin()

    def _bound_delivery(self) -> None:
        """What could not be delivered in the time of the request is not delivered later, either: tcp(7)."""
        if self._socket is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(TOTAL_TIMEOUT_S * 1000))

    def _end(self) -> None:
        self.passed = True
        if self._socket is not None:
            try:
                # not SSLSocket.shutdown: that would take the TLS state away from under the thread that reads
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                return


@contextlib.contextmanager
def _let_go(response: httpx.Response) -> Iterator[None]:
    """Close `response` at the end, and free all that it holds.

    httpx makes a response and its stream refer to each other (`BoundSyncStream`). They hold the connection, and that
    its TLS context with all CAs: about a megabyte a request, of which Python's collector sees a few small objects.
    """
    try:
        yield
    finally:
        response.close()
        response.stream = httpx.ByteStream(b"")


def _body(response: httpx.Response, url: str) -> bytes:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProtocolError(f"{_host(url)} sent a compressed answer unasked")
    body = bytearray()
    for part in response.iter_raw():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise ProtocolError(f"{_host(url)} sent more than {MAX_BODY_BYTES} bytes")
    return bytes(body)


def _lower(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _translate(error: Exception, url: str) -> NoReturn:
    host = _host(url)
    if (tls := _tls_cause(error)) is not None:
        raise _tls_error(tls, host) from None
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        raise Timeout(f"{host} did not answer in time") from None
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        raise ProtocolError(f"{printable(safe_url(url))} is no usable address") from None
    why = printable(redact(str(error)), limit=200) or type(error).__name__
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        raise ConnectError(f"cannot connect to {host}: {why}") from None
    if isinstance(error, httpx.TransportError | OSError):
        raise Disconnected(f"the connection to {host} broke: {why}") from None
    raise NetworkError(f"{host}: {why}") from None


def _tls_cause(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _tls_error(error: ssl.SSLError, host: str) -> NetworkError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return certificate_error(error, host)
    # A handshake that was cut, or spoke no TLS: a portal or a broken proxy as likely as an attacker.
    return Disconnected(f"no TLS connection to {host}: {printable(error.reason or str(error), limit=200)}")


def _host(url: str) -> str:
    origin = Origin.of(url)
    return str(origin).partition("://")[2]

"""Making connections: TCP, TLS, and CONNECT through a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11
import httpcore

from ctaclient.errors import ConnectError, ProtocolError
from ctaclient.transport.channel import Channel
from ctaclient.transport.trouble import FOREIGN, translate

if TYPE_CHECKING:
    import ssl

    from ctaclient._util.origin import Origin
    from ctaclient.transport.limits import Timeouts
    from ctaclient.transport.proxy import Proxies, Proxy


class Dialer:
    """Connects to origins over one TLS context. Plain http is refused: a token or data would cross in clear."""

    def __init__(
        self,
        context: ssl.SSLContext,
        proxies: Proxies,
        timeouts: Timeouts,
        backend: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._context = context
        self._proxies = proxies
        self._timeout_s = timeouts.connect_s
        self._backend = backend or httpcore.SyncBackend()

    def open(self, origin: Origin) -> Channel:
        """A new connection. Raises ConnectError, Timeout or TlsError."""
        peer = f"{origin.host}:{origin.port}"
        if origin.scheme != "https":
            raise ProtocolError(f"{peer} is to be spoken to without TLS", hint="use an https:// URL")
        proxy = self._proxies.lead_to(origin)
        stream = self._through(proxy, origin) if proxy else self._tcp(origin, peer)
        stream = self._tls(stream, origin, peer)
        return Channel(stream, peer, direct=proxy is None or proxy.origin.scheme == "http")

    def _tcp(self, origin: Origin, peer: str) -> httpcore.NetworkStream:
        try:
            return self._backend.connect_tcp(origin.host, origin.port, self._timeout_s)
        except FOREIGN as error:
            raise translate(error, peer, connecting=True) from error

    def _tls(self, stream: httpcore.NetworkStream, origin: Origin, peer: str) -> httpcore.NetworkStream:
        try:
            return stream.start_tls(self._context, origin.host, self._timeout_s)
        except FOREIGN as error:
            stream.close()
            raise translate(error, peer, connecting=True) from error

    def _through(self, proxy: Proxy, origin: Origin) -> httpcore.NetworkStream:
        peer = f"proxy {proxy.origin.host}:{proxy.origin.port}"
        stream = self._tcp(proxy.origin, peer)
        if proxy.origin.scheme == "https":
            stream = self._tls(stream, proxy.origin, peer)
        try:
            status = _connect(stream, proxy, origin, self._timeout_s)
        except FOREIGN as error:
            stream.close()
            raise translate(error, peer, connecting=True) from error
        if not 200 <= status < 300:
            stream.close()
            # Many proxies allow 443 only; dCache pools listen on 20000-25000 (storage.md 9.4).
            raise ConnectError(
                f"{peer} refused to connect to {origin.host}:{origin.port} (status {status})",
                hint=f"allow the port at the proxy, or set NO_PROXY={origin.host}",
            )
        return stream


def _connect(stream: httpcore.NetworkStream, proxy: Proxy, origin: Origin, timeout_s: float) -> int:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    target = f"{host}:{origin.port}"
    headers = [("Host", target)]
    if proxy.authorization:
        headers.append(("Proxy-Authorization", proxy.authorization))
    connection = h11.Connection(h11.CLIENT)
    for part in (h11.Request(method="CONNECT", target=target, headers=headers), h11.EndOfMessage()):
        stream.write(connection.send(part) or b"", timeout_s)
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            return event.status_code
        if event is h11.NEED_DATA:
            connection.receive_data(stream.read(65536, timeout_s))
        elif not isinstance(event, h11.InformationalResponse):
            raise h11.RemoteProtocolError("no answer to CONNECT")

"""`Wire`: httpx's transport contract on our own connections. One request, one answer; no redirects, no tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from ctaclient._util.origin import Origin
from ctaclient.errors import Disconnected
from ctaclient.transport.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctaclient.transport.channel import Channel
    from ctaclient.transport.limits import Timeouts
    from ctaclient.transport.pool import Pool, Use
    from ctaclient.transport.sink import Sink

EXPECT_WAIT = "ctaclient.expect_wait_s"
"""Request extension: seconds to wait for `100 Continue`. A door that redirects gets minutes."""
BODY = "ctaclient.body"
"""Response extension: the `Body`, which can go straight into a sink."""

# Sent again on a new connection when a kept one turns out to be closed. Not PUT and its kin: they may have been done.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND"})


class Wire(httpx.BaseTransport):
    """Sends requests over pooled connections. Raises NetworkError kin, never httpx's own errors."""

    def __init__(self, pool: Pool, timeouts: Timeouts) -> None:
        self._pool = pool
        self._timeouts = timeouts

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        origin = Origin.of(str(request.url.copy_with(raw_path=b"/")))
        use: Use = "data" if request.method in ("GET", "PUT") else "metadata"
        channel, used_before = self._pool.acquire(origin, use)
        exchange = Exchange(channel, self._timeouts)
        try:
            try:
                head = exchange.start(request, request.extensions.get(EXPECT_WAIT))
            except Disconnected:
                if not (used_before and exchange.untouched and request.method in _SAFE):
                    raise
                channel.close()
                channel, _ = self._pool.acquire(origin, use, fresh=True)
                exchange = Exchange(channel, self._timeouts)
                head = exchange.start(request, request.extensions.get(EXPECT_WAIT))
        except BaseException:
            channel.close()
            raise
        body = Body(exchange, channel, self._pool, origin, use)
        return httpx.Response(
            head.status_code,
            headers=[(bytes(name), bytes(value)) for name, value in head.headers.raw_items()],
            stream=body,
            extensions={"http_version": b"HTTP/" + head.http_version, "reason_phrase": bytes(head.reason), BODY: body},
            request=request,
        )

    def close(self) -> None:
        self._pool.close()


class Body(httpx.SyncByteStream):
    """A response body: iterate it, or drain it into a sink; then close it, which keeps or ends the connection."""

    def __init__(self, exchange: Exchange, channel: Channel, pool: Pool, origin: Origin, use: Use) -> None:
        self._exchange = exchange
        self._channel = channel
        self._pool = pool
        self._key = origin, use
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._exchange.blocks()

    def drain_into(self, sink: Sink) -> int:
        """Write the whole body into `sink`; returns its length in bytes. Raises Disconnected when it is cut short."""
        return self._exchange.drain_into(sink)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._exchange.reusable:
            self._pool.release(*self._key, self._channel)
        else:
            self._channel.close()

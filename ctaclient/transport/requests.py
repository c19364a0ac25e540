"""`Requests`: how the floors above send and receive, without httpx in their hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import httpx

from ctaclient.transport.body import BytesSource, SourceStream
from ctaclient.transport.factory import USER_AGENT
from ctaclient.transport.status import raise_for_status
from ctaclient.transport.wire import BODY, EXPECT_WAIT, Body

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ctaclient._util.origin import Origin
    from ctaclient.transport.session import Session
    from ctaclient.transport.sink import Sink

# identity: a proxy that compresses breaks sizes, ranges and digests (storage.md 9.2).
ALWAYS = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}


class Answer:
    """A final response. Use it in a `with` block: leaving that frees the connection."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code

    def header(self, name: str) -> str | None:
        """The value of a header, or None."""
        value: str | None = self._response.headers.get(name)
        return value

    def blocks(self) -> Iterator[bytes]:
        """The body in pieces. Raises Disconnected when it is cut short."""
        return self._response.iter_raw()

    def text(self, limit: int = 10_000) -> str:
        """The start of a short text body."""
        data = b""
        for block in self.blocks():
            data += block
            if len(data) >= limit:
                break
        return data[:limit].decode("utf-8", "replace")

    def drain_into(self, sink: Sink) -> int:
        """The body into `sink`; its length in bytes. Raises Disconnected when it is cut short."""
        body = self._response.extensions[BODY]
        assert isinstance(body, Body)
        return body.drain_into(sink)

    def raise_for_status(self, doing: str) -> None:
        """Raise the error that a status from 400 on stands for; `doing` says what failed on what."""
        raise_for_status(self._response, doing)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()


class Requests:
    """Sends requests through one session."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | SourceStream | None = None,
        size_bytes: int | None = None,
        expect_wait_s: float | None = None,
    ) -> Answer:
        """The final answer, whatever its status. A `SourceStream` needs its `size_bytes`.

        With `expect_wait_s` the request carries `Expect: 100-continue` and its body waits so long for leave.
        """
        own = {**ALWAYS, **(headers or {})}
        stream: SourceStream | None = body if isinstance(body, SourceStream) else None
        if isinstance(body, bytes):
            stream, size_bytes = SourceStream(BytesSource(body)), len(body)
        if stream is not None:
            own["Content-Length"] = str(size_bytes)
        if expect_wait_s is not None:
            own["Expect"] = "100-continue"
        request = httpx.Request(
            method, url, headers=own, stream=stream or httpx.ByteStream(b""), extensions={EXPECT_WAIT: expect_wait_s}
        )
        return Answer(self.session.handle_request(request))

    def server(self, origin: Origin) -> str | None:
        """The `Server` header of the last answer of `origin`; None when it has not been asked yet."""
        return self.session.server(origin)

"""One request and its response on one channel: h11 for heads and chunks, our own loop for bodies of known length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11

from ctaclient.errors import Changed, Disconnected, NetworkError, ProtocolError, Timeout
from ctaclient.transport.body import BLOCK_BYTES
from ctaclient.transport.trouble import translate

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from ctaclient.transport.channel import Channel
    from ctaclient.transport.limits import Timeouts
    from ctaclient.transport.sink import Sink

# What an `Expect: 100-continue` waits for where the server is not known to redirect (RFC 9110 10.1.1 leaves it open).
EXPECT_WAIT_S = 1.0


class Exchange:
    """Sends `request`, then gives head and body of the answer.

    `untouched` stays True until the first byte of an answer: only then a request on a kept connection, closed by the
    server meanwhile, may be sent again.
    """

    def __init__(self, channel: Channel, timeouts: Timeouts) -> None:
        self._channel = channel
        self._timeouts = timeouts
        self._h11 = h11.Connection(h11.CLIENT)
        self._method = b""
        self._head: h11.Response | None = None
        self._request_sent = False
        self._finished = False
        self._ended = False
        self.untouched = True

    def start(self, request: httpx.Request, expect_wait_s: float | None = None) -> h11.Response:
        """Send head and body, return the final response's head. Interim answers are dropped.

        With `Expect: 100-continue` in the request the body waits `expect_wait_s` for leave; an answer that comes
        instead ends the sending. An answer in the middle of the body (403, 507 …) ends it too and is returned: it says
        more than the broken pipe that follows.
        """
        self._method = request.method.encode()
        headers = [(_title(name), value) for name, value in request.headers.raw]
        self._send(h11.Request(method=self._method, target=request.url.raw_path, headers=headers))
        wants_leave = request.headers.get("Expect", "").lower() == "100-continue"
        if not (wants_leave and self._refused(EXPECT_WAIT_S if expect_wait_s is None else expect_wait_s)):
            self._send_body(request)
        while self._head is None:
            self._advance(self._timeouts.first_byte_s)
        return self._head

    def blocks(self) -> Iterator[bytes]:
        """The body in fresh `bytes`. Raises Disconnected when it ends too early."""
        expected = self._length()
        if expected is None:
            yield from self._h11_blocks()
        else:
            received = 0
            for block in self._leftover(expected):
                received += len(block)
                yield block
            while received < expected:
                block = self._channel.receive(min(BLOCK_BYTES, expected - received), self._timeouts.stall_s)
                received += len(block)
                self._check_not_short(len(block), received, expected)
                yield block
        self._finished = True

    def drain_into(self, sink: Sink) -> int:
        """The body into `sink`, through one reused buffer where its length is known; returns its length in bytes."""
        expected = self._length()
        received = 0
        for block in self._h11_blocks() if expected is None else self._leftover(expected):
            sink.write(received, memoryview(block))
            received += len(block)
        if expected is not None:
            buffer = memoryview(bytearray(min(BLOCK_BYTES, expected - received)))
            while received < expected:
                count = self._channel.receive_into(buffer[: expected - received], self._timeouts.stall_s)
                self._check_not_short(count, received, expected)
                sink.write(received, buffer[:count])
                received += count
        self._finished = True
        return received

    @property
    def reusable(self) -> bool:
        """Whether another request may use the channel now."""
        if self._head is None or not self._request_sent or self._head.http_version != b"1.1":
            return False
        if not self._finished and (self._length() != 0 or self._h11.trailing_data[0]):
            return False
        if self._length() is None and not self._all(b"transfer-encoding"):
            return False  # the end of the connection was the end of the body
        said = {token.strip().lower() for value in self._all(b"connection") for token in value.split(b",")}
        return b"close" not in said

    def _send_body(self, request: httpx.Request) -> None:
        try:
            for block in request.stream:  # type: ignore[union-attr]  # a sync transport gets sync streams
                # Looked at before each block, not after the last: what comes then is no early answer.
                if block and self._answered_early():
                    return
                self._send(h11.Data(data=block))
            self._send(h11.EndOfMessage())
            self._request_sent = True
        except h11.LocalProtocolError as error:
            raise Changed(f"what was to be sent is not as long as announced: {error}") from error
        except NetworkError as error:
            # The server may have answered and closed while we were writing: its answer is the reason.
            if not self._answer_is_there():
                raise error from None

    def _refused(self, wait_s: float) -> bool:
        """Wait for `100 Continue` or a final answer; whether the latter came. Silence counts as leave."""
        try:
            while self._head is None:
                # 102 and 103 are no leave.
                if isinstance(event := self._advance(wait_s), h11.InformationalResponse) and event.status_code == 100:
                    return False
        except Timeout:
            return False
        return True

    def _answered_early(self) -> bool:
        data = self._channel.peek()
        if data is None:
            return False
        self._feed(data)
        while self._head is None and self._next_event() is not h11.NEED_DATA:
            pass
        return self._head is not None

    def _answer_is_there(self) -> bool:
        try:
            while self._head is None:
                self._advance(self._timeouts.connect_s)
        except NetworkError:
            return False
        return True

    def _send(self, event: h11.Event) -> None:
        for part in self._h11.send_with_data_passthrough(event) or ():
            if part:
                self._channel.send(part, self._timeouts.stall_s)

    def _advance(self, timeout_s: float) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """The next event, reading from the channel when one is needed; remembers the final head."""
        event = self._next_event()
        if event is h11.NEED_DATA:
            self._feed(self._channel.receive(65536, timeout_s))
            event = self._next_event()
        return event

    def _next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        try:
            event = self._h11.next_event()
        except h11.RemoteProtocolError as error:
            if self.untouched:
                raise Disconnected(f"{self._channel.peer} closed the connection without an answer") from error
            if self._ended:
                raise Disconnected(
                    f"the connection to {self._channel.peer} ended before the answer did", hint="try again"
                ) from error
            raise translate(error, self._channel.peer) from error
        if isinstance(event, h11.Response):
            self._head = event
        elif isinstance(event, h11.ConnectionClosed) and self._head is None:
            raise Disconnected(f"{self._channel.peer} closed the connection without an answer")
        return event

    def _feed(self, data: bytes) -> None:
        self.untouched = self.untouched and not data
        self._ended = not data
        try:
            self._h11.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise translate(error, self._channel.peer) from error

    def _length(self) -> int | None:
        """Body length where our own loop may read it; None where h11 has to (chunks, or until the connection ends)."""
        if self._head is None:
            raise RuntimeError("start() comes first")
        status = self._head.status_code
        if self._method == b"HEAD" or status in (204, 304):
            return 0
        lengths = self._all(b"content-length")
        return int(lengths[0]) if lengths and not self._all(b"transfer-encoding") else None

    def _leftover(self, expected: int) -> Iterator[bytes]:
        """Body bytes that arrived together with the head."""
        data, _ = self._h11.trailing_data
        if len(data) > expected:
            # XRootD up to 5.5 announces 0 and sends anyway (xrootd.md 8): such a connection is poisoned.
            raise ProtocolError(f"{self._channel.peer} sent more than the {expected} bytes it announced")
        if data:
            yield bytes(data)

    def _h11_blocks(self) -> Iterator[bytes]:
        while not isinstance(event := self._advance(self._timeouts.stall_s), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                yield bytes(event.data)

    def _check_not_short(self, count: int, received: int, expected: int) -> None:
        if not count:
            raise Disconnected(
                f"the connection to {self._channel.peer} ended after {received} of {expected} bytes", hint="try again"
            )

    def _all(self, name: bytes) -> list[bytes]:
        return [value for key, value in (self._head.headers if self._head else ()) if key == name]


def _title(name: bytes) -> bytes:
    """XRootD before 5.7 does not see lower-case names, and loses the data with the header (xrootd.md 1)."""
    return name if name != name.lower() else name.title()

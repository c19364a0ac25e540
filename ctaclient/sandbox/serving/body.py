"""The body of a request: by Content-Length or chunked, with `100 Continue` sent when it is first wanted."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from ctaclient.sandbox.serving.answer import Cut, Refusal

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from io import BufferedReader

BLOCK_BYTES = 256 * 1024
_SMALL_BYTES = 1024 * 1024


class RequestBody:
    """Counts what arrives. `cut_after`: raise Cut when so many bytes have been read."""

    def __init__(
        self,
        stream: BufferedReader,
        *,
        length: int | None,
        chunked: bool,
        send_continue: Callable[[], None] | None,
        connection: socket.socket,
        cut_after: int | None = None,
    ) -> None:
        self.received = 0
        self.length = None if chunked else (length or 0)
        self._stream = stream
        self._send_continue = send_continue
        self._connection = connection
        self._left = 0 if chunked else (length or 0)  # of the body, or of the chunk we are in
        self._chunked = chunked
        self._done = not chunked and self._left == 0
        self._cut_after = cut_after

    @property
    def complete(self) -> bool:
        """Whether all of it has been read."""
        return self._done

    def has_arrived(self) -> bool:
        """Whether a first byte is here, without waiting: dCache proxies for impatient clients (storage.md 1.5)."""
        timeout_s = self._connection.gettimeout()
        self._connection.settimeout(0)
        try:
            return bool(self._stream.peek(1))
        except (ssl.SSLWantReadError, BlockingIOError):
            return False
        except OSError as error:
            raise Cut from error
        finally:
            self._connection.settimeout(timeout_s)

    def read_into(self, buffer: memoryview) -> int:
        """Fill `buffer` as far as the body goes; 0 at its end.

        Raises Cut when the client has gone away, but only after all that came has been handed over.
        """
        filled = 0
        try:
            while filled < len(buffer) and (size := self._read_once(buffer[filled:])):
                filled += size
        except Cut:
            if not filled:
                raise
            self._cut_after = self.received
        return filled

    def read_all(self, limit: int = _SMALL_BYTES) -> bytes:
        """A small body. Raises Refusal 413 when it is larger than `limit` bytes."""
        buffer = memoryview(bytearray(limit + 1))
        size = self.read_into(buffer)
        if not self._done and size <= limit:
            raise Cut
        if size > limit:
            raise Refusal(413, close=True)
        return bytes(buffer[:size])

    def drain(self) -> None:
        """Read the rest and forget it."""
        buffer = memoryview(bytearray(BLOCK_BYTES))
        while self._read_once(buffer):
            pass

    def _read_once(self, buffer: memoryview) -> int:
        if self._cut_after is not None:
            if self.received >= self._cut_after:
                raise Cut
            buffer = buffer[: self._cut_after - self.received]
        if self._done:
            return 0
        if self._send_continue is not None:
            self._send_continue()
            self._send_continue = None
        try:
            if self._chunked and self._left == 0 and not self._start_chunk():
                return 0
            size = self._stream.readinto1(buffer[: self._left])
        except OSError as error:
            raise Cut from error
        if not size:
            raise Cut
        self.received += size
        self._left -= size
        if self._left == 0:
            if self._chunked:
                self._stream.readline(3)
            else:
                self._done = True
        return size

    def _start_chunk(self) -> bool:
        """Read a chunk's head (RFC 9112 7.1); False after the last one and its trailers."""
        line = self._stream.readline(1024)
        try:
            self._left = int(line.split(b";")[0], 16)
        except ValueError:
            raise Cut from None
        if self._left:
            return True
        while self._stream.readline(8192).strip():
            pass
        self._done = True
        return False

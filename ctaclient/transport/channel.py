"""One connected byte stream, TLS inside: the place where bytes meet sockets."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from ctaclient.transport.trouble import FOREIGN, translate

if TYPE_CHECKING:
    import socket

    import httpcore


class Channel:
    """A connection to `peer` (`host:port`).

    Blocks go straight between socket and buffer. Behind an https proxy there is TLS in TLS and no such socket
    (`direct=False`); then httpcore's stream does it with copies. Raises NetworkError kin only.
    """

    def __init__(self, stream: httpcore.NetworkStream, peer: str, *, direct: bool = True) -> None:
        self.peer = peer
        self._stream = stream
        self._socket: socket.socket | None = stream.get_extra_info("socket") if direct else None

    def send(self, data: bytes, timeout_s: float) -> None:
        """Send all of `data`."""
        try:
            if self._socket:
                self._socket.settimeout(timeout_s)
                self._socket.sendall(data)
            else:
                self._stream.write(data, timeout_s)
        except FOREIGN as error:
            raise translate(error, self.peer) from error

    def receive(self, max_bytes: int, timeout_s: float) -> bytes:
        """Some bytes; empty at the end of the connection."""
        try:
            return self._stream.read(max_bytes, timeout_s)
        except FOREIGN as error:
            raise translate(error, self.peer) from error

    def receive_into(self, buffer: memoryview, timeout_s: float) -> int:
        """Fill a part of `buffer`; 0 at the end of the connection."""
        try:
            if self._socket:
                self._socket.settimeout(timeout_s)
                return self._socket.recv_into(buffer)
            data = self._stream.read(len(buffer), timeout_s)
        except FOREIGN as error:
            raise translate(error, self.peer) from error
        buffer[: len(data)] = data
        return len(data)

    def peek(self) -> bytes | None:
        """What has arrived unasked: None for nothing, empty for the end of the connection.

        A readable socket alone proves nothing: TLS 1.3 sends session tickets at any time.
        """
        if self._socket is None:
            return None
        try:
            self._socket.settimeout(0)
            return self._socket.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError:
            return b""

    def close(self) -> None:
        """End the connection."""
        self._stream.close()

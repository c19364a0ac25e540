"""A small HTTP proxy that knows CONNECT, a password, and which ports it allows."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from typing import TYPE_CHECKING, Self

from tests.faults.bytes_server import BytesServer, Talk

if TYPE_CHECKING:
    from collections.abc import Callable


class ConnectProxy:
    """Use it in a `with` block; with `context` it is an https proxy.

    `asked` has the targets (`host:port`) in the order in which they were asked for.
    """

    def __init__(
        self,
        *,
        allows: Callable[[int], bool] = lambda _: True,
        authorization: str | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.asked: list[str] = []
        self._allows = allows
        self._authorization = authorization
        self._server = BytesServer(self._handle, context)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.port

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def _handle(self, talk: Talk) -> None:
        head = talk.hear()
        if head is None:
            return
        assert head.method == "CONNECT", head.method
        assert "authorization" not in head.headers
        self.asked.append(head.target)
        port = int(head.target.rpartition(":")[2])
        if self._authorization not in (None, head.headers.get("proxy-authorization")):
            talk.answer(407, {"Proxy-Authenticate": "Basic realm=proxy"})
        elif not self._allows(port):
            talk.answer(403)
        else:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as onward:
                talk.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _relay(talk.connection, onward)


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Both directions in one thread, until either side ends: a TLS socket stands no two threads at once."""
    with contextlib.suppress(OSError):
        while True:
            waiting = [side for side in (one, other) if isinstance(side, ssl.SSLSocket) and side.pending()]
            for source in waiting or select.select([one, other], [], [])[0]:
                block = source.recv(65536)
                if not block:
                    return
                (other if source is one else one).sendall(block)

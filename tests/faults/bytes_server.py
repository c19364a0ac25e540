"""A TLS server on loopback that does with each connection exactly what a test says, byte by byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request; names of headers in lower case."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def length(self) -> int:
        """The announced length of the body."""
        return int(self.headers.get("content-length", "0"))


class Talk:
    """The server's side of one connection; `number` counts them from 0."""

    def __init__(self, connection: socket.socket, number: int, heads: list[Head]) -> None:
        self.number = number
        self.connection = connection
        self._stream = connection.makefile("rb")
        self._heads = heads
        self._over = False

    def hear(self) -> Head | None:
        """The next request's head, or None when the client has gone or nothing more is to be said."""
        if self._over:
            return None
        first = self._stream.readline().decode("latin-1").split()
        if not first:
            return None
        headers = {}
        while line := self._stream.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        head = Head(first[0], first[1], headers)
        self._heads.append(head)
        return head

    def body(self, head: Head) -> bytes:
        """The whole body that `head` announces; shorter when the client goes away."""
        return self._stream.read(head.length)

    def read(self, size: int) -> bytes:
        """Some bytes of it."""
        return self._stream.read(size)

    def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.connection.sendall(data)

    def answer(self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        """Send a whole answer, with the length of its body unless `headers` says something else."""
        own = {"Content-Length": str(len(body)), **(headers or {})}
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in own.items())]
        self.say("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def linger(self) -> None:
        """Nothing more is said, but what still comes is read: the client finds the answer before any reset."""
        self._over = True
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.connection, socket.SHUT_WR)
            while socket.socket.recv(self.connection, 65536):
                pass


Handle = Callable[[Talk], None]


class BytesServer:
    """Calls `handle` for each connection, in a thread of its own, and hangs up when it returns.

    Use it in a `with` block, which fails when a handler failed. Without `context` it speaks no TLS.
    """

    def __init__(self, handle: Handle, context: ssl.SSLContext | None) -> None:
        self.heads: list[Head] = []
        self.connections = 0
        self._handle = handle
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"https://localhost:{self.port}"
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._failures: list[BaseException] = []
        self._closing = False

    def methods(self) -> list[str]:
        """The methods of all requests so far."""
        return [head.method for head in self.heads]

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_TIMEOUT_S)
        for failure in self._failures:
            raise AssertionError("a handler failed") from failure

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number, self.connections = self.connections, self.connections + 1
            self._run(self._serve, connection, number)

    def _serve(self, connection: socket.socket, number: int) -> None:
        connection.settimeout(_TIMEOUT_S)
        try:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            self._open.append(connection)
            talk = Talk(connection, number, self.heads)
            self._handle(talk)
        except OSError:
            pass  # the client broke off, or the test is over
        except BaseException as error:  # noqa: BLE001 - told to the test when the block ends
            self._failures.append(error)
        finally:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            connection.close()


Serve = Callable[[Handle], BytesServer]

"""The redirect's other end: listens on 127.0.0.1 until the browser comes back, once (RFC 8252 7.3)."""

from __future__ import annotations

import select
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from ctaclient_agent.login.registration import REDIRECT_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctaclient._util.clock import Clock

_MAX_HEAD_BYTES = 16 * 1024
_MAX_CONNECTIONS = 16
_SILENCE_S = 5.0
_PAGE = (
    "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>ctaclient</title>"
    "<p>{text} Go back to your terminal; this page can be closed.</p></html>\n"
)


@dataclass(slots=True)
class _Visitor:
    """A connection whose request has not come in full. Browsers open some that they never use."""

    connection: socket.socket
    deadline: float
    head: bytearray = field(default_factory=bytearray)


class Loopback:
    """A listener on a port of its own, for one redirect. A context manager."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=_MAX_CONNECTIONS)
        self._socket.setblocking(False)  # noqa: FBT003 - the method takes no keyword
        self._host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._visitors: list[_Visitor] = []

    @property
    def redirect_uri(self) -> str:
        """Where the browser is to come back to."""
        return f"http://{self._host}{REDIRECT_PATH}"

    def wait(self, is_answer: Callable[[str], bool], seconds: float) -> str | None:
        """The query of the first redirect that `is_answer` accepts, or None after `seconds`. All else gets an error."""
        end = self._clock.monotonic() + seconds
        while (left_s := end - self._clock.monotonic()) > 0:
            sockets = [self._socket, *(visitor.connection for visitor in self._visitors)]
            readable, _, _ = select.select(sockets, [], [], min(left_s, 1.0))
            if self._socket in readable:
                self._accept()
            for visitor in list(self._visitors):
                if visitor.connection in readable and (query := self._hear(visitor, is_answer)) is not None:
                    return query
            self._forget_the_silent()
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for visitor in list(self._visitors):
            self._close(visitor)
        self._socket.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return  # it went away again
        connection.settimeout(_SILENCE_S)
        if len(self._visitors) >= _MAX_CONNECTIONS:
            self._close(self._visitors[0])
        self._visitors.append(_Visitor(connection, self._clock.monotonic() + _SILENCE_S))

    def _hear(self, visitor: _Visitor, is_answer: Callable[[str], bool]) -> str | None:
        """Take what has come; the query when that was the redirect."""
        try:
            part = visitor.connection.recv(_MAX_HEAD_BYTES)
        except OSError:
            part = b""
        visitor.head += part
        whole = b"\r\n\r\n" in visitor.head
        if part and not whole and len(visitor.head) <= _MAX_HEAD_BYTES:
            return None
        query, status, text = None, "400 Bad Request", "That was no request."
        if whole:
            query = self._query(bytes(visitor.head))
            if query is None:
                status, text = "404 Not Found", "There is nothing here."
            elif not is_answer(query):
                query, status, text = None, "400 Bad Request", "This does not belong to the login that is under way."
            else:
                status, text = "200 OK", "The issuer has answered."
        if part:
            self._answer(visitor, status, text)
        self._close(visitor)
        return query

    def _query(self, head: bytes) -> str | None:
        """The query of a GET of our path, or None. The host is checked: a name that leads here is not ours."""
        lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        hosts = [line.partition(":")[2].strip() for line in lines[1:] if line.lower().startswith("host:")]
        if len(words) != 3 or words[0] != "GET" or hosts != [self._host]:
            return None
        path, _, query = words[1].partition("?")
        return query if path == REDIRECT_PATH and query.isascii() else None

    def _answer(self, visitor: _Visitor, status: str, text: str) -> None:
        body = _PAGE.format(text=text).encode()
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
            "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
        )
        try:
            visitor.connection.sendall(head.encode() + body)
            visitor.connection.shutdown(socket.SHUT_WR)
        except OSError:
            return  # nobody reads it

    def _forget_the_silent(self) -> None:
        now = self._clock.monotonic()
        for visitor in [each for each in self._visitors if each.deadline < now]:
            self._close(visitor)

    def _close(self, visitor: _Visitor) -> None:
        self._visitors.remove(visitor)
        visitor.connection.close()

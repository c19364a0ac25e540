"""One connection: requests in, faults claimed, the application asked, records written, answers out."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from ctaclient.sandbox.faults.applying import cut_request_after, disturb, pre_empt
from ctaclient.sandbox.record import Record, harmless_headers, hide_query, name_credential
from ctaclient.sandbox.serving.answer import Answer, Cut, FileSlice, Refusal
from ctaclient.sandbox.serving.body import RequestBody
from ctaclient.sandbox.serving.exchange import Exchange
from ctaclient.sandbox.serving.sending import send_body

if TYPE_CHECKING:
    import ssl
    from io import BufferedReader

    from ctaclient.sandbox.serving.server import TlsServer

_IDLE_S = 300.0  # as a dCache door (storage.md 1.12)
_LINGER_S = 2.0
_DRAIN_BYTES = 64 * 1024


class Handler(BaseHTTPRequestHandler):
    """Lives as long as its connection, in a thread of its own; the TLS handshake happens here, not in the acceptor."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: TlsServer
    connection: ssl.SSLSocket

    def setup(self) -> None:
        self.request.settimeout(_IDLE_S)
        self.request.do_handshake()
        self._unread = False
        self._aborted = False
        self._sent = 0
        super().setup()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        if not self._aborted:
            self._say_goodbye()
        self.server.application.disconnected(id(self))

    def handle_one_request(self) -> None:
        self.close_connection = True
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if self.raw_requestline and self.parse_request():
                self._serve()
        except (OSError, Cut):
            self._aborted = True
        if self._aborted:
            self.close_connection = True

    def handle_expect_100(self) -> bool:
        # The application decides: a dCache door answers 307 in place of 100 (storage.md 1.5).
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """A request that could not even be parsed; the standard library's text would repeat parts of it."""
        self.request_version = self.protocol_version  # it may be 0.9 by now, which has no head
        self._record("-", "-", [], Answer(code), 0, 0)
        self._send_head(Answer(code, close=True), 0)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Silent: the records tell what happened."""

    def _serve(self) -> None:
        target = self.requestline.split()[1]  # self.path has lost the slashes of a leading `//`
        path, _, query = target.partition("?")
        fault = self.server.faults.claim(self.command, unquote(path))
        body = self._body(cut_request_after(fault))
        names = tuple(self.headers.keys())
        exchange = Exchange(self.command, path, query, self.headers, names, body, fault, id(self))
        self._sent = 0
        answer = None
        try:
            answer = self._work(exchange)
            if answer.delivery.nothing:
                answer = None
                raise Cut
            if fault is None and body.length is not None and body.length <= _DRAIN_BYTES and not self._expects():
                body.drain()
            self._unread = not body.complete
            self.close_connection = self.close_connection or answer.close or self._unread
            self._send(answer, exchange, target)
        except (OSError, Cut):
            self._aborted = True
            if answer is None:
                self._record(self.command, target, self.headers.items(), None, body.received, 0)
        finally:
            if answer is not None and isinstance(answer.body, FileSlice):
                os.close(answer.body.fd)

    def _work(self, exchange: Exchange) -> Answer:
        try:
            answer = pre_empt(exchange.fault, exchange.body, time.sleep)
            if answer is None:
                answer = self.server.application.answer(exchange)
        except Refusal as refusal:
            text = f"{refusal.reason or self.responses.get(refusal.status, ('error',))[0]}\n".encode()
            headers = {"Content-Type": "text/plain; charset=utf-8", **refusal.headers}
            answer = Answer(refusal.status, refusal.reason, headers, text, close=refusal.close)
        except Cut:
            raise
        except Exception as error:  # noqa: BLE001 - one bad request must not end the server
            self.server.log_failure(error)
            answer = Answer(500, close=True)
        return disturb(exchange.fault, answer, exchange.method)

    def _body(self, cut_after: int | None) -> RequestBody:
        length = self.headers.get("Content-Length")
        return RequestBody(
            cast("BufferedReader", self.rfile),
            length=int(length) if length is not None and length.isascii() and length.isdigit() else None,
            chunked=(self.headers.get("Transfer-Encoding") or "").lower() == "chunked",
            send_continue=self._send_continue if self._expects() else None,
            connection=self.connection,
            cut_after=cut_after,
        )

    def _expects(self) -> bool:
        return (self.headers.get("Expect") or "").lower() == "100-continue"

    def _send_continue(self) -> None:
        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _send(self, answer: Answer, exchange: Exchange, target: str) -> None:
        headers = list(self.headers.items())
        received = exchange.body.received
        size = answer.size_bytes
        recorded = False

        def record(sent: int) -> None:
            nonlocal recorded
            recorded = True
            self._record(exchange.method, target, headers, answer, received, sent)

        if exchange.method == "HEAD" or size == 0 or answer.delivery.cut_after == 0:
            record(0)
            self._send_head(answer, size)
            if size and exchange.method != "HEAD":
                raise Cut
            return
        try:
            self._send_head(answer, size)
            send_body(answer, self._write, time.sleep, record)
        finally:
            if not recorded:
                record(self._sent)

    def _write(self, block: memoryview) -> None:
        self.connection.sendall(block)
        self._sent += len(block)

    def _send_head(self, answer: Answer, size: int) -> None:
        phrase = answer.reason or self.responses.get(answer.status, ("Unknown",))[0]
        self.send_response_only(answer.status, _one_line(phrase))
        self.send_header("Date", self.date_time_string())
        self.send_header("Server", self.server.application.server_header)
        for name, value in answer.headers.items():
            self.send_header(_one_line(name), _one_line(value))
        if answer.status != 204:
            self.send_header("Content-Length", str(size if answer.length is None else answer.length))
        if self.close_connection or answer.close:
            self.send_header("Connection", "close")
        self.end_headers()

    def _record(
        self, method: str, target: str, headers: list[tuple[str, str]], answer: Answer | None, received: int, sent: int
    ) -> None:
        authorization = next((value for name, value in headers if name.lower() == "authorization"), None)
        self.server.records.append(
            Record(
                server=self.server.name,
                method=method,
                path=hide_query(target),
                header_names=tuple(name for name, _ in headers),
                headers=harmless_headers(headers),
                authorization=name_credential(authorization),
                status=0 if answer is None else answer.status,
                body_bytes=received,
                sent_bytes=sent,
            )
        )

    def _say_goodbye(self) -> None:
        """Close as TLS wants it; where a body was left unread, let the client find the answer before the reset."""
        connection = self.connection
        with contextlib.suppress(OSError, ValueError):
            connection.settimeout(0)
            connection.unwrap()  # sends close_notify, and does not wait for the other one
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_WR)
            if self._unread:
                connection.settimeout(_LINGER_S)
                deadline = time.monotonic() + _LINGER_S
                while time.monotonic() < deadline and socket.socket.recv(connection, 65536):
                    pass


def _one_line(text: str) -> str:
    """Header text as the standard library sends it (latin-1), without anything that would end the line."""
    harmless = "".join(c for c in text if c not in "\r\n\0")
    return harmless.encode("utf-8", "surrogateescape").decode("latin-1")

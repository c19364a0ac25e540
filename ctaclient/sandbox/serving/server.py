"""A threading HTTPS server on a socket that the parent has bound."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import traceback
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING

from ctaclient.sandbox.faults.queue import FaultQueue
from ctaclient.sandbox.record import RecordLog
from ctaclient.sandbox.serving.handler import Handler

if TYPE_CHECKING:
    from ctaclient.sandbox.layout import Layout
    from ctaclient.sandbox.serving.exchange import Application


class TlsServer(ThreadingHTTPServer):
    """Accepts in one thread, works in one thread per connection."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, name: str, fd: int, layout: Layout, application: Application) -> None:
        listener = socket.socket(fileno=fd)
        super().__init__(listener.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.name = name
        self.application = application
        self.records = RecordLog(layout.records(name))
        self.faults = FaultQueue(layout.faults(name))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.load_cert_chain(layout.certificate(name), layout.key(name))

    def get_request(self) -> tuple[ssl.SSLSocket, object]:
        connection, address = self.socket.accept()
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """A client that breaks off its handshake or its connection is nothing to report."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            self.log_failure(error)

    def log_failure(self, error: BaseException) -> None:
        """Where it happened, to stderr; never the message, which may hold a token."""
        places = ", ".join(
            f"{os.path.basename(f.filename)}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)
        )
        sys.stderr.write(f"{self.name}: {type(error).__name__} at {places}\n")
        sys.stderr.flush()

"""The least issuer there can be: discovery and a token endpoint that rotates, over TLS. Run as a program.

`python -m tests.bench.token_endpoint DIRECTORY` writes its CA to DIRECTORY/ca.pem and prints its URL.
"""

from __future__ import annotations

import json
import secrets
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctaclient.sandbox.certificate import Authority

if TYPE_CHECKING:
    import socket

_TOKEN_BYTES = 1000  # Keycloak's tokens are of about this size


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: Nagle's rule and a late ACK would cost 40 ms an answer
    url = ""

    def do_GET(self) -> None:
        self._answer({"issuer": self.url, "token_endpoint": f"{self.url}/token"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        token, refresh_token = (secrets.token_urlsafe(_TOKEN_BYTES) for _ in range(2))
        self._answer({"access_token": token, "token_type": "Bearer", "expires_in": 300, "refresh_token": refresh_token})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        return

    def _answer(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    context: ssl.SSLContext

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        return self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address


def main(directory: Path) -> None:
    """Serve until standard input is closed."""
    authority = Authority()
    (directory / "ca.pem").write_bytes(authority.pem)
    for name, data in zip(("certificate.pem", "key.pem"), authority.issue("bench"), strict=True):
        (directory / name).write_bytes(data)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(directory / "certificate.pem", directory / "key.pem")
    _Handler.url = f"https://localhost:{server.server_address[1]}"
    print(_Handler.url, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""A TLS reverse proxy on loopback that stands where the issuer should be, and goes wrong as it is told."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import itertools
import json
import socket
import socketserver
import ssl
import threading
import time
from dataclasses import dataclass, replace
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import parse_qsl

from cryptography import x509

from ctaclient.sandbox.certificate import Authority
from tests.providers.fault import BEFORE, HTML, PORTAL, REFRESH, Exchange, Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.providers.device_pkce import DevicePkce

_TIMEOUT_S = 60.0
_DROPPED = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_TLS_HANDSHAKE = b"\x16"  # RFC 8446 5.1
Certificate = Literal["good", "other-host", "unknown-ca", "expired"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client; of the body only `sent_bytes`, where that is given."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    sent_bytes: int | None = None


class FaultLayer:
    """Listens from the start at `url`; passes on to the issuer once `lead_to` has named it. Ends with its `with` block.

    `clock_shift_s` is how far the `Date` header is off; for `grace_s` after a refresh the same refresh token gets the
    same answer, as from an issuer with a grace period (WLCG profile 4.3.2); `device_pkce` demands PKCE in the device
    flow; with `plain_too` it takes http as well, and then says http wherever it names itself.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        authority = Authority()
        self.ca_file = directory / "layer-ca.pem"
        self.ca_file.write_bytes(authority.pem)
        self._contexts: dict[Certificate, ssl.SSLContext] = {
            "good": _context(directory, *authority.issue("layer")),
            "other-host": _context(directory, *authority.issue("layer", names=[x509.DNSName("other.example")])),
            "unknown-ca": _context(directory, *Authority().issue("layer")),
            "expired": _context(directory, *authority.issue("layer", life=datetime.timedelta(days=-1))),
        }
        self._server = _Server(self)
        self.url = f"https://localhost:{self._server.server_address[1]}"
        self._guard = threading.Lock()
        self._faults: list[Fault] = []
        self._cleared = threading.Event()
        self._issuer: tuple[str, ssl.SSLContext] | None = None
        self.reset()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
        self._server.shutdown()
        self._server.server_close()

    def lead_to(self, url: str, ca_file: Path) -> None:
        """Pass requests on to the issuer that listens at `url`."""
        self._issuer = (url.removeprefix("https://"), ssl.create_default_context(cafile=str(ca_file)))

    def reset(self) -> None:
        """No faults, a good certificate, a right clock, and nothing remembered."""
        self.clear()
        self.exchanges: list[Exchange] = []
        self.clock_shift_s = 0.0
        self.grace_s = 0.0
        self.device_pkce: DevicePkce | None = None
        self.plain_too = False
        self._given: dict[str, tuple[float, Answer]] = {}
        self.present("good")

    def fault(self, *faults: Fault) -> None:
        """Add faults; for each request the first that fits is taken."""
        with self._guard:
            self._faults += faults

    def clear(self) -> None:
        """No more faults, and an end to all hanging requests."""
        with self._guard:
            self._faults = []
            self._cleared.set()
            self._cleared = threading.Event()

    def present(self, certificate: Certificate) -> None:
        """Show this certificate on new connections."""
        self.context = self._contexts[certificate]

    def asked(self, path_part: str = "/token", grant: str | None = None) -> list[Exchange]:
        """The requests so far with this in their path, and of this grant if one is given."""
        with self._guard:
            seen = list(self.exchanges)
        return [e for e in seen if path_part in e.path and grant in (None, e.form.get("grant_type"))]

    def since_fault(self, grant: str = REFRESH) -> list[Exchange]:
        """The requests of this grant from the first one on that met a fault."""
        return list(itertools.dropwhile(lambda exchange: exchange.fault is None, self.asked(grant=grant)))

    def exchange(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> Answer | None:
        """What the client gets for its request; None: the end of the connection."""
        form = dict(parse_qsl(body.decode(errors="replace"))) if method == "POST" else {}
        seen = Exchange(method, path, form, time.monotonic())
        with self._guard:
            self.exchanges.append(seen)
            fault, cleared = self._take(path, form), self._cleared
        seen.fault = fault.action if fault else None
        answer = self._answer(seen, fault, cleared, headers, body)
        seen.client_status = answer.status if answer and answer.sent_bytes is None else None
        seen.ended_at_s = time.monotonic()
        return answer

    def _answer(
        self,
        seen: Exchange,
        fault: Fault | None,
        cleared: threading.Event,
        headers: list[tuple[str, str]],
        body: bytes,
    ) -> Answer | None:
        if fault is not None and fault.action in BEFORE:
            if fault.action == "hang":
                cleared.wait(_TIMEOUT_S)
            if fault.action != "answer":
                return None
            text = fault.body.replace("{refresh_token}", seen.form.get("refresh_token", ""))
            return Answer(fault.status, [self._date(), *fault.headers.items()], text.encode())
        if self.device_pkce and (objection := self.device_pkce.objection(seen.path, seen.form)):
            refusal = {"error": "invalid_request", "error_description": objection}
            return Answer(400, [self._date(), ("Content-Type", "application/json")], json.dumps(refusal).encode())
        answer = self._replayed(seen) or self._pass_on(seen, headers, body)
        if fault is None:
            return answer
        half = len(answer.body) // 2
        match fault.action:
            case "drop_after":
                return None
            case "cut":
                return replace(answer, sent_bytes=half)
            case "truncate":
                return replace(answer, body=answer.body[:half])
            case _:
                return Answer(200, [self._date(), *HTML.items()], PORTAL)

    def _take(self, path: str, form: dict[str, str]) -> Fault | None:
        for index, fault in enumerate(self._faults):
            if fault.matches(path, form):
                if fault.times is not None:
                    left = replace(fault, times=fault.times - 1)
                    self._faults[index : index + 1] = [left] if left.times else []
                return fault
        return None

    def _replayed(self, seen: Exchange) -> Answer | None:
        """The earlier answer to the same refresh token, while the grace period lasts."""
        if seen.form.get("grant_type") != REFRESH or not self.grace_s:
            return None
        given_at, answer = self._given.get(seen.form.get("refresh_token", ""), (0.0, None))
        return answer if answer and time.monotonic() - given_at < self.grace_s else None

    def _pass_on(self, seen: Exchange, headers: list[tuple[str, str]], body: bytes) -> Answer:
        assert self._issuer is not None, "the layer was not told where the issuer is"
        address, context = self._issuer
        with contextlib.closing(http.client.HTTPSConnection(address, timeout=_TIMEOUT_S, context=context)) as issuer:
            # With the client's Host: the issuer builds the addresses of its endpoints from it.
            kept = {name: value for name, value in headers if name.lower() not in _DROPPED}
            issuer.request(seen.method, seen.path, body or None, kept)
            reply = issuer.getresponse()
            seen.issuer_status = reply.status
            shown = [(k, v) for k, v in reply.getheaders() if k.lower() not in {*_DROPPED, "date"}]
            answer = Answer(reply.status, [self._date(reply.getheader("Date")), *shown], reply.read())
        if reply.status == 200:
            if self.device_pkce:
                self.device_pkce.learn(seen.path, seen.form, answer.body)
            if seen.form.get("grant_type") == REFRESH:
                self._given[seen.form["refresh_token"]] = (time.monotonic(), answer)
        return answer

    def _date(self, said: str | None = None) -> tuple[str, str]:
        moment = parsedate_to_datetime(said) if said else datetime.datetime.now(datetime.UTC)
        return "Date", format_datetime(moment + datetime.timedelta(seconds=self.clock_shift_s), usegmt=True)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, layer: FaultLayer) -> None:
        self._layer = layer
        super().__init__(("127.0.0.1", 0), BaseHTTPRequestHandler)

    def finish_request(self, request: object, client_address: object) -> None:
        """In the connection's own thread, so that a client that never speaks delays nobody."""
        assert isinstance(request, socket.socket)
        request.settimeout(_TIMEOUT_S)
        # A client that refuses the certificate, or leaves, is what the tests are about.
        with contextlib.suppress(OSError):
            if self._layer.plain_too and request.recv(1, socket.MSG_PEEK) != _TLS_HANDSHAKE:
                _Handler(request, client_address, self, layer=self._layer)
                return
            with self._layer.context.wrap_socket(request, server_side=True) as connection:
                _Handler(connection, client_address, self, layer=self._layer)


class _Handler(BaseHTTPRequestHandler):
    """One request on one connection."""

    protocol_version = "HTTP/1.1"

    def __init__(self, connection: socket.socket, address: object, server: _Server, *, layer: FaultLayer) -> None:
        self._layer = layer
        self._plain = not isinstance(connection, ssl.SSLSocket)
        super().__init__(connection, address, server)

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Say nothing: `exchanges` has it all."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        answer = self._layer.exchange(self.command, self.path, list(self.headers.items()), body)
        if answer is None:
            self.close_connection = True
            return
        if self._plain:
            own = self._layer.url.encode()
            answer = replace(answer, body=answer.body.replace(own, own.replace(b"https", b"http")))
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body[: answer.sent_bytes])


def _context(directory: Path, certificate: bytes, key: bytes) -> ssl.SSLContext:
    file = directory / "layer.pem"
    file.touch(mode=0o600)
    file.write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    file.unlink()
    return context

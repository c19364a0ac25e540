"""A token endpoint that rotates refresh tokens and, as RFC 9700 4.14.2 wants, ends a login of which one comes twice.

With a grace period, which the WLCG profile recommends (4.3.2), the one before gets its answer once more.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socketserver
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctaclient.control.address import socket_address

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Family:
    """One login: the refresh token that is good now, and when each new token was given."""

    current: str
    ended: bool = False
    given_at: list[float] = field(default_factory=list)
    refused: int = 0
    previous: str | None = None
    last_answer: dict[str, object] = field(default_factory=dict)


class RotatingIssuer(socketserver.ThreadingUnixStreamServer):
    """Listens at `path`: a line with a refresh token, answered by a line with a token answer or an error."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: Path, life_s: float, *, grace: bool = False) -> None:
        with socket_address(path) as address:
            super().__init__(address, _Handler)
        self.life_s = life_s
        self.grace = grace
        self.families: dict[str, Family] = {}
        self._guard = threading.Lock()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def log_in(self, name: str) -> str:
        """A new family's first refresh token."""
        self.families[name] = Family(_new(name))
        return self.families[name].current

    def redeem(self, refresh_token: str) -> tuple[int, dict[str, object]]:
        """Status and body of the token endpoint's answer."""
        family = self.families[refresh_token.partition(".")[0]]
        with self._guard:
            if self.grace and refresh_token == family.previous:
                return 200, family.last_answer
            if family.ended or refresh_token != family.current:
                family.ended = True
                family.refused += 1
                return 400, {"error": "invalid_grant"}
            family.previous, family.current = refresh_token, _new(refresh_token.partition(".")[0])
            family.given_at.append(time.monotonic())
            family.last_answer = {
                "token_type": "Bearer",
                "expires_in": self.life_s,
                "access_token": secrets.token_urlsafe(8),
                "refresh_token": family.current,
            }
            return 200, family.last_answer


class _Handler(socketserver.StreamRequestHandler):
    server: RotatingIssuer

    def handle(self) -> None:
        if line := self.rfile.readline().decode().strip():
            answer = json.dumps(self.server.redeem(line)).encode() + b"\n"
            with contextlib.suppress(BrokenPipeError):  # who asked has been killed
                self.wfile.write(answer)


def _new(name: str) -> str:
    return f"{name}.{secrets.token_urlsafe(8)}"

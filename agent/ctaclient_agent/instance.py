"""One agent per store: a lock that says who holds it."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ctaclient._util.private import ensure_private_dir, read_private
from ctaclient._util.redact import printable
from ctaclient.errors import CtaError
from ctaclient.tokens.lock import FileLock
from ctaclient_agent import version

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Holder:
    """The agent that serves a store. `started_at` is seconds since the epoch."""

    host: str
    pid: int
    started_at: float
    version: str

    def __str__(self) -> str:
        return f"pid {self.pid}" if self.host == socket.gethostname() else f"pid {self.pid} on {self.host}"


class Instance:
    """The lock on a store."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._lock = FileLock(store / "agent.lock")

    def take(self, now: float) -> Holder | None:
        """Become the store's agent: who we are now, or None when another is."""
        ensure_private_dir(self._store)
        if not self._lock.acquire(wait=False):
            return None
        holder = Holder(socket.gethostname(), os.getpid(), now, version())
        self._lock.write(json.dumps(asdict(holder)).encode() + b"\n")
        return holder

    def holder(self) -> Holder | None:
        """Whom the lock file names, or None when it names nobody; only good while the lock is held."""
        try:
            body: Any = json.loads(read_private(self._lock.path))
            return Holder(
                printable(str(body["host"]), limit=100),
                int(body["pid"]),
                float(body["started_at"]),
                printable(str(body["version"]), limit=40),
            )
        except (OSError, CtaError, ValueError, KeyError, TypeError):
            return None

    def store_is_gone(self) -> bool:
        """Whether the store was deleted or replaced under our hands: then nobody could reach us, or stop us."""
        try:
            return self._lock.is_gone()
        except OSError:
            return False  # away for a while

    def release(self) -> None:
        """Let another become it."""
        self._lock.release()

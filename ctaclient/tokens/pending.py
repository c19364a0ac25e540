"""`pending.json`: somebody is being waited for, to approve a login. It lies in the profile's directory meanwhile."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ctaclient._util.private import ensure_private_dir, read_private, write_private
from ctaclient._util.redact import printable
from ctaclient.errors import CtaError

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
_NAME = "pending.json"
MAX_WAIT_S = 3600.0
_SKEW_S = 600.0


@dataclass(frozen=True, slots=True)
class Pending:
    """A login that waits for approval, in process `pid` on `host`; nothing in it is secret.

    `expires_at` is seconds since the epoch; `verification_uri` is where it is approved. Its texts are printable.
    """

    host: str
    pid: int
    expires_at: float
    verification_uri: str

    @classmethod
    def here(cls, now: float, life_s: float, verification_uri: str) -> Pending:
        """That of this process, for an hour at most."""
        return cls(socket.gethostname(), os.getpid(), now + min(life_s, MAX_WAIT_S), verification_uri)

    def is_waiting(self, now: float) -> bool:
        """Whether it still waits: not over, and not ended as far as that can be seen from here."""
        if not now < self.expires_at < now + MAX_WAIT_S + _SKEW_S:
            return False
        return self.host != socket.gethostname() or _is_alive(self.pid)

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host}"


def write_pending(profile_dir: Path, pending: Pending) -> None:
    """Say that a login waits. Makes `profile_dir`."""
    ensure_private_dir(profile_dir)
    document = {"version": VERSION, **asdict(pending)}
    write_private(profile_dir / _NAME, json.dumps(document, indent=1).encode() + b"\n")


def read_pending(profile_dir: Path, now: float) -> Pending | None:
    """The login that waits for approval, or None. What cannot be read or trusted does not count: it blocks nobody."""
    try:
        pending = _parse(read_private(profile_dir / _NAME))
    except (OSError, CtaError):
        return None
    return pending if pending is not None and pending.is_waiting(now) else None


def all_pending(store: Path, now: float) -> dict[str, Pending]:
    """The profiles below `store` for which a login waits for approval; none where it cannot be listed."""
    try:
        names = sorted(os.listdir(store))
    except OSError:  # away for a while (NFS, an expired Kerberos ticket)
        return {}
    found = {name: read_pending(store / name, now) for name in names}
    return {name: pending for name, pending in found.items() if pending is not None}


def remove_pending(profile_dir: Path, pending: Pending) -> None:
    """Take back what `write_pending` said, unless another process has said something since."""
    path = profile_dir / _NAME
    try:
        found = _parse(read_private(path))
        if found is not None and (found.host, found.pid) == (pending.host, pending.pid):
            os.unlink(path)
    except (OSError, CtaError):
        return


def _parse(data: bytes) -> Pending | None:
    try:
        document: Any = json.loads(data)
        host, pid, expires_at, uri = (document[name] for name in ("host", "pid", "expires_at", "verification_uri"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if document.get("version") != VERSION or type(pid) is not int or not 0 < pid < 2**31:
        return None
    if not isinstance(host, str) or not isinstance(uri, str) or type(expires_at) not in (int, float):
        return None
    return Pending(printable(host, limit=255), pid, expires_at, printable(uri, limit=2000))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # somebody else's: the number was given anew
    return True

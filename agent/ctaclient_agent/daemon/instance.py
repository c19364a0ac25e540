"""One agent per store on each machine: a lock in the machine's runtime directory that says who holds it."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from ctaclient._util.private import ensure_private_dir, read_private
from ctaclient.errors import CtaError
from ctaclient.tokens.lock import FileLock
from ctaclient_agent.machines.holder import Holder, read_holder

if TYPE_CHECKING:
    from pathlib import Path


class Instance:
    """The lock in `runtime`."""

    def __init__(self, runtime: Path) -> None:
        self._runtime = runtime
        self._lock = FileLock(runtime / "agent.lock")

    def take(self, me: Holder) -> bool:
        """Become this machine's agent; False when another is."""
        ensure_private_dir(self._runtime)
        if not self._lock.acquire(wait=False):
            return False
        self._lock.write(json.dumps(me.to_dict()).encode() + b"\n")
        return True

    def holder(self) -> Holder | None:
        """Whom the lock file names, or None when it names nobody; only good while the lock is held."""
        try:
            return read_holder(json.loads(read_private(self._lock.path)))
        except (OSError, CtaError, ValueError):
            return None

    def keep(self, me: Holder) -> None:
        """Make the lock anew when the runtime directory was cleared away: systemd does so at the last logout."""
        with contextlib.suppress(OSError, CtaError):  # nobody is logged in: the next call tries again
            if self._lock.is_gone():
                self._lock.release()
                self.take(me)

    def release(self) -> None:
        """Let another become it."""
        self._lock.release()

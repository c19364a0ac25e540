"""When an agent has nothing left to serve: its store was deleted, and nobody could reach or stop it any more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient._util.clock import Clock

# A directory that somebody deleted stays away; one that is mounted anew comes back sooner.
PATIENCE_S = 60.0


class OrphanWatch:
    """Looks at the `store` each time it is asked; the one that is there now is the one that counts.

    `is_ours` tells whether a directory under another number is the same store all the same.
    """

    def __init__(self, store: Path, clock: Clock, is_ours: Callable[[], bool]) -> None:
        self._store = store
        self._clock = clock
        self._is_ours = is_ours
        self._number = os.stat(store).st_ino
        self._gone_since: float | None = None

    def is_orphan(self) -> bool:
        """Whether the store has been gone at each look for `PATIENCE_S`."""
        now = self._clock.monotonic()
        if not self._is_gone():
            self._gone_since = None
        elif self._gone_since is None:
            self._gone_since = now
        return self._gone_since is not None and now - self._gone_since >= PATIENCE_S

    def _is_gone(self) -> bool:
        try:
            number = os.stat(self._store).st_ino
            if number != self._number and self._is_ours():
                self._number = number  # FUSE file systems may number anew, at each mount or whenever they like
            return number != self._number
        except FileNotFoundError:
            return True
        except OSError:
            return False  # away for a while

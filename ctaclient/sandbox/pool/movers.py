"""Range requests keep a mover open until the last connection that used it ends (storage.md 1.4)."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctaclient.sandbox.namespace.transfer import TransferBook


class OpenMovers:
    """Which connections use which ids."""

    def __init__(self, transfers: TransferBook) -> None:
        self._transfers = transfers
        self._lock = threading.Lock()
        self._users: defaultdict[str, set[int]] = defaultdict(set)

    def enter(self, connection: int, one_use_id: str) -> None:
        """The connection has asked for a range."""
        with self._lock:
            self._users[one_use_id].add(connection)

    def leave(self, connection: int) -> None:
        """The connection has ended; ids nobody uses any more are closed."""
        with self._lock:
            left = [one_use_id for one_use_id, users in self._users.items() if users <= {connection}]
            for users in self._users.values():
                users.discard(connection)
            for one_use_id in left:
                del self._users[one_use_id]
        for one_use_id in left:
            self._transfers.close(one_use_id)

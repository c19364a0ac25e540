"""Kept connections, by origin and by use. Safe to share between threads; a forked child starts with none."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ctaclient._util.clock import Clock
    from ctaclient._util.origin import Origin
    from ctaclient.transport.channel import Channel
    from ctaclient.transport.dial import Dialer

Use = Literal["metadata", "data"]

# Seconds that an idle connection is trusted, and how many are kept for each origin. A dCache mover occupies a slot at
# its pool for as long as the connection stays (storage.md 1.4), so data connections are let go soon.
_IDLE_S: dict[Use, float] = {"metadata": 60, "data": 10}
_KEPT: dict[Use, int] = {"metadata": 16, "data": 8}


class Pool:
    """Hands out connections: a kept one that is still alive, else a new one."""

    def __init__(self, dialer: Dialer, clock: Clock) -> None:
        self._dialer = dialer
        self._clock = clock
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._idle: defaultdict[tuple[Origin, Use], list[tuple[float, Channel]]] = defaultdict(list)

    def acquire(self, origin: Origin, use: Use, *, fresh: bool = False) -> tuple[Channel, bool]:
        """A connection, and whether it was used before. With `fresh` always a new one."""
        while not fresh and (kept := self._take(origin, use)):
            # Anything to read before we asked, or the end: the server is done with this connection.
            if kept.peek() is None:
                return kept, True
            kept.close()
        return self._dialer.open(origin), False

    def release(self, origin: Origin, use: Use, channel: Channel) -> None:
        """Keep a connection for the next request, or close it when there are enough."""
        with self._lock:
            idle = self._own()[origin, use]
            if len(idle) < _KEPT[use]:
                idle.append((self._clock.monotonic(), channel))
                return
        channel.close()

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            channels = [channel for idle in self._own().values() for _, channel in idle]
            self._idle.clear()
        for channel in channels:
            channel.close()

    def _take(self, origin: Origin, use: Use) -> Channel | None:
        with self._lock:
            stale = self._drop_stale()
            idle = self._own()[origin, use]
            taken = idle.pop()[1] if idle else None
        for channel in stale:
            channel.close()
        return taken

    def _drop_stale(self) -> list[Channel]:
        """All that have been idle for too long, whatever their origin; the caller closes them."""
        stale, now = [], self._clock.monotonic()
        for key, idle in list(self._own().items()):
            stale += [channel for since, channel in idle if since < now - _IDLE_S[key[1]]]
            idle[:] = [(since, channel) for since, channel in idle if since >= now - _IDLE_S[key[1]]]
            if not idle:
                del self._idle[key]
        return stale

    def _own(self) -> defaultdict[tuple[Origin, Use], list[tuple[float, Channel]]]:
        """The idle connections of this process: those of a parent would mix two streams in one."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._idle = defaultdict(list)
        return self._idle

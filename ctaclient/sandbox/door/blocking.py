"""Too many 401 block everybody for a while: the address is all that a dCache door looks at (storage.md 1.12)."""

from __future__ import annotations

import threading
import time

from ctaclient.sandbox.serving.answer import Refusal

_WINDOW_S = 20.0
_BLOCK_S = 10.0


class Blocking:
    """`limit` so many 401 in 20 s lead to 10 s of 429; None: never."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._refused: list[float] = []
        self._blocked_until = 0.0

    def check(self) -> None:
        """Raises Refusal 429 while blocked."""
        left_s = self._blocked_until - time.monotonic()
        if left_s > 0:
            raise Refusal(429, "Server is busy", headers={"Retry-After": str(int(left_s) + 1)})

    def count(self) -> None:
        """One more 401."""
        if self._limit is None:
            return
        now = time.monotonic()
        with self._lock:
            self._refused = [moment for moment in self._refused if now - moment < _WINDOW_S] + [now]
            if len(self._refused) >= self._limit:
                self._refused.clear()
                self._blocked_until = now + _BLOCK_S

"""A clock that obeys."""

from __future__ import annotations


class FakeClock:
    """Both clocks, moved by hand or by `sleep`."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.wall = now
        self.passed = 0.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.wall += seconds
        self.passed += seconds

"""A lease in a directory that many machines share: one holder, who is followed when it ends or is known to be dead.

The store has one, whose holder refreshes while the others watch; and each profile has one that is held only while its
refresh token is being spent. The first decides who works, the second is what makes two at once impossible, whatever
becomes of locks, clocks and processes that are stopped and go on (agent.md 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctaclient_agent.machines.fence import Fence
from ctaclient_agent.machines.holder import Holder, is_dead, read_holder

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient._util.clock import Clock
    from ctaclient_agent.machines.fence import Post


@dataclass(frozen=True, slots=True)
class Terms:
    """How long leases last, in seconds: the store's, looked after each `tick_s`, and that of one use of a token.

    A holder sends within half of `spending_s`; what the kernel could not deliver it gives up 30 s later.
    """

    lease_s: float = 90.0
    tick_s: float = 30.0
    spending_s: float = 180.0


@dataclass(frozen=True, slots=True)
class Held:
    """Who has the lease, or had it last. `free`: whoever wants may have it now; `given_up`: he said so himself."""

    holder: Holder | None
    note: dict[str, Any]
    free: bool
    given_up: bool


class Lease:
    """The lease in `directory`, of `life_s` seconds, as `me` sees it."""

    def __init__(self, directory: Path, me: Holder, clock: Clock, life_s: float) -> None:
        self._fence = Fence(directory)
        self._me = me
        self._clock = clock
        self._life_s = life_s
        self._number: int | None = None
        self._renewed_at = 0.0

    def take(self, note: dict[str, Any] | None = None) -> bool:
        """Get it; False when another has it. What is taken while one has it already is a new one."""
        before = self._clock.monotonic()
        number = self._fence.take({**self._me.to_dict(), **(note or {})}, may_follow=self._is_free)
        if number is None:
            return False
        self._number, self._renewed_at = number, before
        return True

    def renew(self) -> bool:
        """Keep it for another `life_s`; False when it has passed to another, or was never ours."""
        if self._number is None:
            return False
        before = self._clock.monotonic()
        if not self._counts():
            return False
        self._fence.keep(self._number)
        if not self._counts():
            return False
        self._renewed_at = before
        return True

    def release(self) -> None:
        """Let another have it at once; does nothing when it is not held."""
        if self._number is not None:
            self._fence.give_up(self._number)
            self._number = None

    def left_s(self) -> float:
        """Seconds for which it is surely ours, 0 when it is not. By a clock that goes on in suspend."""
        if self._number is None:
            return 0.0
        left = self._renewed_at + self._life_s - self._clock.monotonic()
        return left if left > 0 and self._counts() else 0.0

    def look(self) -> Held | None:
        """Who has it, or None when nobody ever had."""
        top = self._fence.top()
        if top is None:
            return None
        return Held(read_holder(top.note), top.note, free=self._is_free(top), given_up=top.age_s == float("inf"))

    def _counts(self) -> bool:
        if self._fence.highest() == self._number:
            return True
        self._number = None
        return False

    def _is_free(self, top: Post) -> bool:
        # A time far ahead is one of a server whose clock was set back: nobody renews that.
        if abs(top.age_s) > self._life_s or top.number == self._number:
            return True
        holder = read_holder(top.note)
        return holder is not None and is_dead(holder, self._me)

"""A request that leaves in time or never: another machine counts on that when it takes over.

Between looking at the clock and sending, the process may be stopped (SIGSTOP, a batch system's suspend) for as long as
it takes others to follow. So the kernel is told to end a process that goes on too late: SIGALRM, its action left at the
default, is delivered before the first instruction after SIGCONT (signal(7)).
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctaclient._util.clock import Clock


class SendLimit:
    """A limit of `seconds` from now for one request; `passed` tells whether it came too late."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self.passed = False
        self._clock = clock
        self._deadline = clock.monotonic() + seconds

    def begin(self) -> None:
        """The body is sent from here on. Raises TimeoutError when that is too late."""
        left_s = self._deadline - self._clock.monotonic()
        if left_s <= 0:
            self.passed = True
            raise TimeoutError
        _ALARM.set(self, self._deadline, self._clock)

    def end(self) -> None:
        """It is in the kernel's hands, or will not be sent."""
        _ALARM.clear(self, self._clock)


class _Alarm:
    """The process's one alarm (setitimer(2)), set to the nearest of many deadlines."""

    def __init__(self) -> None:
        self._deadlines: dict[SendLimit, float] = {}
        self._guard = threading.Lock()

    def set(self, who: SendLimit, deadline: float, clock: Clock) -> None:
        with self._guard:
            self._deadlines[who] = deadline
            self._arm(clock)

    def clear(self, who: SendLimit, clock: Clock) -> None:
        with self._guard:
            self._deadlines.pop(who, None)
            self._arm(clock)

    def _arm(self, clock: Clock) -> None:
        nearest = min(self._deadlines.values(), default=None)
        signal.setitimer(signal.ITIMER_REAL, 0.0 if nearest is None else max(nearest - clock.monotonic(), 0.001))


_ALARM = _Alarm()

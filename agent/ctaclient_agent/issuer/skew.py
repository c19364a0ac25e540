"""How far an issuer's clock is from ours, by the `Date` of its answers (RFC 9110 6.6.1).

Only worth a warning: lives are counted from receipt (agent.md 6).
"""

from __future__ import annotations

import threading
from email.utils import parsedate_to_datetime

_TOLERATED_S = 60.0  # what the WLCG profile 1.3 tells everybody to allow for


def clock_skew_s(date: str | None, now: float) -> float:
    """By how many seconds the writer of the header `date` is ahead of `now`; 0 where that cannot be told."""
    try:
        return parsedate_to_datetime(date or "").timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return 0.0


def describe_skew(skew_s: float) -> str | None:
    """What to tell a person about it, or None while it is small."""
    if abs(skew_s) <= _TOLERATED_S:
        return None
    way = "ahead of" if skew_s > 0 else "behind"
    return (
        f"the issuer's clock is {abs(skew_s) / 60:.0f} min {way} this machine's: one of them is wrong, and a storage "
        "that keeps other time may refuse the tokens"
    )


class SkewWatch:
    """Tells each skew once. Safe to share between threads."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}
        self._guard = threading.Lock()

    def news(self, profile: str, skew_s: float) -> str | None:
        """What is to be said about the clock of the issuer of `profile` that was not said before."""
        with self._guard:
            text = describe_skew(skew_s)
            if text is None:
                self._told.pop(profile, None)
                return None
            if abs(skew_s - self._told.get(profile, 0.0)) <= _TOLERATED_S:
                return None
            self._told[profile] = skew_s
            return text

"""When a login ends by itself, and when that is worth a word. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_DAY_S = 86_400.0
# Answers arrive late and count whole seconds: an end that moved by less is the same.
_TOLERANCE_S = 60.0
_SETTLED_S = 3600.0


@dataclass(frozen=True, slots=True)
class Horizon:
    """The end of a login, and since when it has been this one. Both seconds since the epoch.

    Keycloak's idle limits move with each refresh (KC#48063): `since` is then always a moment ago, and nobody is warned
    of an end that the agent itself puts off.
    """

    ends_at: float
    since: float

    def is_settled(self, now: float) -> bool:
        """Whether refreshes have left it alone for an hour: then it is worth remembering."""
        return now - self.since >= _SETTLED_S


def horizon(before: Horizon | None, ends_at: float, now: float) -> Horizon:
    """What is known after the issuer named `ends_at` (again)."""
    if before is not None and abs(ends_at - before.ends_at) <= _TOLERANCE_S:
        return before
    return Horizon(ends_at, now)


def days_left_to_tell(known: Horizon, now: float) -> int | None:
    """7 or 1 when so few days are left of a login that was to last longer, else None."""
    for days in (1, 7):
        if known.ends_at - now <= days * _DAY_S < known.ends_at - known.since:
            return days
    return None

"""Times as people say them: in local time, and how far away."""

from __future__ import annotations

from datetime import datetime

_UNITS = ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min"))


def span(seconds: float) -> str:
    """A duration in one unit, rounded down: `50 s`, `3 min`, `7 h`, `12 days`."""
    for size_s, unit in _UNITS:
        # from two on: `47 h` says more than `1 days`
        if seconds >= (2 * size_s if unit == "days" else size_s):
            return f"{seconds // size_s:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def moment(at: float, now: float | None = None) -> str:
    """`at` on the local clock, without the date if that is today's, `now` being the present."""
    try:
        local = datetime.fromtimestamp(at).astimezone()
        today = None if now is None else datetime.fromtimestamp(now).astimezone().date()
    except (OverflowError, OSError, ValueError):  # a time that no calendar has
        return f"{at:g} s after 1970"
    return local.strftime("%H:%M" if local.date() == today else "%Y-%m-%d %H:%M")


def upcoming(at: float, now: float) -> str:
    """`14:05 (in 3 min)`, or `13:50 (12 min ago)`."""
    away = f"in {span(at - now)}" if at > now else f"{span(now - at)} ago"
    return f"{moment(at, now)} ({away})"

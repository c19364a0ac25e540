"""Moments as people here write them."""

from __future__ import annotations

from datetime import UTC, datetime


def local_time(seconds: float) -> str:
    """A moment as people here write it."""
    try:
        return datetime.fromtimestamp(seconds, tz=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):  # a time that no calendar has
        return f"{seconds:g} s after 1970"

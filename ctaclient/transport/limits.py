"""How long to wait for what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. A dCache door may take minutes to redirect: pool selection, recall, mover queue (storage.md 1.2)."""

    connect_s: float = 15
    first_byte_s: float = 300
    stall_s: float = 60

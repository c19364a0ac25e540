"""What a service manager is told: sd_notify(3)'s protocol, which is a datagram on a Unix socket."""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)

# What a process started for the agent's sake must not inherit, and an agent that replaces itself must keep.
VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class ServiceManager:
    """The manager that started this process, or nobody. Never raises: an agent works without one."""

    def __init__(self, environ: Mapping[str, str], pid: int) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._interval_s = _interval_s(environ, pid)

    @property
    def interval_s(self) -> float | None:
        """How often `alive` is expected: half of the watchdog's time (sd_watchdog_enabled(3)), None for never."""
        return self._interval_s if self._address else None

    def ready(self, status: str) -> None:
        """It serves."""
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self, status: str | None = None) -> None:
        """It is not stuck; with a new line of status, if there is one."""
        lines = [f"STATUS={status}"] if status is not None else []
        if self._interval_s is not None:
            lines.append("WATCHDOG=1")
        if lines:
            self._send("\n".join(lines))

    def stopping(self) -> None:
        """It ends on its own will."""
        self._send("STOPPING=1\nSTATUS=finishing what is under way")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(1.0)
                sender.sendto(message.encode(), self._address)
        except OSError as error:
            _log.warning("the service manager cannot be told: %s", error.strerror or type(error).__name__)


def _address(value: str) -> str | None:
    if value.startswith("@"):
        return "\0" + value[1:]
    return value if os.path.isabs(value) else None


def _interval_s(environ: Mapping[str, str], pid: int) -> float | None:
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None  # meant for another process
    try:
        usec = int(environ.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return usec / 2_000_000 if usec > 0 else None

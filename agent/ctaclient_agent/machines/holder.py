"""Which process on which machine: who holds a lease, and whether it can be known to have died."""

from __future__ import annotations

import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ctaclient._util.redact import printable
from ctaclient.control.whereabouts import boot as this_boot
from ctaclient_agent import version


@dataclass(frozen=True, slots=True)
class Holder:
    """An agent's process. `started_at` is seconds since the epoch; `socket` is where it listens on its own machine.

    `boot` names one boot of one machine and, because containers share the machine's, the space of process numbers;
    empty where the system tells no such thing. `ticks` is the process's start on the machine's clock: a process number
    is used again, the pair is not.
    """

    host: str
    boot: str
    pid: int
    ticks: int
    started_at: float
    version: str
    socket: str = ""

    def __str__(self) -> str:
        return f"pid {self.pid}" if self.host == socket.gethostname() else f"pid {self.pid} on {self.host}"

    def is_neighbour_of(self, other: Holder) -> bool:
        """Whether both see the same processes, so that each can know whether the other lives."""
        return bool(self.boot) and self.boot == other.boot

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def this_process(now: float, *, socket_path: str = "", boot: str | None = None) -> Holder:
    """The holder that this process is."""
    pid = os.getpid()
    return Holder(
        host=socket.gethostname(),
        boot=this_boot() if boot is None else boot,
        pid=pid,
        ticks=_ticks(pid) or 0,
        started_at=now,
        version=version(),
        socket=socket_path,
    )


def read_holder(body: Any) -> Holder | None:
    """The holder that parsed JSON describes, or None."""
    try:
        pid = int(body["pid"])
        if not 0 < pid < 2**31:  # pid_t, and no group of processes (kill(2))
            return None
        return Holder(
            host=printable(str(body["host"]), limit=100),
            boot=str(body["boot"]),
            pid=pid,
            ticks=int(body["ticks"]),
            started_at=float(body["started_at"]),
            version=printable(str(body["version"]), limit=40),
            socket=str(body["socket"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def is_dead(holder: Holder, me: Holder) -> bool:
    """Whether `holder` has certainly ended. False where that cannot be known: on another machine, before its boot."""
    if not holder.is_neighbour_of(me):
        return False
    ticks = _ticks(holder.pid)
    return _is_gone(holder.pid) if ticks is None else ticks != holder.ticks


def _is_gone(pid: int) -> bool:
    """Whether there is no such process. Asked where /proc does not show it: mounted with hidepid, as on login nodes.

    A number that was used again counts as alive there: then the lease's end is waited for.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _ticks(pid: int) -> int | None:
    """Start of a process in clock ticks since boot (proc(5), field 22), -1 for one that has ended and was not reaped.

    None when it is not shown.
    """
    try:
        data = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The second field is the program's name, in parentheses, with whatever in it.
    fields = data.rpartition(b")")[2].split()
    return -1 if fields[0] in (b"Z", b"X") else int(fields[19])

"""The real agent as a process: from approval to the token, its memory, and what it does when there is nothing to do."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient.sandbox import Options, Sandbox
from tests.bench.result import Result, timed
from tests.support.agent_home import AgentHome
from tests.support.memory import proportional_kib, resident_kib
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

APPROVAL_LIMIT_S = 2.0
MEMORY_LIMIT_MIB = 45.0
# A tick of 30 s may wake it twice: for the lease, and for a reader.
WAKES_PER_TICK, TICK_S = 2, 30.0
CPU_LIMIT_MS = 30.0
_REFRESHES = 5
_LOGINS = 5


def approval(directory: Path, sandbox: Sandbox) -> list[Result]:
    """Seconds from the moment of approval until the token file is there, with a polling interval of 1 s."""
    samples = []
    for number in range(_LOGINS):
        home = AgentHome(directory / f"login-{number}", sandbox)
        try:
            done = home.log_in()
            samples.append(home.store.token_file(home.profile).stat().st_mtime - done.approved_at)
        finally:
            home.end()
    return [timed("from approval to the token file, interval 1 s", samples, "s", limit=APPROVAL_LIMIT_S)]


def memory(directory: Path) -> list[Result]:
    """Memory right after the login, and after some refreshes of tokens that live 4 s."""
    with Sandbox.start(directory / "short-lived", Options(access_token_lifetime_s=4)) as sandbox:
        home = AgentHome(directory / "refreshing", sandbox)
        try:
            home.log_in()
            at_first = resident_kib(home.pid())
            eventually(lambda: home.generation() > _REFRESHES, timeout_s=60)
            later, shared = resident_kib(home.pid()), proportional_kib(home.pid())
        finally:
            home.end()
    results = [
        _memory("resident memory of the agent after the login", at_first),
        _memory(f"after {_REFRESHES} refreshes", later),
        _memory(f"after {_REFRESHES} refreshes, shared pages divided (PSS)", shared, limited=False),
    ]
    return [each for each in results if each is not None]


class Idle:
    """An agent that has nothing to do, watched from `start` until `stop`."""

    def __init__(self, directory: Path, sandbox: Sandbox) -> None:
        self._home = AgentHome(directory / "idle", sandbox)

    def start(self) -> None:
        """Log in, and begin to watch."""
        self._home.log_in()
        self._pid = self._home.pid()
        self._begun = time.monotonic()
        self._before = _work(self._pid)

    def stop(self, after_s: float, wait: Callable[[float], None]) -> list[Result]:
        """What it did, once `after_s` seconds have passed since `start`."""
        wait(self._begun + after_s - time.monotonic())
        passed_s = time.monotonic() - self._begun
        cpu_ms, wakes = (now - then for now, then in zip(_work(self._pid), self._before, strict=True))
        self._home.end()
        per_tick = wakes / passed_s * TICK_S
        return [
            Result(
                f"CPU of an idle agent in {passed_s:.0f} s",
                f"{cpu_ms:.1f} ms",
                "",
                f"≤ {CPU_LIMIT_MS:g} ms",
                cpu_ms <= CPU_LIMIT_MS,
            ),
            Result(
                f"times it woke up, for each {TICK_S:g} s",
                f"{per_tick:.1f}",
                "",
                f"≤ {WAKES_PER_TICK}",
                per_tick <= WAKES_PER_TICK,
            ),
        ]


def _memory(what: str, kib: int | None, *, limited: bool = True) -> Result | None:
    if kib is None:
        return None
    mib = kib / 1024
    if not limited:
        return Result(what, f"{mib:.1f} MiB")
    return Result(what, f"{mib:.1f} MiB", "", f"≤ {MEMORY_LIMIT_MIB:g} MiB", mib <= MEMORY_LIMIT_MIB)


def _work(pid: int) -> tuple[float, float]:
    """Milliseconds on a processor, and the number of times that a thread waited for something, so far."""
    cpu_ns = waits = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        cpu_ns += int((task / "schedstat").read_text().split()[0])
        found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)$", (task / "status").read_text(), re.MULTILINE)
        waits += int(found[1]) if found else 0
    return cpu_ns / 1e6, float(waits)

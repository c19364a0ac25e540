"""A process that was stopped before it sent does not send when it goes on too late."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ctaclient_agent.issuer.send_limit import SendLimit
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.support.clock import FakeClock

PROGRAM = """
import sys
from ctaclient._util.clock import SystemClock
from ctaclient_agent.process.hygiene import harden
from ctaclient_agent.issuer.send_limit import SendLimit
harden()
limit = SendLimit(float(sys.argv[1]), SystemClock())
limit.begin()
print("ready", flush=True)
sys.stdin.readline()
print("sent", flush=True)
limit.end()
sys.stdin.readline()
"""


def test_too_late_is_an_error(clock: FakeClock) -> None:
    limit = SendLimit(30, clock)
    clock.sleep(31)
    with pytest.raises(TimeoutError):
        limit.begin()
    assert limit.passed


@pytest.mark.parametrize(("seconds", "sent"), [("0.3", b""), ("60", b"sent\n")])
def test_stopped_and_gone_on(seconds: str, sent: bytes) -> None:
    ignoring = signal.signal(signal.SIGALRM, signal.SIG_IGN)  # as a careless parent would
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, seconds],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
    finally:
        signal.signal(signal.SIGALRM, ignoring)
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGSTOP)
        process.stdin.write(b"\n\n")
        process.stdin.flush()
        if not sent:
            # An alarm that is over is pending, and kills before anything else happens.
            eventually(lambda: int(pending(process.pid), 16) & 1 << (signal.SIGALRM - 1))
        process.send_signal(signal.SIGCONT)
        assert process.stdout.read() == sent
    assert process.returncode == (0 if sent else -signal.SIGALRM)


def pending(pid: int) -> str:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:  # noqa: PTH123
        return next(line.split()[1] for line in status if line.startswith("ShdPnd"))

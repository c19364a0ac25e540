"""Ending the agent of this machine, and waiting until it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctaclient.control.client import ask
from ctaclient.control.messages import Request
from ctaclient.errors import AgentError

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient._util.clock import Clock

# A refresh under way is finished first, so that a rotated refresh token is not lost: two requests of at most 30 s.
_TIMEOUT_S = 65.0


def stop_agent(socket: Path, clock: Clock) -> bool:
    """Whether there was one to stop. Raises AgentError when it does not end."""
    answer = ask(socket, Request("stop"))
    if answer is None:
        return False
    deadline = clock.monotonic() + _TIMEOUT_S
    while socket.exists():
        if clock.monotonic() > deadline:
            raise AgentError(f"the agent (pid {answer.get('pid')}) is still finishing", hint="ctaclient agent status")
        clock.sleep(0.05)
    return True

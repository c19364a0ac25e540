"""Ending the agent of this machine, and waiting until it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctaclient.control.client import ask
from ctaclient.control.messages import Request
from ctaclient.control.whereabouts import sockets
from ctaclient.errors import AgentError

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient._util.clock import Clock

# A refresh under way is finished first, so that a rotated refresh token is not lost: two requests of at most 30 s.
_TIMEOUT_S = 65.0


def stop_agent(runtime_socket: Path, store: Path, clock: Clock) -> Path | None:
    """Where the agent listened that has been stopped (see `sockets`), or None when there was none.

    Raises AgentError when it does not end.
    """
    trouble: AgentError | None = None
    for socket in sockets(runtime_socket, store):
        try:
            answer = ask(socket, Request("stop"))
        except AgentError as error:
            trouble = trouble or error
            continue
        if answer is not None:
            _wait_for_its_end(socket, answer.get("pid"), clock)
            return socket
    if trouble is not None:
        raise trouble
    return None


def _wait_for_its_end(socket: Path, pid: object, clock: Clock) -> None:
    deadline = clock.monotonic() + _TIMEOUT_S
    while socket.exists():
        if clock.monotonic() > deadline:
            raise AgentError(f"the agent (pid {pid}) is still finishing", hint="ctaclient agent logs")
        clock.sleep(0.05)

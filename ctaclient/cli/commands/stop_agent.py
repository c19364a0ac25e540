"""`ctaclient stop-agent`."""

from __future__ import annotations

import os

import click

from ctaclient._util.clock import SystemClock
from ctaclient.cli.options import debuggable
from ctaclient.config.paths import Paths
from ctaclient.control.client import ask
from ctaclient.control.messages import Request
from ctaclient.errors import AgentError

# A refresh under way is finished first, so that a rotated refresh token is not lost: two requests of at most 30 s.
_TIMEOUT_S = 65.0


@click.command("stop-agent")
@debuggable
def command() -> None:
    """Stop the agent of this machine. The login stays: start-agent goes on with it."""
    socket = Paths.of(os.environ).agent_socket
    answer = ask(socket, Request("stop"))
    if answer is None:
        click.echo("no agent is running", err=True)
        return
    clock = SystemClock()
    deadline = clock.monotonic() + _TIMEOUT_S
    while socket.exists():
        if clock.monotonic() > deadline:
            raise AgentError(f"the agent (pid {answer.get('pid')}) is still finishing", hint="ctaclient agent status")
        clock.sleep(0.05)
    click.echo("the agent has stopped", err=True)

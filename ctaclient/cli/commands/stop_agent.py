"""`ctaclient stop-agent`."""

from __future__ import annotations

import os

import click

from ctaclient._util.clock import SystemClock
from ctaclient.cli.options import debuggable
from ctaclient.config.paths import Paths
from ctaclient.control.stop import stop_agent


@click.command("stop-agent")
@debuggable
def command() -> None:
    """Stop the agent of this machine. The login stays: start-agent goes on with it."""
    paths = Paths.of(os.environ)
    stopped = stop_agent(paths.agent_socket, paths.store, SystemClock())
    click.echo("the agent has stopped" if stopped else "no agent is running", err=True)

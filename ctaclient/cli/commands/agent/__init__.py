"""`ctaclient agent`: look after the token agent."""

from __future__ import annotations

import click

from ctaclient.cli.commands.agent.errors import errors
from ctaclient.cli.commands.agent.install import install, uninstall
from ctaclient.cli.commands.agent.link import link
from ctaclient.cli.commands.agent.logs import logs
from ctaclient.cli.commands.agent.status import status


@click.group("agent")
def command() -> None:
    """The token agent: how it is, what it did, and as a service."""


for each in (status, logs, errors, link, install, uninstall):
    command.add_command(each)

"""`ctaclient agent logs`."""

from __future__ import annotations

import os

import click

from ctaclient._util.clock import SystemClock
from ctaclient.cli.options import debuggable
from ctaclient.config.paths import Paths
from ctaclient.control.log_files import LogFiles
from ctaclient.control.log_records import last_records, shown


@click.command("logs")
@click.option("-n", "count", metavar="N", type=click.IntRange(min=0), default=20, show_default=True, help="So many.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@debuggable
def logs(count: int, follow: bool) -> None:
    """Show the last records of the agent's log. A traceback belongs to its record and is not cut."""
    path = Paths.of(os.environ).agent_log
    with LogFiles(path) as files:
        if not path.exists():
            click.echo(f"there is no log yet ({path})", err=True)
        for record in last_records(files.read(), count):
            for line in record:
                click.echo(shown(line))
        if follow:
            for line in files.follow(SystemClock()):
                click.echo(shown(line))

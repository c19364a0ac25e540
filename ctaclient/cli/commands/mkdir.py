"""`ctaclient mkdir`."""

from __future__ import annotations

import click

from ctaclient.cli.options import Context, shared
from ctaclient.cli.results import for_each


@click.command("mkdir")
@click.argument("remote", nargs=-1, required=True)
@click.option("-p", "--parents", is_flag=True, help="Make missing parents; an existing directory is fine.")
@shared
def command(remote: tuple[str, ...], parents: bool, context: Context) -> None:
    """Make directories."""
    with context.client() as client:
        for_each(remote, lambda name: client.mkdir(name, parents=parents))

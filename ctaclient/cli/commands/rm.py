"""`ctaclient rm`."""

from __future__ import annotations

import sys

import click

from ctaclient._util.redact import printable
from ctaclient.cli.options import Context, shared
from ctaclient.cli.results import for_each
from ctaclient.errors import UsageError


@click.command("rm")
@click.argument("remote", nargs=-1, required=True)
@click.option("-r", "--recursive", is_flag=True, help="Delete directories with all that is in them.")
@click.option("--yes", is_flag=True, help="Do not ask. Needed with -r where nobody can be asked.")
@shared
def command(remote: tuple[str, ...], recursive: bool, yes: bool, context: Context) -> None:
    """Delete files, or directories with -r."""
    if recursive and not yes:
        if not sys.stdin.isatty():
            raise UsageError("rm -r asks before it deletes, and there is no terminal", hint="rm -r --yes …")
        names = ", ".join(printable(name) for name in remote)
        click.confirm(f"Delete {names} with all that is in it?", abort=True, err=True)
    with context.client() as client:
        for_each(remote, lambda name: client.rm(name, recursive=recursive))
